"""The gate: what is asked before a case leaves the house, what the answers allow, and what they change.

Guarantees: the questions are data (rules of the domain, 2), one table for every form, command and test;
answers that refuse stop a request before anybody is asked to approve it; where publicity adds to the child's
risk no public site shows the case, which is written into the record, so that it stays so whoever publishes it
next. Who may ask and who may approve is left to the services, what leaves to `disclosure`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from node.domain.changes import Parts, adds_nothing
from node.domain.disclosure import DOMESTIC_VIOLENCE
from protocol.signs import is_readable

REVIEW_WITHIN = timedelta(hours=24)
"""Within which somebody else looks at a publication that went out past the gate."""

OPEN = "open"
"""The answer to a question that nobody has settled: nothing leaves before that."""

MAX_NOTE = 500

_SENSITIVE = frozenset({"family_abduction", DOMESTIC_VIOLENCE})
_PREYED_UPON = frozenset({"trafficking", "exploitation", "abduction_threat"})
_WITH_PICTURE = ("poster", "alert")


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the gate.

    Attributes:
        form: "choice" (one of `allowed`), "several" (a list of them), "countries" ("all" or a list of ISO
            3166-1 codes), or "note" (a line for the approver, which may be missing).
        asked: "always"; "summary": where the case has more than a police part; "public": where a public site
            may show it.
        text: in English; pages translate it, and what is allowed.
        allowed: what each answer that can be chosen means.
    """

    name: str
    form: Literal["choice", "several", "countries", "note"]
    asked: Literal["always", "summary", "public"]
    text: str
    allowed: Mapping[str, str]


