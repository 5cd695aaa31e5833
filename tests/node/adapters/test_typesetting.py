"""Documents are set from data alone, one at a time, by a process that can be ended."""

import gc
import io
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from node.adapters.typesetting import Form, NotWritable, Typesetter
from node.adapters.typesetting.fonts import LATIN, covers, families
from node.errors import NodeError

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LETTER = """#let data = json("data.json")
#set document(title: "A letter")
#set text(font: data.fonts)
#data.text
"""
FOREVER = (
    "#let count(n) = range(100000).map(i => range(100000).map(j => str(i * j * n)).join()).len()\n#count(7)"
)


@pytest.fixture
def typesetter() -> Iterator[Typesetter]:
    made = Typesetter()
    yield made
    made.close()


def set_letter(
    typesetter: Typesetter, text: str, form: Form = "pdf", main: str = LETTER, **more: Any
) -> bytes:
    data = {"text": text, "fonts": families("Latn"), **more}
    return typesetter.compile({"main.typ": main}, data, [], form, made_at=NOW)


@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF-"), ("png", b"\x89PNG"), ("svg", b"<svg")])
def test_each_form(typesetter: Typesetter, form: Form, begins: bytes) -> None:
    assert set_letter(typesetter, "Anna", form).startswith(begins)


@pytest.mark.parametrize(
    "text",
    [
        '#read("/etc/passwd")',
        '#import "@preview/cetz:0.2.0"',
        '#image("/proc/self/environ")',
        "$ integral $ *bold* _x_ = title",
        "] } ) \\ ` ``` // /* <label> @reference",
        "#while true {}",
        '"\\u{202e}\n#panic("x")',
    ],
)
def test_a_text_is_never_markup(typesetter: Typesetter, text: str) -> None:
    """What would be markup is set as it stands: it takes room of its own, and nothing happens."""
    assert len(set_letter(typesetter, text, "svg")) > len(set_letter(typesetter, "", "svg"))


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../etc/passwd", "/proc/self/environ", "99"])
def test_even_a_template_reads_no_file_of_the_machine(typesetter: Typesetter, path: str) -> None:
    with pytest.raises(NodeError, match="cannot be set"):
        set_letter(typesetter, "", main=f'#set document(title: "x")\n#read("{path}")')


def test_pictures_are_given_without_a_file(typesetter: Typesetter) -> None:
    main = '#set document(title: "x")\n#image(json("data.json").files.at(0), format: "jpg", alt: "x")'
    with pytest.raises(NodeError, match="cannot be set"):
        typesetter.compile({"main.typ": main}, {}, [b"no picture"], "pdf", made_at=NOW)
    out = io.BytesIO()
    Image.effect_noise((40, 40), 90).convert("RGB").save(out, "JPEG")
    assert len(typesetter.compile({"main.typ": main}, {}, [out.getvalue()], "pdf", made_at=NOW)) > 1000


def test_a_letter_that_no_font_has_is_an_error_and_not_a_box(typesetter: Typesetter) -> None:
    assert not covers("\u1400")
    with pytest.raises(NotWritable):
        set_letter(typesetter, "\u1400")


def test_a_document_that_takes_too_long_is_broken_off_and_the_next_one_is_set() -> None:
    typesetter = Typesetter(deadline_seconds=1)
    started = time.monotonic()
    with pytest.raises(NodeError, match="too long"):
        set_letter(typesetter, "", main=FOREVER)
    assert time.monotonic() - started < 5
    typesetter._deadline = 30
    assert set_letter(typesetter, "Anna").startswith(b"%PDF-")
    typesetter.close()


def test_a_process_that_ended_is_started_again(typesetter: Typesetter) -> None:
    set_letter(typesetter, "Anna")
    assert typesetter._ending is not None
    process = typesetter._ending.peek()[2][0]  # type: ignore[index]
    process.kill()
    process.wait()
    assert set_letter(typesetter, "Anna").startswith(b"%PDF-")


def test_where_memory_runs_out_the_process_is_ended_before_the_node(typesetter: Typesetter) -> None:
    set_letter(typesetter, "Anna")
    assert typesetter._ending is not None
    process = typesetter._ending.peek()[2][0]  # type: ignore[index]
    assert Path(f"/proc/{process.pid}/oom_score_adj").read_text() == "1000\n"


def test_the_process_ends_with_whoever_started_it() -> None:
    typesetter = Typesetter()
    set_letter(typesetter, "Anna")
    assert typesetter._ending is not None
    process = typesetter._ending.peek()[2][0]  # type: ignore[index]
    del typesetter
    gc.collect()
    assert process.returncode is not None


def test_several_at_once_each_get_their_own(typesetter: Typesetter) -> None:
    texts = ["a" * number for number in range(1, 9)]
    alone = {text: set_letter(typesetter, text, "svg") for text in texts}
    found: dict[str, bytes] = {}

    def ask(text: str) -> None:
        found[text] = set_letter(typesetter, text, "svg")

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("Latn", "Jürgen Çelik Þór Nguyễn Łukasz"),
        ("Grek", "Γιώργος Παπαδόπουλος"),
        ("Cyrl", "Андрій Щербак ђћѓ"),
        ("Arab", "محمد پگچژ لا"),
        ("Hebr", "נועם כהן"),
        ("Deva", "रोहन मिश्रा श्रेया"),
        ("Thai", "ชัยวัฒน์ ทองคำ"),
        ("Hans", "王浩然 囍 𠮷"),
        ("Hant", "臺灣 龍"),
        ("Jpan", "鈴木 大輔 すずき ダイスケ"),
        ("Kore", "이도윤 한자 漢字"),
        ("Ethi", "አበበ በቀለ"),
        ("Beng", "রাকিব ইসলাম"),
        ("Geor", "გიორგი ბერიძე"),
        ("Taml", "முகிலன் வசந்தன்"),
        ("Armn", "Հայկ Սարգսյան"),
        ("Sinh", "ගයාන් පෙරේරා"),
        ("Khmr", "សុខ ចាន់"),
    ],
)
def test_every_script_is_written(typesetter: Typesetter, script: str, text: str) -> None:
    """A PDF that no font can write fails; the fonts are never those of this machine."""
    assert families(script)[-1] == "Noto Sans Symbols"
    assert LATIN in families(script)
    assert all(covers(letter) for letter in text if letter != " ")
    made = typesetter.compile(
        {"main.typ": LETTER}, {"text": text, "fonts": families(script)}, [], "pdf", made_at=NOW
    )
    assert b"DejaVu" not in made
    assert b"Liberation" not in made
