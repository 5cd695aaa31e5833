"""The chapters of the story: what is done with the network, and what must then be found.

Guarantees: what is checked is read from each node's own disk or from the answers of its programs, never from
what the acting node says of itself. Operators act through the command `gmcn`; where seconds count, through
the same use cases in this process, since starting a program takes longer than what is measured.
"""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from node.adapters.http import HttpClient
from node.adapters.keystore import write_private
from node.errors import PeerUnavailable
from node.runtime import Node
from node.sandbox.liar import Lie, lying
from node.sandbox.plan import MEMBERS, NGO_IN, POLICE_FR, POLICE_IN, POLICE_JP, POLICE_UA
from node.sandbox.processes import Processes
from node.sandbox.replicas import (
    check_photographs,
    files_with,
    has_differences,
    list_differences,
    read_documents,
    readers_of,
    size_of,
    version_at,
)
from node.sandbox.stranger import check_saved, save_feed
from node.sandbox.transcription import write_in_cyrillic
from node.sandbox.visitor import Visitor, child_page, poster_check, poster_file, proof_file, visiting
from node.sandbox.world import ACTOR, World, add_invented, choose_name
from node.services.disclosure import publishing
from node.services.leads import inbox
from node.services.register import cases
from node.services.safekeeping import recovery
from node.services.status import FeedStatus, PeerStatus, status
from node.services.witnesses import evidence
from node.store.published.feed_cases import REFUSED
from node.store.published.feeds import OPEN, QUARANTINED, SPLIT
from protocol.document import split_document

_PATIENCE = 60.0
_LOOK_SECONDS = 0.05
_URGENT_SECONDS = 10.0
_URGENT_TIMES = 3
_PNG = b"\x89PNG"


class NotSo(Exception):
    """What a step promises did not come true."""