QUESTIONS: Sequence[Question] = (
    Question(
        "basis",
        "choice",
        "always",
        "On what consent or legal basis is the case shared?",
        {
            "parental": "consent of a parent or guardian",
            "court": "an order of a court",
            "le_duty": "a duty of law enforcement",
            "vital_interest": "the vital interest of the child",
            "none": "there is none: nothing may leave",
        },
    ),
    Question(
        "risk",
        "choice",
        "always",
        "How high is the risk to the child, as the record assesses it?",
        {"no_apparent": "no apparent risk", "low": "low", "medium": "medium", "high": "high"},
    ),
    Question(
        "publicity",
        "choice",
        "summary",
        "Does publicity add to the risk?",
        {
            "no": "it does not",
            "possible": "it may: shown all the same, with care",
            "yes": "it does: no public site shows the case",
        },
    ),
    Question(
        "privacy",
        "choice",
        "summary",
        "Do texts and photographs tell more of the child or of others than the search needs?",
        {
            "clean": "they do not",
            "needed": "they do, and the search needs it",
            OPEN: "not looked at yet: nothing may leave",
        },
    ),
    Question(
        "wording",
        "choice",
        "public",
        "What do the public texts say?",
        {
            "neutral": "nothing that only those involved can know",
            "agreed": "such details, agreed with the investigators",
            OPEN: "not agreed yet: nothing may leave",
        },
    ),
    Question("where", "countries", "public", "In which countries may public sites show it?", {}),
    Question(
        "channels",
        "several",
        "public",
        "Through which channels?",
        {
            "public": "members' public sites",
            "poster": "posters",
            "alert": "alerts",
            "media": "press and broadcasters",
        },
    ),
    Question(
        "closing",
        "choice",
        "always",
        "How will it be closed?",
        {
            "on_return": "by the duty officer, the hour the child is found",
            "on_review": "at its review, unless it is renewed",
            "on_order": "when the order or consent that it rests on ends",
            OPEN: "not settled yet: nothing may leave",
        },
    ),
    Question("note", "note", "always", "What should the approver know? Without names.", {}),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of the answers.

    Attributes:
        question: that it is about.
        refuses: whether nothing may leave before it is mended; else it is for the approver to weigh.
        name: of what is found.
        template: what is to be said, in English, with "%(about)s" for what it speaks of; pages translate it.
        about: codes of the terms, or names of fields, that it speaks of.
    """

    question: str
    refuses: bool
    name: str
    template: str
    about: Sequence[str] = ()

    @property
    def message(self) -> str:
        """What is to be said, in English."""
        return self.template % {"about": ", ".join(self.about)}


_OPEN_FINDINGS = (
    Finding(
        "privacy", True, "privacy_open", "Nobody has looked whether texts and photographs tell too much."
    ),
    Finding("wording", True, "wording_open", "What the public texts say is not agreed."),
    Finding("closing", True, "closing_open", "How the case will be closed is not settled."),
)


def find_question(name: str) -> Question:
    """Return the question of a name."""
    return next(question for question in QUESTIONS if question.name == name)


def suggest(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the answers that the record holds already, for a form to begin with."""
    answers: dict[str, Any] = {"where": record.get("show_in", "all")}
    if "consent" in record:
        answers["basis"] = record["consent"]["basis"]
        covered = record["consent"]["scope"]
        answers["channels"] = [name for name in find_question("channels").allowed if name in covered]
    if "risk" in record:
        answers["risk"] = record["risk"]["level"]
    if _SENSITIVE & _kinds(record):
        answers["publicity"] = "possible"
    return answers


def changes_of(answers: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of the record that the answers decide; None takes a field out.

    Publicity that adds to the risk turns the public part off: no country's sites may show it.
    """
    where = [] if answers.get("publicity") == "yes" else answers.get("where", record.get("show_in", "all"))
    if where == record.get("show_in", "all"):
        return {}
    return {"show_in": None if where == "all" else where}


def person_of(actor: str) -> str:
    """Return who somebody is, whichever way they came in: whoever sits at the machine under the name of
    somebody in the console is that person, also where the console's name is an address: `ben` is
    `ben@police.example`."""
    return actor.rpartition(":")[2].partition("@")[0].casefold()


def needed(answers: Mapping[str, Any], record: Mapping[str, Any]) -> list[Question]:
    """Choose the questions that a case needs an answer to, by the answers so far."""
    asked = {"always"}
    if "at_risk_preventive" not in record:
        asked |= {"summary"} if _off(answers, record) else {"summary", "public"}
    return [question for question in QUESTIONS if question.asked in asked and question.form != "note"]


def problems_of(answers: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the form of the answers: not known, missing, or none that is allowed."""
    known = {question.name: question for question in QUESTIONS}
    problems = [
        f"{name if name.isidentifier() else '?'}: not a question; those are {', '.join(known)}"
        for name in answers
        if name not in known
    ]
    problems += [
        f"{question.name}: not answered. {question.text}"
        for question in needed(answers, record)
        if question.name not in answers
    ]
    for name, question in known.items():
        if name in answers and (allowed := _not_allowed(question, answers[name])):
            problems.append(f"{name}: allowed is {allowed}")
    return problems


def findings_of(
    answers: Mapping[str, Any], record: Mapping[str, Any], leaving: Parts, default: Parts
) -> list[Finding]:
    """Weigh answers of the right form.

    Args:
        record: with what `changes_of` gives.
        leaving: what would leave by the member's own rules.
        default: what would leave by the network's.
    """
    found = [
        *hindrances_of(record, leaving),
        *_on_basis(answers, record),
        *_on_risk(answers, record),
        *_on_texts(answers, record, leaving),
        *_on_channels(answers, record, leaving),
        *_on_kind(record, leaving, default),
    ]
    return sorted(found, key=lambda finding: not finding.refuses)


def hindrances_of(record: Mapping[str, Any], leaving: Parts) -> Iterator[Finding]:
    """Say what refuses whatever is answered: the consent in the record does not cover what leaves, or not any
    more.

    Args:
        leaving: what would leave by the member's own rules.
    """
    consent = record.get("consent", {})
    if "withdrawn_at" in consent:
        yield Finding(
            "basis", True, "withdrawn", "The consent in the record was withdrawn: withdraw the case."
        )
    covered, public = consent.get("scope", []), leaving.get("public", {})
    if consent and "network" in leaving and "network" not in covered:
        yield Finding(
            "basis",
            True,
            "network_not_covered",
            "What the consent covers, in the record, does not include the network.",
        )
    if public and record.get("show_in") != []:
        for name in ("public", *(["photograph"] if public.get("photos") else [])):
            if name not in covered:
                yield _not_covered(name)


def _on_basis(answers: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[Finding]:
    consent = record.get("consent", {})
    if answers["basis"] == "none":
        yield Finding(
            "basis", True, "no_basis", "Without a consent or legal basis nothing may leave the house."
        )
    elif consent and consent["basis"] != answers["basis"]:
        yield Finding(
            "basis",
            True,
            "other_basis",
            "The record says: %(about)s. Correct the one or the other.",
            [consent["basis"]],
        )


def _on_risk(answers: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[Finding]:
    if "risk" in record and record["risk"]["level"] != answers["risk"]:
        yield Finding(
            "risk",
            True,
            "other_level",
            "The record assesses the risk as: %(about)s. Assess it anew, or answer so.",
            [record["risk"]["level"]],
        )
    if answers.get("publicity") == "no" and _SENSITIVE & _kinds(record):
        yield Finding(
            "publicity",
            False,
            "may_drive_away",
            "Publicity can drive a parent into hiding, or lead a violent person to the child: ask the "
            "investigators before you approve.",
        )
    if answers.get("publicity") == "no" and _PREYED_UPON & _kinds(record):
        yield Finding(
            "publicity",
            False,
            "may_be_seen",
            "Somebody may hold the child and see that it is looked for: weigh it.",
        )
    if answers.get("publicity") == "possible":
        yield Finding("publicity", False, "may_add_risk", "Publicity may add to the risk: weigh it.")


def _on_texts(answers: Mapping[str, Any], record: Mapping[str, Any], leaving: Parts) -> Iterator[Finding]:
    yield from (finding for finding in _OPEN_FINDINGS if answers.get(finding.question) == OPEN)
    if answers.get("privacy") == "needed":
        yield Finding("privacy", False, "tells_more", "It tells more of people than usual: read every text.")
    if answers.get("wording") == "agreed":
        yield Finding("wording", False, "tells_details", "It has details that only those involved can know.")
    if not _off(answers, record) and _has_machine_text(leaving.get("public", {})):
        yield Finding(
            "wording", False, "machine_text", "Some texts were translated by a program and not reviewed."
        )


def _on_channels(answers: Mapping[str, Any], record: Mapping[str, Any], leaving: Parts) -> Iterator[Finding]:
    chosen = answers.get("channels", [])
    if _off(answers, record):
        if chosen:
            yield Finding(
                "channels", True, "no_channel", "No public site may show the case, so there is no channel."
            )
        return
    public, covered = leaving.get("public", {}), record.get("consent", {}).get("scope", [])
    for name in chosen if public else ():
        if name != "public" and name not in covered:
            yield _not_covered(name)
    for name in _WITH_PICTURE:
        if name in chosen and not public.get("photos"):
            yield Finding("channels", True, "no_photograph", "There is no photograph for: %(about)s.", [name])
    if "unaccompanied_migrant" in _kinds(record) and {"alert", "media"} & set(chosen):
        yield Finding(
            "channels",
            False,
            "unaccompanied",
            "Of unaccompanied children as little as possible is made public.",
        )


def _not_covered(name: str) -> Finding:
    return Finding(
        "channels",
        True,
        "not_covered",
        "What the consent covers, in the record, does not include: %(about)s.",
        [name],
    )


def _on_kind(record: Mapping[str, Any], leaving: Parts, default: Parts) -> Iterator[Finding]:
    """Say where the member's own rules let out more of a case than the network's rules for its kind."""
    more = [
        f"{name}.{field}"
        for name, part in leaving.items()
        for field, value in part.items()
        if name != "head" and not adds_nothing(default, {name: {field: value}})
    ]
    if more:
        yield Finding(
            "privacy",
            False,
            "more_than_rules",
            "More leaves than the network's rules let out of such a case: %(about)s.",
            more,
        )
    if "companions" in leaving.get("public", {}):
        yield Finding(
            "privacy",
            False,
            "companions",
            "People who are believed to be with the child are shown to all.",
        )


def _off(answers: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Tell whether no public site is to show the case."""
    return {**record, **changes_of(answers, record)}.get("show_in") == []


def _kinds(record: Mapping[str, Any]) -> set[str]:
    return {record.get("category", "unknown"), *record.get("risk", {}).get("factors", ())}


def _has_machine_text(value: Any) -> bool:
    match value:
        case {"origin": "machine"}:
            return True
        case Mapping():
            return any(map(_has_machine_text, value.values()))
        case list():
            return any(map(_has_machine_text, value))
    return False


def _not_allowed(question: Question, answer: Any) -> str:
    """Return what is allowed where an answer is not; empty where it is."""
    names = ", ".join(question.allowed)
    match question.form:
        case "choice":
            return "" if isinstance(answer, str) and answer in question.allowed else f"one of {names}"
        case "several":
            good = _is_list_of_texts(answer) and set(answer) <= set(question.allowed)
            return "" if good else f"a list of {names}"
        case "countries":
            good = answer == "all" or (_is_list_of_texts(answer) and all(map(_is_country, answer)))
            return "" if good else "'all' or a list of country codes such as FR"
    good = isinstance(answer, str) and len(answer) <= MAX_NOTE and is_readable(answer)
    return "" if good else f"one line of at most {MAX_NOTE} characters"


def _is_list_of_texts(value: Any) -> bool:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return is_list and len(set(value)) == len(value)


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isascii() and code.isalpha() and code.isupper()
