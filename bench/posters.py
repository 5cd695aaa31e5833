"""How long a poster takes, for every script: from the request to the file, without a network between.

Each is of an invented child of the sandbox whom no poster was made of before, with a drawn portrait; the
process that sets them is at work already.

    python -m bench.posters                        a table
    python -m bench.posters --json                 one object
    python -m bench.posters --pictures FOLDER      draws one poster a script, instead
"""

import argparse
import io
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from bench.network import Homes
from bench.records import SETTINGS
from node.config import LogConfig, SiteConfig
from node.domain.scripts import script_of
from node.log import set_up_log
from node.runtime import Node
from node.sandbox.people import invent_case
from node.sandbox.portraits import draw_portrait
from node.services.disclosure import publishing
from node.services.register import cases
from node.services.site.posters import Form, Turns, Wish, make_poster
from node.web.public import make_site_app
from node.web.public.posters import SPEECH
from node.web.public.request import LANGUAGES

GOAL_MS = {"pdf": 150.0, "png": 300.0}
OWN, OTHER = "police.bench.example", "police.owner.example"
COUNTRIES = {
    "en": "KE", "es": "MX", "fr": "FR", "pt": "BR", "de": "FR", "nl": "FR", "it": "FR", "el": "GR",
    "ru": "UA", "ar": "EG", "he": "IL", "hi": "IN", "th": "TH", "zh": "CN", "ja": "JP", "ko": "KR",
    "am": "ET", "bn": "BD", "ka": "GE", "ta": "LK",
}  # fmt: skip
"""Where the child on a poster in each language went missing; the last four are no languages of the site, and
are written in other scripts."""

_PICTURE_WIDTH = 380
_COLOURS = 48


@contextmanager
def opened() -> Iterator[Node]:
    """Give a node that has joined a network."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        opened = Homes(Path(name), [OWN, OTHER], SETTINGS).homes[0].open()
        # The code on a poster leads to an address: that of a port which nobody listens on here.
        node = replace(opened, config=replace(opened.config, site=SiteConfig()))
        yield node
        node.typesetter.close()
        node.engine.dispose()


def publish_child(node: Node, country: str, seed: int) -> str:
    """Publish the case of an invented child with a portrait, and return its id."""
    rng, folder = random.Random(seed), node.scratch()
    record = invent_case(country, rng, now=node.now())
    record["photos"] = []
    age = record["age_at_disappearance"]
    years = age["max"] / (12 if age["unit"] == "month" else 1)
    shown = [("photo", years)] if seed % 3 else [("photo", years), ("age_progressed", years + 3)]
    for kind, depicted in shown:
        portrait = draw_portrait(
            random.Random(seed),
            sex=record["sex"],
            age=depicted,
            hair=record["hair"],
            eyes=record["eyes"],
            complexion=record["complexion"],
        )
        portrait.save(folder / f"{kind}.jpg", "JPEG", quality=88)
        record["photos"].append(
            {
                "kind": kind,
                "file": f"{kind}.jpg",
                "primary": kind == "photo",
                "age_depicted": int(depicted),
                "taken": record["missing_since"][:7] if kind == "photo" else f"{node.now():%Y-%m}",
            }
        )
    (made,) = cases.add_cases(node, [record], "bench", folder)
    publishing.publish(node, [made.case_id], "bench")
    return made.case_id


def run(children: int) -> dict[str, Any]:
    """Measure PDF and PNG in every language."""
    languages: dict[str, Any] = {}
    with opened() as node:
        app = make_site_app(node)
        with app.test_request_context("/en/"):
            for language, country in COUNTRIES.items():
                made = [publish_child(node, country, seed) for seed in range(children + 1)]
                _make(node, made.pop(), language, "pdf")  # the first brings the font
                languages[language] = {"script": script_of(language)} | {
                    form: round(
                        statistics.median(_milliseconds(node, case, language, form) for case in made), 1
                    )
                    for form in GOAL_MS
                }
    return {"children": children, "languages": languages}


def draw_pictures(folder: Path) -> None:
    """Draw a poster in every script, the styles by turns, small enough for a page."""
    scripts = {script_of(language): language for language in reversed(COUNTRIES)}
    with opened() as node:
        app = make_site_app(node)
        with app.test_request_context("/en/"):
            for number, language in enumerate(sorted(scripts.values())):
                case = publish_child(node, COUNTRIES[language], 7 + number)
                style = ("classic", "action")[number % 2]
                with Image.open(io.BytesIO(_make(node, case, language, "png", style))) as whole:
                    size = (_PICTURE_WIDTH, round(whole.height * _PICTURE_WIDTH / whole.width))
                    small = whole.convert("RGB").resize(size, Image.Resampling.LANCZOS)
                few = small.quantize(_COLOURS, dither=Image.Dither.NONE)
                few.save(folder / f"poster-{language}.png", optimize=True)


def _make(node: Node, case: str, language: str, form: Form, style: str = "classic") -> bytes:
    wish = Wish(style, "A4", form, (language,))
    return make_poster(node, case, wish, SPEECH, Turns(most=10**6, most_each=10**6))


def _milliseconds(node: Node, case: str, language: str, form: Form) -> float:
    started = time.perf_counter()
    _make(node, case, language, form)
    return (time.perf_counter() - started) * 1e3


def main() -> int:
    """Measure and print; 0 if every script meets its goals."""
    parser = argparse.ArgumentParser(description="Speed of posters.")
    parser.add_argument(
        "--children", type=int, default=9, help="posters of each kind in each language (default 9)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pictures", type=Path, help="draw posters into this folder instead")
    options = parser.parse_args()
    set_up_log(LogConfig(level="warning"))
    if options.pictures:
        draw_pictures(options.pictures)
        return 0
    results, slow = run(options.children), 0
    for language in COUNTRIES:
        figures = results["languages"][language]
        met = all(figures[form] < goal for form, goal in GOAL_MS.items())
        slow += not met
        if not options.json:
            line = (
                f"{LANGUAGES.get(language, language):<14}{figures['script']}  PDF {figures['pdf']:>6.1f} ms"
            )
            print(f"{line}  PNG {figures['png']:>6.1f} ms{'' if met else '   too slow'}")
    if options.json:
        print(json.dumps(results))
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
