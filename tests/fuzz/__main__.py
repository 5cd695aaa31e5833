"""Feed every reader of foreign bytes with what atheris thinks of: `make fuzz`.

python -m tests.fuzz                     every target, each in a process of its own
python -m tests.fuzz --seconds 600 leaf  one target, for ten minutes

What makes a target fail is kept in fuzz-failures/ and named; give such a file to `--again` to see it fail.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FAILURES = Path("fuzz-failures")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of foreign bytes.")
    parser.add_argument("targets", nargs="*", help="some of them (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default 60)")
    parser.add_argument("--again", type=Path, help="feed one target with the bytes of a file")
    parser.add_argument("--here", action="store_true", help="fuzz one target in this process")
    options = parser.parse_args()
    if options.here:
        return _fuzz(options.targets[0], options.seconds)
    from tests.fuzz.targets import TARGETS

    names = options.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}; there are: {', '.join(TARGETS)}")
    if options.again is not None:
        TARGETS[names[0]].feed(options.again.read_bytes())
        return 0
    failed = [name for name in names if not _run(name, options.seconds)]
    print(
        f"{len(names) - len(failed)} of {len(names)} targets held",
        *(f"{name} failed" for name in failed),
        sep="; ",
    )
    return 1 if failed else 0


def _run(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own, which ends with its first failure."""
    command = [sys.executable, "-m", "tests.fuzz", name, "--here", "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    told = [line for line in output.splitlines() if line.startswith("Done ")]
    print(f"{name}: {told[0] if told else f'FAILED ({done.returncode})'}", flush=True)
    if done.returncode:
        print("\n".join(output.splitlines()[-40:]), flush=True)
    return done.returncode == 0


def _fuzz(name: str, seconds: int) -> int:
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: run `make fuzz`, or pip install atheris.", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["protocol", "node.adapters"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    FAILURES.mkdir(exist_ok=True)
    prefix = f"-artifact_prefix={FAILURES}/{name.replace(' ', '-')}-"
    with tempfile.TemporaryDirectory(prefix="gmcn-fuzz-") as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=70000"]
        atheris.Setup([sys.argv[0], corpus, prefix, *limits], target.feed)
        atheris.Fuzz()  # ends the process
    return 0


if __name__ == "__main__":
    sys.exit(main())
