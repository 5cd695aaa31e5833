"""Posters are made of what is shown, with pictures whose use on posters is allowed; they go when it goes."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.adapters.typesetting import Typesetter
from node.errors import NodeError, NotFound
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.register import cases as register
from node.services.serving import TooOften
from node.services.site import posters, recall
from node.services.site.poster_column import (
    Column,
    Picture,
    Text,
    in_latin,
    is_writable,
    say,
    writable,
)
from node.services.site.posters import NoPoster, Occasion, Speech, Turns, Wish, make_poster
from node.services.site.showing import Gone, Shown
from node.store import posters as made
from node.store.database import reading
from node.store.published import documents
from tests.factories import sample_record
from tests.federation import DE, FR, Federation
from tests.forensics import database_places, invent_child
from tests.node.web.public.conftest import draw

ANY = Wish("classic", "A4", "svg", ("en",))


def speak(shown: Shown, language: str, occasion: Occasion) -> Column:
    """Say little, in English."""
    name = Text(str(shown.public["names"][0]["full"]))
    return Column(
        language=language,
        headline="MISSING",
        appeal=f"Help find {name.text}",
        names=[name],
        facts=[("Missing since", Text("then"))],
        brief=[("Missing since", Text("then"))],
        story=("What happened", Text("It did.")),
        ask="Call:",
        warning="Do not approach.",
        scan="Scan this.",
        small=["Police", "1", "2"],
        exercise="EXERCISE" if occasion.exercise else "",
        hours=[""] * len(occasion.contacts),
        pictures=[Picture("", "A child") for _ in occasion.photos],
    )


SPEECH = Speech(speak, str, lambda shown: f"https://missing.example/p/{shown.case_id.partition('/')[2]}")


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """Two members."""
    federation = Federation(tmp_path, (FR, DE))
    yield federation
    federation.close()


@pytest.fixture
def either(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    """Two members, the first on either database."""
    federation = Federation(tmp_path, (FR, DE), databases={FR[0]: database_url})
    yield federation
    federation.close()


def publish(federation: Federation, photo: dict[str, Any] | None = None, **changes: Any) -> str:
    """Publish a case of the French police, whose photograph may be on posters where nothing else is said."""
    allowed = {"allowed_uses": ["poster"]} if photo is None else photo
    record = sample_record("pt", photos=[draw(federation.folder) | allowed], **changes)
    return federation.publish(FR[0], record)[0].case_id


def ask(federation: Federation, case: str, wish: Wish = ANY, turns: Turns | None = None) -> bytes:
    return make_poster(federation[FR[0]], case, wish, SPEECH, turns or Turns())


def listed(federation: Federation, case: str) -> list[made.PosterRow]:
    with reading(federation[FR[0]].engine) as conn:
        return made.list_posters(conn, case)


# --- May there be one? ---


def test_a_photograph_whose_use_on_posters_is_allowed(federation: Federation) -> None:
    assert b"<svg" in ask(federation, publish(federation))


@pytest.mark.parametrize("uses", [["web"], ["press", "alert"], []])
def test_no_poster_of_photographs_that_may_not_be_on_one(federation: Federation, uses: list[str]) -> None:
    case = publish(federation, {"allowed_uses": uses})
    with pytest.raises(NoPoster):
        ask(federation, case)


def test_without_a_word_on_the_photograph_the_consent_counts(federation: Federation) -> None:
    without = publish(federation, {})
    with pytest.raises(NoPoster):
        ask(federation, without)
    consent = sample_record("pt")["consent"]
    covered = publish(federation, {}, consent={**consent, "scope": [*consent["scope"], "poster"]})
    assert ask(federation, covered)


def test_no_poster_without_a_photograph(federation: Federation) -> None:
    case = federation.publish(FR[0], sample_record("pt", photos=None))[0].case_id
    with pytest.raises(NoPoster):
        ask(federation, case)


def test_a_photograph_past_its_own_last_day_is_on_no_poster(federation: Federation) -> None:
    day = (federation.clock().date() + timedelta(days=1)).isoformat()
    case = publish(federation, {"allowed_uses": ["poster"], "expires_at": day})
    assert ask(federation, case)
    federation.clock.advance(days=2)
    with pytest.raises(NoPoster):
        ask(federation, case)


def test_the_poster_says_to_take_it_down_with_the_first_of_its_pictures(federation: Federation) -> None:
    day = federation.clock().date() + timedelta(days=9)
    case = publish(federation, {"allowed_uses": ["poster"], "expires_at": day.isoformat()})
    seen: list[Occasion] = []

    def listen(shown: Shown, language: str, occasion: Occasion) -> Column:
        seen.append(occasion)
        return speak(shown, language, occasion)

    make_poster(federation[FR[0]], case, ANY, replace(SPEECH, speak=listen), Turns())
    assert seen[0].valid_until == day


def test_a_case_that_nobody_knows(federation: Federation) -> None:
    with pytest.raises(NotFound):
        ask(federation, f"{FR[0]}/{'a' * 26}")


@pytest.mark.parametrize(
    ("style", "size", "form", "languages"),
    [
        ("neon", "A4", "pdf", ("en",)),
        ("classic", "A0", "pdf", ("en",)),
        ("classic", "A4", "exe", ("en",)),
        ("classic", "A4", "pdf", ()),
        ("classic", "A4", "pdf", ("en", "en")),
        ("classic", "A4", "pdf", ("en", "ar", "fr")),
    ],
)
def test_wishes_that_do_not_exist(style: str, size: str, form: Any, languages: tuple[str, ...]) -> None:
    with pytest.raises(NotFound):
        Wish(style, size, form, languages)


# --- Kept, and gone ---


def test_one_is_made_once_a_day_and_anew_for_each_version(
    either: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, node = publish(either), either[FR[0]]
    first = ask(either, case)
    with monkeypatch.context() as patched:
        patched.setattr(Typesetter, "compile", lambda *_, **__: pytest.fail("it was kept"))
        assert ask(either, case) == first
    register.change_case(node, case, {"circumstances": sample_record("ja")["circumstances"]}, "test", None)
    publishing.publish(node, [case], "test")
    ask(either, case)
    either.clock.advance(days=1)
    ask(either, case)
    rows = listed(either, case)
    assert sorted((row.version, row.times) for row in rows) == [(1, 1), (2, 2)]
    assert {(row.style, row.form, row.languages) for row in rows} == {("classic", "A4.svg", "en")}


def test_when_a_case_is_erased_its_files_go_at_once_and_the_list_stays(either: Federation) -> None:
    node, child = either[FR[0]], invent_child(either.folder)
    child.record["photos"][0]["allowed_uses"] = ["poster"]
    case = either.publish(FR[0], child.record)[0].case_id
    secret = child.secret(node)
    for form in posters.FORMS:
        ask(either, case, replace(ANY, form=form))
    prints = node.config.home / "prints"
    assert "photograph" in secret.kinds_in(prints)
    publishing.erase(node, case, "test")
    with pytest.raises(Gone):
        ask(either, case)
    for picture in either.folder.glob("*.png"):
        picture.unlink()
    assert erasure.purge(node) > 0
    assert secret.traces(node.config.home, *database_places(node)) == []
    assert not [path for path in prints.rglob("*") if path.is_file()]
    assert len(listed(either, case)) == 3
    assert [(of_case.case_id, standing) for of_case, standing in recall.list_made(node, 10)] == [
        (case, "over")
    ]


def test_what_holds_up_the_rest_does_not_hold_up_posters(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, node = publish(federation), federation[FR[0]]
    ask(federation, case)
    publishing.erase(node, case, "test")
    monkeypatch.setattr(erasure, "_clock_is_right", lambda node: False)
    assert erasure.purge(node) == 0
    assert node.prints.cases() == []


def test_a_case_that_ends_while_its_poster_is_set_leaves_no_file(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, node = publish(federation), federation[FR[0]]
    compile_ = Typesetter.compile

    def slowly(*given: Any, **more: Any) -> bytes:
        publishing.erase(node, case, "test")
        return compile_(*given, **more)

    monkeypatch.setattr(Typesetter, "compile", slowly)
    with pytest.raises(Gone):
        ask(federation, case)
    assert node.prints.cases() == []
    assert listed(federation, case) == []


def test_of_another_members_case_posters_go_when_its_erasure_arrives(federation: Federation) -> None:
    node = federation[FR[0]]
    photo = draw(federation.folder) | {"allowed_uses": ["poster"]}
    case = federation.publish(DE[0], sample_record("pt", photos=[photo], show_in="all"))[0].case_id
    federation.pull(FR[0], DE[0])
    assert ask(federation, case)
    publishing.erase(federation[DE[0]], case, "test")
    federation.pull(FR[0], DE[0])
    with pytest.raises(Gone):
        ask(federation, case)
    erasure.purge(node)
    assert node.prints.cases() == []


def test_the_files_take_no_more_room_than_the_settings_say(federation: Federation) -> None:
    node = federation[FR[0]]
    case = publish(federation)
    small = replace(node, config=replace(node.config, site=replace(node.config.site, posters_megabytes=0)))
    assert make_poster(small, case, ANY, SPEECH, Turns())
    assert node.prints.cases() == []


def test_live_versions_are_those_of_the_owners_feed(either: Federation) -> None:
    case, node = publish(either), either[FR[0]]
    today = either.clock().date()
    with reading(node.engine) as conn:
        assert documents.live_versions(conn, [case, f"{DE[0]}/x"], today) == {case: 1}
        assert documents.live_versions(conn, [case], today + timedelta(days=400)) == {}


# --- How many ---


def test_whoever_asks_in_a_loop_waits(federation: Federation) -> None:
    case, turns = publish(federation), Turns(most=3, most_each=2)
    node = federation[FR[0]]

    def make(asker: str, language: str) -> bytes:
        return make_poster(node, case, replace(ANY, languages=(language,)), SPEECH, turns, asker)

    make("a", "en")
    make("a", "fr")
    make("a", "fr")  # it is kept, and costs no turn
    with pytest.raises(TooOften) as error:
        make("a", "de")
    assert 0 < error.value.wait_seconds <= 61
    make("b", "de")
    with pytest.raises(TooOften):
        make("c", "es")


def test_those_who_wait_leave_threads_for_pages(federation: Federation) -> None:
    turns, waited = Turns(at_once=2), list[str]()

    def wait() -> None:
        with turns.take("a"):
            waited.append("had its turn")

    with turns.take("a"):
        other = threading.Thread(target=wait)
        other.start()
        while turns._places._value:
            time.sleep(0.001)
        started = time.monotonic()
        with pytest.raises(TooOften), turns.take("b"):
            pass
        assert time.monotonic() - started < 1
    other.join(10)
    assert waited
    with turns.take("b"):
        pass


def test_a_poster_that_cannot_be_set_gives_its_turn_back(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, turns = publish(federation), Turns()

    def fail(*_: Any, **__: Any) -> bytes:
        raise NodeError("The poster cannot be set.")

    with monkeypatch.context() as patched:
        patched.setattr(Typesetter, "compile", fail)
        with pytest.raises(NodeError):
            ask(federation, case, turns=turns)
    assert ask(federation, case, turns=turns)


# --- Letters ---


def test_a_name_in_letters_that_no_font_has_does_not_make_a_poster_impossible(federation: Federation) -> None:
    names = [{"full": "ᐃᓄᒃ \U0001f600 Ann", "kind": "legal"}]
    case = publish(federation, names=names)
    assert ask(federation, case, replace(ANY, form="pdf")).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ann\u202eevil\u2066", "Annevil"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a \t b\n\n\n c", "a b\nc"),
        ("Zoë \U0001f600!", "Zoë !"),
        ("ᐃᓄᒃ", "inok"),
        ("\x00\x07", ""),
    ],
)
def test_letters_without_a_shape_are_left_off(written: str, kept: str) -> None:
    assert writable(written) == kept


def test_what_is_writable() -> None:
    assert is_writable("鈴木 大輔")
    assert not is_writable("ᐃᓄᒃ")
    assert in_latin("Нова Каховка") == "Nova Kakhovka"


def test_a_text_keeps_its_own_direction() -> None:
    assert say(Text("שלום", "he"), "en")["rtl"]
    assert not say(Text("Hello", "en"), "ar")["rtl"]
    assert say(Text("Hello"), "ar")["rtl"]
    assert not say(Text("שלום", "he"), "he", plain=True)["rtl"]
