"""How the public site looks: read by the site, changed by the console and the command line.

Guarantees: a change touches what it is about and leaves the rest as it stands in the file; two people who
change something at once lose nothing of each other's; the journal says who changed which part, and no value.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from node.adapters.hotlines import load_numbers
from node.adapters.images import prepare_logo
from node.domain.site.look import Look, Numbers, OwnPage, Texts, check_look
from node.errors import Conflict, NotFound
from node.runtime import KeylessNode
from node.store.database import writing
from node.store.journal import JournalEntry, write_journal

PARTS = tuple(field.name for field in fields(Look))
"""Of what a look consists."""


def set_look(node: KeylessNode, look: Look, actor: str) -> None:
    """Put another look in the place of the present one.

    Raises:
        InvalidInput: it cannot be shown; every problem at once.
    """
    with node.site_folder.turn():
        _write(node, look, actor, PARTS)


def change_look(node: KeylessNode, actor: str, **parts: Any) -> None:
    """Change some parts of the look.

    Raises:
        InvalidInput: they cannot be shown, or what is in the file now cannot be read.
    """
    with node.site_folder.turn():
        _write(node, replace(node.site_folder.read_look(), **parts), actor, parts)


def set_words(node: KeylessNode, language: str, name: str, intro: str, actor: str) -> None:
    """Change what the site calls itself and says first, in one language; an empty text is none.

    Raises:
        InvalidInput: they cannot be shown.
    """
    with node.site_folder.turn():
        look = node.site_folder.read_look()
        names, intros = _with(look.names, language, name), _with(look.intro, language, intro)
        _write(node, replace(look, names=names, intro=intros), actor, ["names", "intro", language])


def set_page(node: KeylessNode, page: OwnPage, actor: str, slug: str = "") -> None:
    """Add a page of the member's own, or put it in the place of the one with another slug.

    Args:
        slug: of the page that it replaces; empty for a new one.

    Raises:
        InvalidInput: it cannot be shown.
        Conflict: there is another page with its slug.
        NotFound: there is none to be replaced any more.
    """
    with node.site_folder.turn():
        look = node.site_folder.read_look()
        pages = list(look.pages)
        if any(other.slug == page.slug != slug for other in pages):
            raise Conflict("There is a page with this address already.", "Choose another one.")
        if slug:
            pages[pages.index(find_page(look, slug))] = page
        else:
            pages.append(page)
        _write(node, replace(look, pages=tuple(pages)), actor, ["pages", page.slug])


def remove_page(node: KeylessNode, slug: str, actor: str) -> None:
    """Remove a page of the member's own.

    Raises:
        NotFound: there is none of this slug.
    """
    with node.site_folder.turn():
        look = node.site_folder.read_look()
        page = find_page(look, slug)
        kept = tuple(other for other in look.pages if other is not page)
        _write(node, replace(look, pages=kept), actor, ["pages", slug])


def find_page(look: Look, slug: str) -> OwnPage:
    """Return a page of the member's own.

    Raises:
        NotFound: there is none of this slug.
    """
    for page in look.pages:
        if page.slug == slug:
            return page
    raise NotFound("There is no such page.", "Look at the list of pages.")


def set_numbers(node: KeylessNode, country: str, numbers: Numbers | None, actor: str) -> None:
    """Put a member's own numbers of a country in the place of what the program knows; None undoes that.

    Raises:
        InvalidInput: they are no numbers.
    """
    with node.site_folder.turn():
        look = node.site_folder.read_look()
        hotlines = {code: item for code, item in look.hotlines.items() if code != country}
        if numbers is not None:
            hotlines[country] = numbers
        _write(node, replace(look, hotlines=hotlines), actor, ["hotlines", country])


def numbers_of(look: Look, country: str) -> Numbers:
    """Return whom to call in a country."""
    return look.hotlines.get(country) or load_numbers().get(country, Numbers())


def known_countries(look: Look) -> set[str]:
    """Return the countries of which there is a number to call."""
    return {
        country
        for country in load_numbers().keys() | look.hotlines.keys()
        if numbers_of(look, country).emergency or numbers_of(look, country).hotline
    }


def set_logo(node: KeylessNode, data: bytes | None, actor: str) -> None:
    """Make a logo of a picture; None removes it.

    Raises:
        InvalidInput: it is no picture that can be taken.
    """
    logo = None if data is None else prepare_logo(data)
    with node.site_folder.turn():
        node.site_folder.write_logo(logo)
        _note(node, actor, ["logo"])


def _with(texts: Texts, language: str, text: str) -> Texts:
    others = {code: other for code, other in texts.items() if code != language}
    return {**others, language: text} if text else others


def _write(node: KeylessNode, look: Look, actor: str, changed: Iterable[str]) -> None:
    check_look(look)
    node.site_folder.write_look(look)
    _note(node, actor, changed)


def _note(node: KeylessNode, actor: str, changed: Iterable[str]) -> None:
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(node.clock(), actor, "site.change", fields=list(changed)))
