"""tests/vectors/: the files are what their generator makes, and protocol/ agrees with every one of them."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from protocol import errors
from protocol.answers import Given, parse_answers, parse_query
from protocol.checkpoint import check_quorum, parse_checkpoint, verify_checkpoint, verify_cosignatures
from protocol.current import Current, verify_current
from protocol.document import digest_parts, verify_document
from protocol.encoding import (
    parse_base64,
    parse_date,
    parse_decimal,
    parse_hash,
    parse_json,
    parse_time,
)
from protocol.endorsement import standing, verify_endorsement, verify_withdrawal
from protocol.errors import Malformed, ProtocolError
from protocol.evidence import format_evidence, parse_evidence, verify_evidence
from protocol.joining import verify_join_request
from protocol.leaf import CaseState, Leaf, parse_leaf
from protocol.member import fingerprint
from protocol.member_keys import SealingKey
from protocol.message import Address, verify_acknowledgement, verify_message
from protocol.note import VerifierKey, parse_note, verify_note
from protocol.policy import check_policy, format_policy, parse_policy
from protocol.proof import format_proof, parse_proof
from protocol.proof_file import (
    Announced,
    parse_proof_file,
    verify_announced,
    verify_shown,
    verify_statement,
)
from protocol.receipt import verify_receipt
from protocol.roster import format_roster, parse_roster
from protocol.sealed import open_sealed, seal
from protocol.tiles import format_bundle, parse_bundle, parse_tile_path, read_nodes, tile_width
from protocol.tlog import check_consistency, check_inclusion, leaf_hash, node_hash, tree_root
from protocol.token import FindKey, verify_request
from protocol.verification import FeedState, FeedUpdate, replay
from protocol.witness import (
    check_submission,
    format_cosignatures,
    format_refusal,
    origin_hash,
    parse_cosignatures,
    parse_submission,
)
from schemas import Schemas
from tests.protocol.naive import sha256, tree_hash
from tests.vectors.fixed import FOLDER
from tests.vectors.make import FILES, made

Vectors = dict[str, Any]
SCHEMAS = Schemas.packaged()
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def load(name: str) -> Vectors:
    vectors: Vectors = json.loads((FOLDER / name).read_bytes())
    return vectors


def un64(text: str) -> bytes:
    return base64.b64decode(text)


def error_of(vector: Vectors) -> type[errors.ProtocolError]:
    kind: type[errors.ProtocolError] = getattr(errors, vector.get("error", "Malformed"))
    return kind


def refused(vector: Vectors, attempt: Callable[..., object], *arguments: object) -> None:
    """The attempt raises exactly the error that the vector names."""
    with pytest.raises(error_of(vector)) as caught:
        attempt(*arguments)
    assert type(caught.value) is error_of(vector), vector["why"]


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_is_made(name: str) -> None:
    assert (FOLDER / name).read_bytes() == made(name), "run python -m tests.vectors.make"


def test_no_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(FILES)


def test_encodings() -> None:
    vectors = load("encodings.json")
    for text in vectors["json_good"]:
        assert parse_json(text.encode(), "vector", 1000) == json.loads(text)
    for bad in vectors["json_bad"]:
        refused(bad, parse_json, un64(bad["data"]), "vector", 1000)
    for good in vectors["base64_good"]:
        assert parse_base64(good["text"], "vector").hex() == good["hex"]
    for name, parse in (
        ("base64", parse_base64),
        ("decimal", parse_decimal),
        ("hash", parse_hash),
        ("time", parse_time),
        ("date", parse_date),
    ):
        for text in vectors[f"{name}_good"] if name != "base64" else ():
            parse(text, "vector")
        for text in vectors[f"{name}_bad"]:
            with pytest.raises(Malformed):
                parse(text, "vector")


def test_tree() -> None:
    vectors = load("tree.json")
    entries = [un64(entry) for entry in vectors["entries"]]
    assert [leaf_hash(entry).hex() for entry in entries] == vectors["leaf_hashes"]
    node = vectors["node"]
    assert node_hash(*(bytes.fromhex(node[side]) for side in ("left", "right"))).hex() == node["hash"]
    assert [tree_hash(entries[:size]).hex() for size in range(len(entries) + 1)] == vectors["roots"]
    for one, check in (*proofs(vectors, "inclusion"), *proofs(vectors, "consistency")):
        if "why" in one:
            refused({**one, "error": "BadProof"}, check)
        else:
            check()


def proofs(vectors: Vectors, kind: str) -> Iterator[tuple[Vectors, Callable[[], None]]]:
    for one in vectors[f"{kind}_good"] + vectors[f"{kind}_bad"]:
        proof = [bytes.fromhex(node) for node in one["proof"]]

        def check(one: Vectors = one, proof: list[bytes] = proof) -> None:
            if kind == "inclusion":
                leaf, root = bytes.fromhex(one["leaf_hash"]), bytes.fromhex(one["root"])
                check_inclusion(leaf, one["index"], one["size"], proof, root)
            else:
                old_root, new_root = bytes.fromhex(one["old_root"]), bytes.fromhex(one["new_root"])
                check_consistency(one["old"], old_root, one["new"], new_root, proof)

        yield one, check


def test_tiles() -> None:
    vectors = load("tiles.json")
    for good in vectors["paths_good"]:
        ref = parse_tile_path(good["path"])
        assert (ref.level, ref.index, ref.width) == (good["level"], good["index"], good["width"])
    for path in vectors["paths_bad"]:
        with pytest.raises(Malformed):
            parse_tile_path(path)
    for one in vectors["widths"]:
        assert tile_width(one["level"], one["index"], one["size"]) == one["width"]
    for good in vectors["bundles_good"]:
        entries = [un64(entry) for entry in good["entries"]]
        assert parse_bundle(un64(good["data"]), len(entries)) == entries
        assert format_bundle(entries) == un64(good["data"])
    for bad in vectors["bundles_bad"]:
        with pytest.raises(Malformed):
            parse_bundle(un64(bad["data"]), bad["width"])


def keys_of(vkeys: list[str]) -> list[VerifierKey]:
    return [VerifierKey.parse(vkey) for vkey in vkeys]


def test_notes() -> None:
    vectors = load("notes.json")
    for key in vectors["keys"]:
        assert VerifierKey.parse(key["vkey"]).format() == key["vkey"]
    for vkey in vectors["vkeys_bad"]:
        with pytest.raises(Malformed):
            VerifierKey.parse(vkey)
    for good in vectors["verify_good"]:
        note = parse_note(good["note"].encode())
        assert verify_note(note, keys_of(good["vkeys"])).format() == good["signer"]
    for bad in vectors["verify_bad"]:
        note = parse_note(bad["note"].encode())
        refused(bad, verify_note, note, keys_of(bad["vkeys"]))
    for bad in vectors["notes_bad"]:
        with pytest.raises(Malformed):
            parse_note(un64(bad["data"]))


def test_checkpoints() -> None:
    vectors = load("checkpoints.json")
    log = keys_of([vectors["log"]["vkey"]])
    witnesses = keys_of([witness["vkey"] for witness in vectors["witnesses"]])
    for good in vectors["good"]:
        head, _ = verify_checkpoint(good["note"].encode(), log)
        assert (head.origin, head.size, head.root.hex()) == (good["origin"], good["size"], good["root"])
    for bad in vectors["bad"]:
        refused(bad, verify_checkpoint, bad["note"].encode(), log)
    for one in vectors["quorums"]:
        _, note = verify_checkpoint(one["note"].encode(), log)
        if "error" in one:
            refused(one, check_quorum, note, witnesses, one["quorum"])
        else:
            counted = check_quorum(note, witnesses, one["quorum"])
            told = [{"name": each.key.name, "at": int(each.at.timestamp())} for each in counted]
            assert told == one["counted"]


def test_leaves() -> None:
    vectors = load("leaves.json")
    member = vectors["member"]
    for text in vectors["good"]:
        leaf = parse_leaf(text.encode(), member)
        assert leaf
        assert leaf.format().decode() == text
        SCHEMAS.check("leaf", json.loads(text))
    assert parse_leaf(vectors["unknown_members_are_ignored"].encode(), member)
    for text in vectors["unknown_kinds_are_passed_over"]:
        assert parse_leaf(text.encode(), member) is None
    for bad in vectors["bad"]:
        refused(bad, parse_leaf, bad["leaf"].encode(), member)
    for history in vectors["histories"]:
        entries = [leaf.encode() for leaf in history["leaves"]]
        if history["error"] is None:
            assert len(replay(entries, 0, member, lambda cases: {}, LATER)) == len(entries)
        else:
            refused(history, replay, entries, 0, member, lambda cases: {}, LATER)


def test_successors() -> None:
    vectors = load("leaves.json")
    member, inherited = vectors["member"], {}
    for entry in vectors["inherited"]:
        leaf = parse_leaf(entry.encode(), member)
        assert leaf is not None
        inherited[leaf.case] = CaseState(leaf.version, leaf.digest, leaf.expires, -1)

    def lookup(cases: Sequence[str]) -> dict[str, CaseState]:
        return {case: inherited[case] for case in cases if case in inherited}

    for history in vectors["successors"]:
        entries = [leaf.encode() for leaf in history["leaves"]]
        if history["error"] is None:
            assert len(replay(entries, 0, member, lookup, LATER, complete=False)) == len(entries)
        else:
            refused(history, partial(replay, complete=False), entries, 0, member, lookup, LATER)


def leaf_of(vector: Vectors) -> Leaf:
    leaf = parse_leaf(vector["leaf"].encode(), "police.fr.example")
    assert leaf
    return leaf


def test_documents() -> None:
    vectors = load("documents.json")
    for good in vectors["good"]:
        document = verify_document(un64(good["document"]), leaf_of(good), good["audience"])
        kind = "summary" if good["audience"] == "network" else "supplement"
        SCHEMAS.check(kind, document.parts)
    partial = vectors["partial"]
    hashes = [sha256(un64(partial["head"])), sha256(un64(partial["public"]))]
    hashes.append(bytes.fromhex(partial["network_sha256"]))
    assert digest_parts(hashes).hex() == partial["digest"]
    assert sha256(un64(vectors["digest_prefix"]), *hashes).hex() == partial["digest"]
    other = vectors["another_digest"]
    with pytest.raises(error_of(other)):
        verify_document(un64(other["document"]), leaf_of(other), "network")
    for bad in vectors["bad"]:
        refused(bad, verify_document, un64(bad["document"]), leaf_of(bad), bad["audience"])


def test_feed_is_pulled_from_each_size_to_each_later_one() -> None:
    vectors = load("feed.json")
    files = {path: un64(data) for path, data in vectors["files"].items()}
    keys = keys_of([vectors["log"]["vkey"]])
    published = vectors["published"]
    for start in range(len(published)):
        state, entries = FeedState(vectors["origin"]), list[bytes]()
        for one in published[start:]:
            update = FeedUpdate(state, one["checkpoint"].encode(), keys)
            for ref in update.bundles():
                entries += update.feed(files[ref.format()])
            state = update.finish()
            check_quorum(update.note, keys_of([vectors["witness"]["vkey"]]), 1)
            root = tree_root(one["size"], read_nodes(one["size"], lambda ref: files[ref.format()]))
            assert root == update.checkpoint.root == tree_hash(entries)
        assert len(replay(entries, 0, vectors["member"], lambda cases: {}, LATER)) == 257


def test_the_cases_of_the_feed() -> None:
    vectors = load("feed.json")
    entries = parse_bundle(un64(vectors["files"]["tile/entries/000.p/5"]), 5)
    states = {
        leaf.case: state for leaf, state in replay(entries, 0, vectors["member"], lambda cases: {}, LATER)
    }
    told = {
        case: {
            "version": state.version,
            "digest": state.digest and state.digest.hex(),
            "expires": state.expires.isoformat(),
        }
        for case, state in states.items()
    }
    assert told == vectors["cases_at_5"]
    for entry, data in ((entries[0], vectors["documents"][0]), (entries[2], vectors["documents"][1])):
        verify_document(un64(data), leaf_of({"leaf": entry.decode()}), "network")


def test_lies_about_the_feed() -> None:
    vectors = load("feed.json")
    keys = keys_of([vectors["log"]["vkey"]])
    known = {one["size"]: one["checkpoint"].encode() for one in vectors["published"]}
    for told in vectors["lies"]:
        size = told["known"]
        update = FeedUpdate(FeedState(vectors["origin"]), known[size], keys)
        update.feed(un64(vectors["files"][f"tile/entries/000.p/{size}"]))
        refused(told, believe, update.finish(), told, keys)


def believe(state: FeedState, told: Vectors, keys: list[VerifierKey]) -> None:
    update = FeedUpdate(state, told["checkpoint"].encode(), keys)
    for data in told["bundles"]:
        update.feed(un64(data))
    update.finish()


def test_witness() -> None:
    vectors = load("witness.json")
    (key,) = keys_of([vectors["log"]["vkey"]])
    assert origin_hash(key.name) == vectors["origin_hash"]
    for one in vectors["submissions"]:
        known = vectors["heads"].get(str(one["newest"]))
        newest = parse_checkpoint(parse_note(known.encode()).text) if known else None
        status, answer = 200, b""
        try:
            submission = parse_submission(un64(one["body"]))
            check_submission(submission, newest, [key] if submission.checkpoint.origin == key.name else [])
        except ProtocolError as error:
            status, _, answer = format_refusal(error)
        assert status == one["status"], one["why"]
        assert status != 409 or answer.decode() == one["answer"]
    for bad in vectors["submissions_bad"]:
        refused(bad, parse_submission, un64(bad["body"]))
    told = vectors["cosignatures"]
    note = parse_cosignatures(told["answer"].encode(), parse_note(told["checkpoint"].encode()).text)
    (found,) = verify_cosignatures(note, keys_of([vectors["witness"]["vkey"]]))
    assert int(found.at.timestamp()) == told["at"]
    assert format_cosignatures([found.line]).decode() == told["answer"]


def test_evidence() -> None:
    vectors = load("evidence.json")
    keys = keys_of([vectors["log"]["vkey"]])
    for good in vectors["good"]:
        evidence = parse_evidence(good["evidence"].encode())
        assert format_evidence(evidence).decode() == good["evidence"]
        assert [head.size for head in verify_evidence(evidence, keys)] == good["sizes"]
    for bad in vectors["bad"]:
        refused(bad, verify_evidence, parse_evidence(bad["evidence"].encode()), keys)


def find_in(key: Vectors) -> FindKey:
    def find(member: str, kid: str, at: object) -> bytes:
        if (member, kid) != (key["member"], key["kid"]):
            raise errors.NotAuthorized("no such key")
        return un64(key["public"])

    return find


def test_tokens() -> None:
    vectors = load("tokens.json")
    find = find_in(vectors["key"])

    def verify(one: Vectors) -> None:
        body, now = un64(one["body"]), parse_time(one["now"], "vector")
        verify_request(one["token"], one["receiver"], one["method"], one["path"], body, find, now)

    for good in vectors["requests_good"]:
        verify(good)
    for bad in vectors["requests_bad"]:
        refused(bad, verify, bad)
    for good in vectors["receipts_good"]:
        receipt = verify_receipt(good["token"], good["owner"], find)
        assert (receipt.kind, receipt.origin, receipt.items) == (good["kind"], good["origin"], good["items"])
        SCHEMAS.check("receipt", receipt.claims)
    for bad in vectors["receipts_bad"]:
        refused(bad, verify_receipt, bad["token"], bad["owner"], find)


def test_roster() -> None:
    vectors = load("roster.json")
    now = parse_time(vectors["now"], "vector")
    data, policy_data = un64(vectors["roster"]), un64(vectors["policy"])
    roster, policy = parse_roster(data), parse_policy(policy_data)
    assert (format_roster(roster), format_policy(policy)) == (data, policy_data)
    check_policy(policy, roster)
    replaced = vectors["replaced"]
    rotated = parse_roster(un64(replaced["roster"])).member(replaced["member"])
    assert fingerprint(rotated) == replaced["fingerprint"]
    for one in replaced["in_force"]:
        at = parse_time(one["at"], "vector")
        assert [key.format() for key in rotated.feed("network").keys_at(at)] == one["network"]
        assert [key.format() for key in rotated.cosigners_at(at)] == one["cosigners"]
    good = vectors["endorsement_good"]
    endorsement = verify_endorsement(good["token"], roster, now)
    assert (endorsement.issuer, endorsement.subject) == (good["issuer"], good["subject"])
    assert (endorsement.token_id, endorsement.expires) == (good["jti"], parse_time(good["expires"], "vector"))
    for bad in vectors["endorsements_bad"]:
        refused(bad, verify_endorsement, bad["token"], roster, parse_time(bad["now"], "vector"))
    withdrawal = verify_withdrawal(vectors["withdrawal"]["token"], roster)
    assert withdrawal.token_id == vectors["withdrawal"]["jti"]
    for one in vectors["standings"]:
        withdrawals = [withdrawal] if one["withdrawn"] else []
        told = standing(roster.member(one["member"]), roster, withdrawals, parse_time(one["at"], "vector"))
        assert (told.state, told.warning) == (one["state"], one["warning"])
    request = verify_join_request(vectors["join_request"]["token"], now)
    assert (request.member.id, request.network) == (
        vectors["join_request"]["member"],
        vectors["join_request"]["network"],
    )


def test_proofs() -> None:
    vectors = load("proofs.json")
    keys, find = keys_of([vectors["log"]["vkey"]]), find_in(vectors["key"])

    def announced(text: str, leaf: bytes | None = None) -> Announced:
        return verify_announced(parse_proof(text.encode()), leaf, lambda member: keys)

    def shown(data: bytes) -> Current:
        file = parse_proof_file(data)
        found, parts = verify_shown(file, lambda member: keys)
        assert list(parts) == ["head", "public"]
        return verify_statement(file, found, find)

    for good in vectors["proofs_good"]:
        proof = parse_proof(good["proof"].encode())
        assert format_proof(proof).decode() == good["proof"]
        found = announced(good["proof"], un64(good["leaf"]))
        assert found.checkpoint.size == good["size"]
        witness = keys_of([vectors["witness"]["vkey"]])
        assert len(verify_cosignatures(found.note, witness)) == 1
    for bad in vectors["proofs_unread"]:
        refused(bad, parse_proof, un64(bad["data"]))
    for bad in vectors["proofs_bad"]:
        refused(bad, announced, bad["proof"])
    for good in vectors["statements_good"]:
        said = verify_current(good["token"], find)
        assert (said.case, said.version, said.digest.hex()) == (good["case"], good["version"], good["digest"])
        assert said.until == parse_time(good["until"], "vector")
        for at in good["holds"]:
            said.check_holds(parse_time(at, "vector"))
        for at in good["does_not_hold"]:
            with pytest.raises(errors.NotAuthorized):
                said.check_holds(parse_time(at, "vector"))
    for bad in vectors["statements_bad"]:
        refused(bad, verify_current, bad["token"], find)
    for file in vectors["files_good"]:
        assert shown(un64(file)).issuer == vectors["key"]["member"]
    for bad in vectors["files_bad"]:
        refused(bad, shown, un64(bad["file"]))


def test_answers() -> None:
    vectors = load("answers.json")
    good = vectors["query_good"]
    assert [digest.hex() for digest in parse_query(good["body"].encode())] == good["digests"]
    for body in vectors["queries_bad"]:
        with pytest.raises(Malformed):
            parse_query(body.encode())
    good = vectors["answer_good"]
    answers = parse_answers(un64(good["data"]), [bytes.fromhex(digest) for digest in good["asked"]])
    told = [
        Given(un64(one["document"]), one["direct"]) if "document" in one else one["status"]
        for one in good["answers"]
    ]
    assert answers == told
    for bad in vectors["answers_bad"]:
        with pytest.raises(Malformed):
            parse_answers(un64(bad["data"]), [bytes.fromhex(digest) for digest in bad["asked"]])


def test_sealed() -> None:
    vectors = load("sealed.json")
    receiver, other = (sealing_private(vectors[who]) for who in ("receiver", "other"))
    good, info = vectors["good"], vectors["good"]["info"].encode()
    data, plain = un64(good["sealed"]), un64(good["plain"])
    assert open_sealed([receiver], data, info) == plain
    assert open_sealed([other, receiver], data, info) == plain
    for keys in ([], [other]):
        with pytest.raises(Malformed):
            open_sealed(keys, data, info)
    for bad in vectors["bad"]:
        refused(bad, open_sealed, [receiver, other], un64(bad["sealed"]), bad["info"].encode())
    key = SealingKey("vector", un64(vectors["receiver"]["public"]))
    assert open_sealed([receiver], seal(key, plain, info), info) == plain


def test_messages() -> None:
    vectors = load("messages.json")
    find, now = parse_roster(un64(vectors["roster"])).token_key, parse_time(vectors["now"], "vector")
    good, receiver = vectors["message_good"], vectors["receiver"]
    message = verify_message(un64(good["data"]), receiver, find, now)
    assert message.address == Address(good["type"], good["iss"], receiver, good["jti"])
    assert message.expires == parse_time(good["expires"], "vector")
    assert message.sealed == un64(load("sealed.json")["good"]["sealed"])
    assert message.open([sealing_private(load("sealed.json")["receiver"])]).body["note"]
    for bad in vectors["messages_bad"]:
        bad_now = parse_time(bad["now"], "vector")
        refused(bad, verify_message, un64(bad["data"]), receiver, find, bad_now)
    good = vectors["acknowledgement_good"]
    told = verify_acknowledgement(good["token"].encode(), message.address, message.digest, find)
    assert told == parse_time(good["received"], "vector")
    for bad in vectors["acknowledgements_bad"]:
        data = bad["token"].encode()
        refused(bad, verify_acknowledgement, data, message.address, message.digest, find)


def sealing_private(halves: Vectors) -> MLKEM768X25519PrivateKey:
    return MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(un64(halves["ml_kem_seed"])),
        X25519PrivateKey.from_private_bytes(un64(halves["x25519"])),
    )


def test_states_are_complete() -> None:
    """A case state in the vectors has every member that this program keeps, but for the place in the feed."""
    one = next(iter(load("feed.json")["cases_at_5"].values()))
    assert set(one) | {"index"} == set(CaseState.__slots__)
