"""Looking for what should be gone, as somebody would who has the disk: in the raw bytes of every file.

    child = invent_child(folder)                  a record whose words and pictures nothing else has
    published = federation.publish(POLICE, child.record)
    secret = child.secret(federation[POLICE])     with the documents and renditions that were made of it
    assert secret.kinds_in(home) == KINDS         it can be found while it is there
    assert secret.traces(home) == []              and is not any more

What is looked for are trigrams of every word, as written and as the search folds it, pieces of the documents'
salts, and samples of the photographs. A trigram of another script is six bytes or more and is not there by
chance; one of ASCII letters is three, so it counts only beside a second one of the same word, and so does a
piece of a salt. Case ids, keys and signatures, whose letters are drawn at random, are passed over for words.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image
from sqlalchemy import select

from node.domain.names.similarity import joints, name_keys
from node.runtime import Node
from node.store.database import reading
from node.store.published.documents import document
from tests.factories import lang_text, sample_record

KINDS = frozenset({"name", "text", "salt", "photograph"})

NAMES = {
    "Latn": "Ĝẑẍqũ Ŵĝẍĵ",
    "Cyrl": "Ќџћьщ Ґѓѕћџ",
    "Arab": "ظثغضخ گڤژذ",
    "Deva": "ॡळ्झू ॠढ्झू",
    "Hani": "麤纛 鬮龠",
}
"""Names that nobody has, of letters that stand together nowhere else, as written and as folded."""

_TEXT = lang_text(pt="ŵǩĝĝẍ ĝŵẑŷ", uk="ќџћѓ ѕћџґ")
_PLACE = "Ẅẍẑǫ Ķŵǧ"
_SAMPLE = 16  # bytes of a photograph that are looked for together
_SALT_PIECE = 6  # PostgreSQL compresses: a few letters in a row are what surely stays of them
_BESIDE = 64  # bytes within which two trigrams belong together
_EMPTY = re.compile(rb"\0{64,}")
_LONG = re.compile(rb"[A-Za-z0-9+/_-]{20,}")
_CASE_ID = re.compile(rb"/[a-z2-7]{26}")  # whatever the next column begins with
_OF_EACH = (re.compile(rb"[0-9]"), re.compile(rb"[A-Z]"), re.compile(rb"[a-z]"))


@dataclass(frozen=True)
class Secret:
    """What must not be found.

    Attributes:
        names, texts: words as they were written.
        bodies: documents.
        photographs: the bytes of pictures.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    bodies: tuple[bytes, ...] = ()
    photographs: tuple[bytes, ...] = ()

    def traces(self, *places: Path) -> list[str]:
        """Look through files, and every file below folders.

        Returns:
            Where something was found and what kind of thing, one line each; never the thing itself.
        """
        found = (file for place in places for file in (place, *sorted(place.rglob("*"))))
        files = dict.fromkeys(file for file in found if file.is_file())
        return [f"{file}: {kind}" for file in files for kind in sorted(self.kinds_of(_read(file)))]

    def kinds_in(self, *places: Path) -> frozenset[str]:
        """Tell the kinds of things that stand anywhere in files or folders."""
        return frozenset(trace.rpartition(": ")[2] for trace in self.traces(*places))

    def kinds_of(self, data: bytes) -> set[str]:
        """Tell the kinds of things that stand in some bytes."""
        data = _EMPTY.sub(b"\0", data)
        found = {kind for kind, pieces in self._pieces.items() if any(piece in data for piece in pieces)}
        if _may_hold(data, self._sample_words, 8) and any(sample in data for sample in self._samples):
            found.add("photograph")
        of_salts = any(_may_hold(data[skipped:], self._salt_words, 4) for skipped in (0, 2))
        if of_salts and any(_stand_together(salt, data) for salt in self._salts):
            found.add("salt")
        masked = _LONG.sub(_without_drawn, data)
        there = {gram for gram in self._ascii_grams if gram in masked}
        for kind, words in self._ascii_words.items():
            if any(len(there & grams) > 1 and _stand_together(grams, masked) for grams in words):
                found.add(kind)
        return found

    @cached_property
    def _pieces(self) -> dict[str, list[bytes]]:
        """What nothing else holds by chance, however it is cut."""
        return {
            "name": [gram for gram in _trigrams(_forms(self.names)) if not gram.isascii()],
            "text": [gram for gram in _trigrams(_forms(self.texts)) if not gram.isascii()],
        }

    @cached_property
    def _samples(self) -> list[bytes]:
        return [sample for data in self.photographs for sample in _samples(data)]

    @cached_property
    def _sample_words(self) -> frozenset[int]:
        """What a file that holds a sample holds at a multiple of 8 bytes, wherever the sample begins."""
        return _words_within(self._samples, 8, range(8))

    @cached_property
    def _ascii_words(self) -> dict[str, list[frozenset[bytes]]]:
        kinds = {"name": self.names, "text": self.texts}
        return {
            kind: [
                frozenset(gram for gram in _trigrams([word]) if len(gram) == 3)
                for word in _forms(words)
                if word.isascii()
            ]
            for kind, words in kinds.items()
        }

    @cached_property
    def _ascii_grams(self) -> frozenset[bytes]:
        return frozenset(gram for words in self._ascii_words.values() for grams in words for gram in grams)

    @cached_property
    def _salts(self) -> list[list[bytes]]:
        return [pieces for body in self.bodies for pieces in _salts(body)]

    @cached_property
    def _salt_words(self) -> frozenset[int]:
        """What a file that holds a piece holds at a multiple of 4 bytes, or 2 bytes after one."""
        return _words_within((piece for salt in self._salts for piece in salt), 4, range(2))