class Chapters:
    """Everything after the building, in order; each returns what it found in a few words, or raises."""

    def __init__(self, world: World, processes: Processes, nodes: Mapping[str, Node]) -> None:
        self._world, self._processes, self._nodes = world, processes, nodes
        self._case = ""
        self._number = world.cases
        self._random = Random("story")

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Name every step."""
        return [
            ("start", self.start),
            ("publish", self.publish),
            ("pull", self.pull),
            ("photographs", self.photographs),
            ("stranger", self.stranger),
            ("search", self.search),
            ("site", self.site),
            ("site: sighting", self.sighting),
            ("site: over", self.over),
            ("change", self.change),
            ("doorbell", self.doorbell),
            ("erase", self.erase),
            ("peer down", self.peer_down),
            ("liar: rollback", self.rollback),
            ("liar: two faces", self.two_faces),
            ("liar: other texts", self.other_texts),
            ("restored", self.restored),
            ("endorsement", self.endorsement),
            ("fsck", self.fsck),
        ]

    def start(self) -> str:
        """Every node is a process of its own, and answers."""
        self._world.start_all(self._processes)
        return f"{len(MEMBERS)} nodes and the coordinator answer on 127.0.0.1"

    def publish(self) -> str:
        """A case file is added and published by the commands that an operator types."""
        file = self._world.folder / "try" / POLICE_FR.id / "case.json"
        self._case = self._gmcn(POLICE_FR.id, "case", "add", file, "--json")["case"]
        done = self._gmcn(POLICE_FR.id, "publish", self._case, "--json")
        _check(all(peer["reached"] for peer in done["rung"]), f"peers were not rung: {done['rung']}")
        versions = done["published"][0]["versions"]
        return f"{self._case}: {', '.join(f'{audience} {version}' for audience, version in versions.items())}"

    def pull(self) -> str:
        """Every replica becomes the same as the original, to the byte; nobody holds what is not for them."""
        self._wait(lambda: not has_differences(self._nodes), lambda: self._differences())
        held = sum(
            len(read_documents(node, owner, audience))
            for member, node in self._nodes.items()
            for owner in self._nodes
            for audience in ("network", "police")
            if owner != member
        )
        return f"{held} documents at {len(MEMBERS)} members, each the same bytes as its owner's"

    def photographs(self) -> str:
        """Every small photograph is at every reader, with the hash that its document promised."""

        def missing() -> list[str]:
            return [case for node in self._nodes.values() for case in check_photographs(node)[1]]

        self._wait(lambda: not missing(), lambda: f"{len(missing())} photographs are missing or damaged")
        total = sum(check_photographs(node)[0] for node in self._nodes.values())
        return f"{total} copies, every hash as promised"

    def stranger(self) -> str:
        """Somebody without a token checks saved feeds offline, and learns nothing of police feeds."""
        http = HttpClient(private_addresses=True, connect_seconds=5)
        roster, leaves, files = self._nodes[POLICE_FR.id].network().roster, 0, 0
        try:
            for member in self._nodes:
                saved = self._world.folder / "saved" / member
                save_feed(http, f"{self._world.address(member)}/feeds/network", saved)
                checked = check_saved(saved, roster.member(member).feed("network").keys)
                leaves, files = leaves + checked.leaves, files + checked.files
            with _expected(PeerUnavailable, "a police feed was given to a stranger"):
                save_feed(
                    http, f"{self._world.address(POLICE_FR.id)}/feeds/police", self._world.folder / "saved"
                )
        finally:
            http.close()
        return f"{leaves} entries proved from {files} saved files and the public keys alone"

    def search(self) -> str:
        """An officer in Ukraine types the name of a child in India by ear, in Cyrillic."""
        case_id, own, latin = choose_name(self._nodes[NGO_IN.id])
        typed = write_in_cyrillic(latin)
        found = self._gmcn(POLICE_UA.id, "search", typed, "--json")["cases"]
        ids = [item["case_id"] for item in found]
        _check(case_id in ids[:3], f"“{typed}” did not find the case of {own} among {len(ids)}")
        place = f"place {ids.index(case_id) + 1} of {len(ids)}"
        return f"“{typed}” at {POLICE_UA.id} finds {own} of {NGO_IN.id}, {place}"

    def site(self) -> str:
        """Somebody in France finds a child of Japan by a name in Latin letters, and takes a poster along."""
        case_id, own, latin = choose_name(self._nodes[POLICE_JP.id])
        here, there = self._world.site(POLICE_FR.id), self._world.site(POLICE_JP.id)
        with visiting() as visitor:
            _check(case_id in visitor.find(here, latin), f"“{latin}” did not find the case of {own}")
            page = visitor.ask(child_page(here, case_id))
            _check(poster_check(there, case_id).encode() in page.body, "the page does not name the owner's")
            picture = visitor.ask(poster_file(here, case_id))
            _check(picture.status == 200 and picture.body.startswith(_PNG), "there is no poster")
            status = visitor.ask(poster_check(there, case_id)).status
            _check(status == 200, f"the owner's page about the poster answers {status}")
            self._verify(visitor, case_id, here + visitor.photographs_on(page.body)[0])
        return f"“{latin}” finds {own} at {here}; poster made, real by the owner's page and by its proof"

    def _verify(self, visitor: Visitor, case_id: str, photograph: str) -> None:
        """Save the proof of a case and a photograph, and check them on a machine without a node."""
        saved, there = self._world.folder / "saved", self._world.site(POLICE_JP.id)
        self._wait(
            lambda: visitor.ask(proof_file(there, case_id)).status == 200, lambda: "there is no proof yet"
        )
        for name, url in (
            ("proof.json", proof_file(there, case_id)),
            ("photograph.jpg", photograph),
            ("roster.json", f"{there}/proof/roster.json"),
        ):
            (saved / name).write_bytes(visitor.ask(url).body)
        nobody, photo = self._world.folder / "nobody", ("--photo", saved / "photograph.jpg")
        against = ("--against", saved / "roster.json")
        self._processes.run(["--home", nobody, "verify", saved / "proof.json", *photo, *against])

    def sighting(self) -> str:
        """Somebody tells on France's site what they saw of a child of Japan; it is a lead there alone."""
        case_id, *_ = choose_name(self._nodes[POLICE_JP.id])
        with visiting() as visitor:
            receipt = visitor.tell(self._world.site(POLICE_FR.id), case_id, "EXERCISE – seen at a station")
        _check(bool(receipt), "the sighting was not taken")
        self._wait(
            lambda: bool(inbox.list_leads(self._nodes[POLICE_JP.id], receipt=receipt)),
            lambda: "the owner does not have it",
        )
        other = inbox.list_leads(self._nodes[POLICE_FR.id], outgoing=None, everything=True)
        _check(not other, "whoever sealed it can read it")
        return f"told at {POLICE_FR.id}, a lead at {POLICE_JP.id} under receipt number {receipt}"

    def over(self) -> str:
        """The case is erased: nothing of it is left on either site, and the sites say no more than that."""
        case_id, _own, latin = choose_name(self._nodes[POLICE_JP.id])
        sites = [self._world.site(member) for member in (POLICE_FR.id, POLICE_JP.id)]
        with visiting() as visitor:
            photographs = {
                site + address
                for site in sites
                for address in visitor.photographs_on(visitor.ask(child_page(site, case_id)).body)
            }
            gone = [*photographs, poster_check(sites[1], case_id), proof_file(sites[1], case_id)]
            for page in [child_page(site, case_id) for site in sites]:
                gone += [page, f"{page}/seen"]
            gone += [poster_file(site, case_id) for site in sites]
            before = {url: visitor.ask(url).status for url in gone}
            _check(set(before.values()) == {200}, f"the check itself would find nothing: {before}")
            started = time.monotonic()
            self._gmcn(POLICE_JP.id, "erase", case_id, "--yes")
            self._wait(
                lambda: {visitor.ask(url).status for url in gone} == {410},
                lambda: f"still there: {[url for url in gone if visitor.ask(url).status != 410]}",
            )
            seconds = time.monotonic() - started
            found = [site for site in sites if case_id in visitor.find(site, latin)]
            _check(not found, f"the search still finds it at {', '.join(found)}")
        return f"{len(gone)} addresses on two sites say 410 after {seconds:.1f} s; no search finds it"

    def change(self) -> str:
        """A changed record is published; every peer shows the new version, and only that."""
        text = '{"en": {"text": "EXERCISE – a green raincoat and one red boot", "origin": "original"}}'
        self._gmcn(POLICE_FR.id, "case", "change", self._case, f"clothing={text}")
        self._gmcn(POLICE_FR.id, "publish", self._case)
        readers = readers_of(POLICE_FR.id)
        self._wait(
            lambda: all(version_at(self._nodes[reader], self._case) == 2 for reader in readers),
            lambda: "not every peer shows version 2",
        )
        for reader in readers:
            body = read_documents(self._nodes[reader], POLICE_FR.id, "network")[self._case]
            _check(b"one red boot" in body, f"{reader} holds another text")
        return f"version 2 at {len(readers)} peers"

    def doorbell(self) -> str:
        """An urgent publication rings the peers, and is there before they would have asked."""
        seconds = [self._publish_urgently(POLICE_JP.id) for _ in range(_URGENT_TIMES)]
        slowest = max(seconds)
        _check(slowest < _URGENT_SECONDS, f"it took {slowest:.1f} s")
        shown = ", ".join(f"{value:.2f}" for value in sorted(seconds))
        return f"visible at all {len(readers_of(POLICE_JP.id))} peers after {shown} s"

    def erase(self) -> str:
        """An erased case is hidden everywhere, then gone from every disk; signed receipts say so."""
        owner, readers = self._nodes[POLICE_FR.id], readers_of(POLICE_FR.id)
        bodies = [
            read_documents(owner, POLICE_FR.id, audience)[self._case] for audience in ("network", "police")
        ]
        salts = [json.loads(line)["salt"].encode() for body in bodies for line in split_document(body)]
        held = [reader for reader in readers if files_with(self._nodes[reader], salts)]
        _check(held == readers, "the check itself would find nothing")
        started = time.monotonic()
        done = self._gmcn(POLICE_FR.id, "erase", self._case, "--yes", "--json")
        _check(all(peer["reached"] for peer in done["rung"]), f"peers were not rung: {done['rung']}")
        self._wait(
            lambda: all(version_at(self._nodes[reader], self._case) is None for reader in readers),
            lambda: "not every peer has hidden it",
        )
        hidden = time.monotonic() - started

        def waiting() -> list[str]:
            found = cases.holdings(owner, self._case)
            return [item.member for item in found if item.purged_at is None and not item.nothing_held]

        self._wait(lambda: not waiting(), lambda: f"no receipt that it was purged by {', '.join(waiting())}")
        receipts = time.monotonic() - started
        for reader in readers:
            left = files_with(self._nodes[reader], salts)
            _check(not left, f"{reader} said that it was purged, and it is in {', '.join(left)}")
        ledger = self._gmcn(POLICE_FR.id, "erasures", self._case, "--json")
        answers = [answer for erasure in ledger for answer in erasure["answers"]]
        _check(
            {answer["member"] for answer in answers} == set(readers)
            and all(answer["purged_at"] for answer in answers),
            f"the owner's ledger says otherwise: {ledger}",
        )
        at_all = f"hidden at {len(readers)} peers after {hidden:.1f} s"
        return f"{at_all}, purged and all receipts in the owner's ledger after {receipts:.1f} s"

    def peer_down(self) -> str:
        """A peer that was down misses a publication, a change and an erasure, and catches up by itself."""
        down = POLICE_JP.id
        self._processes.stop(down)
        first, second = self._published(POLICE_UA.id)[:2]
        new = self._add(POLICE_FR.id)
        publishing.publish(self._nodes[POLICE_FR.id], [new], ACTOR)
        publishing.publish(self._nodes[POLICE_UA.id], [first], ACTOR)
        publishing.erase(self._nodes[POLICE_UA.id], second, ACTOR)
        for member in (POLICE_FR.id, POLICE_UA.id):
            rung = publishing.ring_peers(self._nodes[member])
            reason = rung[down]
            _check(bool(reason), f"{down} answered although it is down")
        others = {member: node for member, node in self._nodes.items() if member != down}
        self._wait(lambda: not has_differences(others), lambda: "the others waited for the one that is down")
        _check(version_at(self._nodes[down], second) is not None, f"{down} learned of it while it was down")
        self._start(down)
        self._wait(lambda: not has_differences(self._nodes), self._differences)
        _check(version_at(self._nodes[down], second) is None, f"{down} still shows what was erased")
        missed = "a new case, a new version and an erasure"
        return f"{down} was down (“{reason}”), missed {missed}, and now has all three"

    def rollback(self) -> str:
        """A node shows an empty feed under its true keys: no peer follows, nothing else suffers."""
        liar, readers = POLICE_UA.id, readers_of(POLICE_UA.id)
        self._lie(liar, "rollback", QUARANTINED)
        said = {self._feed(reader, liar).reason for reader in readers}
        _check(all("are known already" in text for text in said), f"another reason was found: {said}")
        self._return_to_truth(liar)
        at_all = f"quarantined at {len(readers)} peers: “{said.pop()}”"
        return f"{at_all}; the others undisturbed, and followed again once it is honest"

    def two_faces(self) -> str:
        """A node shows another past under its true keys: every peer keeps the proof, which anybody can check
        without a node, and stops the feed until its operator has decided."""
        liar, readers = POLICE_UA.id, readers_of(POLICE_UA.id)
        self._lie(liar, "fork", SPLIT)
        key = self._nodes[POLICE_FR.id].network().roster.member(liar).feed("network").keys[0].format()
        self._start(liar)
        told = [*readers, liar]
        self._wait(
            lambda: all(evidence.list_evidence(self._nodes[member]) for member in told),
            lambda: "not every member has kept the evidence",
        )
        file = self._world.folder / "saved" / "evidence.json"
        for member in told:
            proof = evidence.list_evidence(self._nodes[member])[0].kept.id
            if member == POLICE_FR.id:
                self._gmcn(member, "evidence", "export", proof, file)
            evidence.close(self._nodes[member], proof, "EXERCISE: it was the story.", ACTOR)
        nobody = self._world.folder / "nobody"
        proven = self._processes.run(["--home", nobody, "evidence", "check", file, "--key", key, "--json"])
        _check(proven["origin"] == f"{liar}/network", "the evidence proves something else")
        self._wait_followed(liar)
        heads = f"heads of {proven['smaller']['size']} and {proven['larger']['size']} entries"
        return f"stopped at {len(readers)} peers; {heads} prove it offline; followed again once decided"

    def _lie(self, liar: str, lie: Lie, state: str) -> None:
        """Let a node lie until every peer has stopped following it, and see that nothing else suffers.

        Args:
            state: in which every peer must then have its feed.
        """
        readers = readers_of(liar)
        before = {reader: read_documents(self._nodes[reader], liar, "network") for reader in readers}
        self._processes.stop(liar)
        with lying(self._nodes[liar], lie):
            publishing.ring_peers(self._nodes[liar])
            self._wait(
                lambda: all(self._feed(reader, liar).state == state for reader in readers),
                lambda: (
                    f"not every peer has noticed: {[self._feed(reader, liar).reason for reader in readers]}"
                ),
            )
            self._publish_urgently(POLICE_FR.id, without={liar})
            for reader in readers:
                _check(
                    read_documents(self._nodes[reader], liar, "network") == before[reader], "replicas changed"
                )

    def other_texts(self) -> str:
        """A node hands out other texts than it signed for: refused one by one, until it publishes anew."""
        liar, readers = POLICE_UA.id, readers_of(POLICE_UA.id)
        case_id = self._add(liar)
        self._processes.stop(liar)
        with lying(self._nodes[liar], "documents"):
            publishing.publish(self._nodes[liar], [case_id], ACTOR)
            publishing.ring_peers(self._nodes[liar])
            self._wait(
                lambda: all(self._feed(reader, liar).states.get(REFUSED) == 1 for reader in readers),
                lambda: "not every peer has refused the document",
            )
            shown = [reader for reader in readers if version_at(self._nodes[reader], case_id) is not None]
            _check(not shown, f"shown by {', '.join(shown)}")
        publishing.publish(self._nodes[liar], [case_id], ACTOR)
        self._return_to_truth(liar)
        return f"refused by {len(readers)} peers and never shown; the next version is there"

    def restored(self) -> str:
        """A node is lost and restored from a backup older than what it published and erased since: its peers
        tell it its own past, and nobody sees a second one."""
        lost, saved = POLICE_JP.id, self._world.folder / "saved"
        node, secret = self._nodes[lost], saved / "backup-passphrase"
        write_private(secret, secrets.token_urlsafe(24).encode() + b"\n")
        key: list[str | Path] = ["--passphrase-file", secret]
        self._processes.run(["backup-key", saved / "backup.pem", *key])
        self._gmcn(lost, "backup", saved / "home.backup", "--key", saved / "backup.pub", "--json")
        gone, size = self._published(lost)[0], size_of(node, lost)
        publishing.erase(node, gone, ACTOR)
        self._publish_urgently(lost)
        self._wait(lambda: not has_differences(self._nodes), self._differences)
        self._processes.stop(lost)
        node.engine.dispose()
        shutil.rmtree(self._world.home(lost))
        self._gmcn(lost, "restore", saved / "home.backup", "--key", saved / "backup.pem", *key, "--json")
        self._return_to_truth(lost)
        self._wait(lambda: not recovery.is_needed(node), lambda: f"{lost} is not sure of its own past")
        _check(size_of(node, lost) == size + 2, f"{lost} does not know what it has signed")
        _check(version_at(node, gone) is None, f"{lost} shows again what it had erased")
        self._publish_urgently(lost)
        split = [reader for reader in readers_of(lost) if self._feed(reader, lost).state != OPEN]
        _check(not split, f"its feed is not followed by {', '.join(split)}")
        return f"{lost} got its own entries back from its peers, erasures too, and goes on publishing"

    def endorsement(self) -> str:
        """The police withdraw the NGO's endorsement: its cases are hidden at all, and both sides know why."""
        ngo, readers = NGO_IN.id, readers_of(NGO_IN.id)
        case_id, _, latin = choose_name(self._nodes[ngo])
        self._gmcn(POLICE_IN.id, "endorse", ngo, "--withdraw")
        self._wait(
            lambda: all(version_at(self._nodes[reader], case_id) is None for reader in readers),
            lambda: "its cases are still shown",
        )
        self._wait(
            lambda: (
                all(self._peer(ngo, other).standing == "active" for other in readers)
                and status(self._nodes[ngo]).standing.state == "lapsed"
            ),
            lambda: "the NGO does not know",
        )
        for reader in readers:
            peer = self._peer(reader, ngo)
            _check(peer.standing == "lapsed" and not peer.audiences, f"{reader} still exchanges with it")
        found = self._gmcn(POLICE_UA.id, "search", latin, "--json")["cases"]
        _check(all(item["owner"] != ngo for item in found), "its cases are still found")
        return f"hidden at {len(readers)} peers: “{self._peer(POLICE_UA.id, ngo).standing_reason}”"

    def fsck(self) -> str:
        """Everything on every disk is verified again."""
        with ThreadPoolExecutor(2) as threads:
            found = threads.map(lambda member: self._gmcn(member, "fsck", "--json"), self._nodes)
            reports = dict(zip(self._nodes, found, strict=True))
        findings = [f"{member}: {item}" for member, found in reports.items() for item in found["findings"]]
        _check(not findings, "; ".join(findings))
        total = {what: sum(found[what] for found in reports.values()) for what in ("leaves", "documents")}
        return (
            f"{total['leaves']} entries and {total['documents']} documents at {len(reports)} nodes, all well"
        )

    def _published(self, owner: str) -> list[str]:
        found = cases.list_cases(self._nodes[owner], "published", self._number, 0)
        return [case.case_id for case in reversed(found)]

    def _add(self, owner: str) -> str:
        """Invent one more case of a member, and add it as a draft."""
        self._number += 1
        return add_invented(self._nodes[owner], self._random, self._number)

    def _publish_urgently(self, owner: str, without: Collection[str] = ()) -> float:
        """Publish one more case, ring, and return after how many seconds every peer shows it."""
        case_id, node = self._add(owner), self._nodes[owner]
        readers = [reader for reader in readers_of(owner) if reader not in without]
        started = time.monotonic()
        publishing.publish(node, [case_id], ACTOR)
        rung = publishing.ring_peers(node)
        _check(not any(rung[reader] for reader in readers), f"peers were not rung: {rung}")
        self._wait(
            lambda: all(version_at(self._nodes[reader], case_id) == 1 for reader in readers),
            lambda: "not every peer shows it",
        )
        return time.monotonic() - started

    def _return_to_truth(self, member: str) -> None:
        """Start the true node again, and wait until every peer follows it as before."""
        self._start(member)
        self._wait_followed(member)

    def _start(self, member: str) -> None:
        self._world.start(self._processes, member)
        self._world.wait(self._processes, member)

    def _wait_followed(self, member: str) -> None:
        self._wait(
            lambda: (
                not has_differences(self._nodes)
                and all(self._feed(reader, member).state == OPEN for reader in readers_of(member))
            ),
            lambda: f"not every peer follows {member} again: {list_differences(self._nodes)}",
        )

    def _peer(self, at: str, of: str) -> PeerStatus:
        return next(peer for peer in status(self._nodes[at]).peers if peer.member == of)

    def _feed(self, at: str, of: str) -> FeedStatus:
        return next(feed for feed in self._peer(at, of).feeds if feed.audience == "network")

    def _differences(self) -> str:
        return f"replicas that differ: {', '.join(list_differences(self._nodes))}"

    def _gmcn(self, member: str, *arguments: str | Path) -> Any:
        return self._processes.run(["--home", self._world.home(member), *arguments])

    def _wait(self, come: Callable[[], bool], missing: Callable[[], str]) -> None:
        """Wait until something has come true.

        Raises:
            NotSo: it has not, for long.
        """
        end = time.monotonic() + _PATIENCE
        looked = time.monotonic()
        while not come():
            now = time.monotonic()
            if now > end:
                raise NotSo(f"after {_PATIENCE:.0f} s {missing()}")
            time.sleep(max(_LOOK_SECONDS, now - looked))  # looking takes time from those who are waited for
            looked = time.monotonic()


@contextmanager
def _expected(kind: type[Exception], otherwise: str) -> Iterator[None]:
    try:
        yield
    except kind:
        return
    raise NotSo(otherwise)


def _check(condition: bool, otherwise: str) -> None:
    if not condition:
        raise NotSo(otherwise)
