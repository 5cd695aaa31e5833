# Everything a newcomer types. All of it runs from .venv, which `make setup` fills from the locked requirements;
# nothing is installed outside this folder. `make` alone says what there is.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.filled

# Set PYTHON to choose another interpreter: make setup PYTHON=/opt/python3.13/bin/python3
PYTHON ?=
# The system's own first: it gets its security updates with the system, and is built with all optimizations,
# which one that somebody compiled often is not.
PYTHONS := /usr/bin/python3 python3 python3.11 python3.12 python3.13 python3.14
# Workers also wait, for sockets, browsers and PostgreSQL: three kept two cores busy 94 % of the time, four 98 %.
PYTEST_ARGS ?= -n $(shell echo $$(( $$(nproc) * 2 )))
# Tests commit thousands of times: in memory, where there is room for it, a commit need not wait for a disk.
FAST_TMP := $(shell [ "$$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 6000000 ] 2>/dev/null && echo TMPDIR=/dev/shm)

# DEMO_ARGS="--once" plays the whole story and ends.
DEMO_ARGS ?=

# FUZZ_ARGS="--seconds 600 leaf" fuzzes one target for ten minutes instead of each for one.
FUZZ_ARGS ?=

COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage check format fuzz bench bench-peers texts pictures poster-pictures lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## fill .venv from the locks and install the project into it

demo: setup ## build a network of five nodes on this machine and watch them exchange cases
	$(BIN)/gmcn sandbox $(DEMO_ARGS)

test: setup ## run all tests (PYTEST_ARGS="-k feed" for some of them)
	$(FAST_TMP) $(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: setup ## hold protocol/ to full branch coverage by its own tests
	$(BIN)/python -m pytest $(PYTEST_ARGS) tests/protocol --cov=protocol --cov-report=term-missing --cov-fail-under=100

check: setup ## lint, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## let ruff mend order and layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: setup ## feed every reader of foreign bytes with what atheris thinks of (FUZZ_ARGS="--seconds 600 leaf")
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

bench: setup ## run the benchmarks and write bench/results
	$(BIN)/python -m bench

bench-peers: setup ## the same first pull by git, hypercore and PouchDB
	$(BIN)/python -m bench peers

texts: setup ## bring the files of translations up to date, of the console and the site
	$(BIN)/python -m node.web.console.texts
	$(BIN)/python -m node.web.public.texts

pictures: setup ## take the pictures of docs/officers.md and docs/families.md anew, in a sandbox
	GMCN_PICTURES=docs/pictures $(BIN)/python -m pytest tests/node/web/days

poster-pictures: setup ## draw the pictures of docs/posters.md anew
	$(BIN)/python -m bench.posters --pictures docs/pictures

lock: setup ## resolve the dependencies anew (LOCK="--upgrade" for newer ones)
	$(COMPILE) $(LOCK) --extra postgres --output-file requirements/base.txt pyproject.toml
	$(COMPILE) $(LOCK) --extra postgres --extra dev --constraint requirements/base.txt \
		--output-file requirements/dev.txt pyproject.toml
	$(COMPILE) $(LOCK) --output-file requirements/fuzz.txt requirements/fuzz.in

clean: ## remove what the tools made, but not .venv
	rm -rf build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf bench/peers/node_modules fuzz-failures
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamp makes this idempotent: it is renewed only when a lock or the metadata is newer.
$(STAMP): requirements/dev.txt pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
		for candidate in $(or $(PYTHON),$(PYTHONS)); do \
			if ! "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then continue; fi; \
			if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then found=$$candidate; break; fi; \
			bare=$$candidate; \
		done; \
		if [ -z "$$found$$bare" ]; then \
			echo "Python 3.11 or newer was not found. Install it, or say where it is: make setup PYTHON=/path/to/python3" >&2; exit 1; \
		fi; \
		if [ -z "$$found" ]; then \
			echo "$$bare has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
		fi; \
		echo "Making $(VENV) with $$found"; \
		"$$found" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; \
	fi
	@echo "Installing the locked packages into $(VENV): 700 MB, once; a minute or two, or ten on an old computer"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Ready: $(BIN)/gmcn --help"