@dataclass(frozen=True)
class Child:
    """An invented child."""

    record: dict[str, Any]
    words: Secret

    def secret(self, node: Node) -> Secret:
        """Take what the child's node has made of the record; nothing else may be published by it then."""
        with reading(node.engine) as conn:
            bodies = tuple(conn.execute(select(document.c.body)).scalars())
        pictures = tuple(node.blobs.get(node.member, name) or b"" for name in node.blobs.iterate(node.member))
        return Secret(self.words.names, self.words.texts, bodies, pictures)


def invent_child(folder: Path, photographs: int = 1) -> Child:
    """Write the record of a child that nothing else resembles, with pictures of pure noise."""
    photos = []
    for number in range(photographs):
        path = folder / f"noise-{number}.png"
        Image.effect_noise((240, 300), 120).convert("RGB").save(path)
        photos.append({"kind": "photo", "file": path.name})
    names = [
        {"full": full, "kind": "legal", "lang": "und", "script": script} for script, full in NAMES.items()
    ]
    seen = sample_record("pt")["last_seen"]
    record = sample_record(
        "pt",
        names=names,
        circumstances=_TEXT,
        last_seen={**seen, "place": lang_text(pt=_PLACE)},
        photos=photos or None,
    )
    texts = (*(said["text"] for said in _TEXT.values()), _PLACE)
    return Child(record, Secret(tuple(NAMES.values()), texts))


def database_places(node: Node) -> list[Path]:
    """Name the files or folders in which a node's database keeps its content: a SQLite file with what lies
    beside it; or of a running PostgreSQL, reached as its own superuser, the database's own folder, the shared
    tables, the write-ahead log, the server's temporary files and its log."""
    url = node.engine.url
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        return sorted(file.parent.glob(f"{file.name}*"))
    with psycopg.connect(node.config.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        row = connection.execute(
            "SELECT current_setting('data_directory'), oid FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    data = Path(row[0])
    folders = [data / "base" / str(row[1]), data / "global", data / "pg_wal", data / "base" / "pgsql_tmp"]
    return [place for place in (*folders, data / "log", data.parent / "log") if place.exists()]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # a server at work renames its files
        return b""


def _without_drawn(long: re.Match[bytes]) -> bytes:
    """Take what was drawn at random out of many letters in a row: case ids, or all if it has letters of each
    kind, as keys and signatures do."""
    letters = long[0]
    if case_id := _CASE_ID.match(letters):
        return b" " + _LONG.sub(_without_drawn, letters[case_id.end() :])
    if all(kind.search(letters) for kind in _OF_EACH):
        return b" "
    return _CASE_ID.sub(b" ", letters)


def _forms(texts: Iterable[str]) -> list[str]:
    """Give every word as written, in small letters, and as the search keeps it."""
    forms = dict[str, None]()
    for text in texts:
        keys = name_keys([text])
        folded = [part for key in keys for part in (key.fold, key.skeleton)]
        together = [joint.skeleton for key in keys for joint in joints(key.fold.split())]
        for form in (text, text.casefold(), *folded, *together):
            forms |= dict.fromkeys(form.split())
    return list(forms)


def _trigrams(words: Iterable[str]) -> list[bytes]:
    grams = (word[at : at + 3] for word in words for at in range(max(1, len(word) - 2)))
    return list(dict.fromkeys(gram.encode() for gram in grams if len(gram) >= 2))


def _words_within(pieces: Iterable[bytes], size: int, places: Iterable[int]) -> frozenset[int]:
    """Cut numbers of so many bytes out of pieces, from some places on."""
    return frozenset(_words(piece[at : at + size], size)[0] for piece in pieces for at in places)


def _words(data: bytes, size: int) -> memoryview:
    """Give bytes as numbers of so many of them, without what is left over at the end."""
    return memoryview(data)[: len(data) // size * size].cast({4: "I", 8: "Q"}[size])


def _may_hold(data: bytes, words: frozenset[int], size: int) -> bool:
    """Tell whether any such number stands in some bytes at a multiple of its size: to look once for all
    pieces takes a tenth of the time of looking for each."""
    return not words.isdisjoint(_words(data, size))


def _stand_together(pieces: Iterable[bytes], data: bytes) -> bool:
    """Tell whether two pieces of the same thing stand beside each other."""
    places = {
        piece: [hit.start() for hit in re.finditer(re.escape(piece), data)]
        for piece in pieces
        if piece in data
    }
    return any(
        abs(one - other) <= _BESIDE
        for first, second in product(places, places)
        if first < second
        for one in places[first]
        for other in places[second]
    )


def _salts(body: bytes) -> Iterator[list[bytes]]:
    """Cut each salt of a document into overlapping pieces: two of them are eight letters at the least."""
    for salt in re.findall(rb'"salt":"([^"]{40,})"', body):
        yield [salt[at : at + _SALT_PIECE] for at in range(0, len(salt) - _SALT_PIECE, 2)]


def _samples(data: bytes) -> Iterator[bytes]:
    """Take samples of a JPEG's picture itself: what comes before it, many have in common."""
    begin = data.find(b"\xff\xda") + _SAMPLE
    return (data[at : at + _SAMPLE] for at in range(begin, len(data) - _SAMPLE, 257))
