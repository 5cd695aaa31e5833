"""`gmcn network`: the coordinator's commands, and those of the people who keep the network's keys."""

import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import waitress
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.keystore import create_key_file, load_key_file, signing_public
from node.adapters.repository import Holder, Role
from node.cli.base.arguments import ask_passphrase, passphrase_option, read_pairs
from node.cli.base.output import json_option, print_json, remark, say, yes_option
from node.domain.rekeying import KEY_OVERLAP
from node.errors import InvalidInput, NodeError, NotFound
from node.services.coordinator import network as coordinator
from node.services.coordinator import signing
from node.services.coordinator.network_view import NetworkView, describe
from node.services.members.membership import root_fingerprint
from node.web.coordinator import create_coordinator_app
from protocol.encoding import format_base64, format_json, parse_base64, parse_hash, parse_object
from protocol.errors import ProtocolError
from protocol.feed_entry import Audience, FrozenHead
from protocol.member import Member, MemberState, fingerprint
from protocol.policy import Policy

_MAX_REQUEST_BYTES = 1 << 17
_RENEW_SECONDS = 3600.0

F = TypeVar("F", bound=Callable[..., Any])

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_member = click.argument("member")


@click.group()
def network() -> None:
    """Make and run a network: members, keys, policy.

    A change is staged (admit, policy, rotate ...), signed by the key holders (sign), and published (publish).

    \b
    Examples:
      gmcn network init net --name "Missing Children Network" --root-key ana.pem --root-key bob.pem
      gmcn network admit net request.jwt
      gmcn network sign net --key ana.pem
      gmcn network sign net --key bob.pem
      gmcn network publish net
    """


@network.command()
@_folder
@click.option("--name", required=True, help="The network's name, as its members will see it.")
@click.option(
    "--root-key",
    "root_keys",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A key file, which is made if it is not there, or the .pub file of somebody elsewhere. Repeat it.",
)
@click.option(
    "--targets-key",
    "targets_keys",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Keys that sign roster and policy; the root keys when none is given.",
)
@click.option("--threshold", default=2, show_default=True, help="How many holders must sign.")
@click.option("--sandbox", is_flag=True, help="An exercise: everything says so, and one key may be enough.")
@passphrase_option
def init(
    folder: Path,
    name: str,
    root_keys: tuple[Path, ...],
    targets_keys: tuple[Path, ...],
    threshold: int,
    sandbox: bool,
    passphrase_file: Path | None,
) -> None:
    """Make a network in DIR.

    Keys that are here sign at once. When others must sign too, send them a copy of DIR/change.json.

    \b
    Examples:
      gmcn network init net --name "Missing Children Network" --root-key ana.pem --root-key bob.pub
    """
    keys = {path: _obtain_key(path, passphrase_file) for path in dict.fromkeys((*root_keys, *targets_keys))}
    root = [keys[path][0] for path in root_keys]
    targets = [keys[path][0] for path in targets_keys] or root
    coordinator.create_network(folder, name, root, targets, threshold, _now(), Policy(exercise=sandbox))
    for _, private in keys.values():
        if private is not None:
            signing.sign_change(folder, private)
    if all(not found.missing for found in describe(folder, _now()).signatures.values()):
        signing.publish(folder, _now())
        say(f"The network is published in {folder}. Give members {folder / 'metadata' / '1.root.json'}.")
    else:
        say(f"The network in {folder} waits for signatures.")
        say(f"Send {folder / 'change.json'} to the other holders, and take what comes back:")
        say(f"  gmcn network collect {folder} COPY\n  gmcn network publish {folder}")


@network.command()
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_option
def key(file: Path, passphrase_file: Path | None) -> None:
    """Make a key for somebody who is to sign for the network: FILE to keep, and its .pub to hand out.

    \b
    Examples:
      gmcn network key ana.pem
    """
    holder, _ = _create_key(file, passphrase_file)
    say(f"Keep {file} and its passphrase apart and offline. Send {_public_path(file)} to the coordinator.")
    say(f"Key of {holder.name}: {format_base64(holder.public)}")


@network.command()
@_folder
@click.argument("request", type=click.Path(path_type=Path))
@json_option
def admit(folder: Path, request: Path, as_json: bool) -> None:
    """Stage a new member from its join REQUEST.

    Before anybody signs, compare the fingerprint with the member by telephone.

    \b
    Examples:
      gmcn network admit net police.fr.example.jwt
    """
    member = coordinator.admit(folder, _read_text(request), _now())
    _show_member(folder, member, as_json, "Admission of {} is staged.")


@network.command()
@_folder
@click.argument("request", type=click.Path(path_type=Path))
@click.option("--old-key-lost", is_flag=True, help="Take it although no listed key vouches for it.")
@click.option("--compromised", is_flag=True, help="Strike the old keys at once: a thief has them.")
@click.option(
    "--overlap-days",
    default=KEY_OVERLAP.days,
    show_default=True,
    type=click.IntRange(1, 90),
    help="How long the old keys still count beside the new ones. Let it outlast the signing.",
)
@json_option
def rekey(
    folder: Path, request: Path, old_key_lost: bool, compromised: bool, overlap_days: int, as_json: bool
) -> None:
    """Stage new keys, or the successor of a frozen feed, for a member from its REQUEST (`gmcn keys`).

    \b
    Examples:
      gmcn network rekey net police.fr.example.jwt
      gmcn network rekey net police.fr.example.jwt --compromised --old-key-lost
    """
    overlap = None if compromised else timedelta(days=overlap_days)
    member = coordinator.rekey(
        folder, _read_text(request), _now(), old_key_lost=old_key_lost, overlap=overlap
    )
    _show_member(folder, member, as_json, "New keys for {} are staged.")


def _state_command(name: str, state: MemberState, text: str) -> None:
    @network.command(name, help=f"{text}\n\n\b\nExamples:\n  gmcn network {name} net police.fr.example")
    @_folder
    @_member
    def set_state(folder: Path, member: str) -> None:
        coordinator.set_state(folder, member, state, _now())
        say(f"Staged: {member} becomes {state}.\n{_next(folder)}")


_state_command("suspend", "suspended", "Stage that nothing is exchanged with MEMBER for the time being.")
_state_command("resume", "active", "Stage that a suspended MEMBER takes part again.")
_state_command("remove", "removed", "Stage that MEMBER leaves for good; its cases are purged everywhere.")


@network.command()
@_folder
@click.argument("endorsement", type=click.Path(path_type=Path))
def endorse(folder: Path, endorsement: Path) -> None:
    """Stage a new ENDORSEMENT (a file) of an NGO that is a member.

    \b
    Examples:
      gmcn network endorse net endorsement.jwt
    """
    member = coordinator.endorse(folder, _read_text(endorsement).strip(), _now())
    say(f"A new endorsement of {member.id} is staged.\n{_next(folder)}")


@network.command()
@_folder
@_member
@click.argument("audience", type=click.Choice(["network", "police"]))
@click.option("--size", required=True, type=click.IntRange(min=0), help="How many leaves count.")
@click.option("--root", required=True, help="The tree's root over them, 64 hexadecimal digits.")
def freeze(folder: Path, member: str, audience: str, size: int, root: str) -> None:
    """Stage that nothing in a feed of MEMBER counts after a size: its key was stolen, or its leaves were
    lost.

    \b
    Examples:
      gmcn network freeze net police.fr.example network --size 1024 --root 5f1d...
    """
    try:
        head = FrozenHead(size, parse_hash(root, "--root"))
    except ProtocolError as error:
        raise InvalidInput(f"{error}.", "Copy it from `gmcn status --json`.") from None
    coordinator.freeze(folder, member, cast(Audience, audience), head, _now())
    say(f"Staged: the {audience} feed of {member} ends at {size} leaves.\n{_next(folder)}")


@network.command()
@_folder
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
def policy(folder: Path, settings: tuple[str, ...]) -> None:
    """Stage changes of the policy.

    \b
    Examples:
      gmcn network policy net notice_days=14 quorum.network=1 witnesses.network=police.fr.example
    """
    coordinator.set_policy(folder, read_pairs(settings, "setting"), _now())
    say(f"The policy is staged.\n{_next(folder)}")


@network.command()
@_folder
def schemas(folder: Path) -> None:
    """Stage the JSON Schemas of this program, where the network's are older.

    \b
    Examples:
      gmcn network schemas net
    """
    newer = coordinator.update_schemas(folder, _now())
    say(
        f"Staged: {', '.join(newer)}.\n{_next(folder)}" if newer else "The network has these schemas already."
    )


@network.command()
@_folder
@click.argument("role", type=click.Choice(["root", "targets", "online"]))
@click.option("--add", multiple=True, type=click.Path(path_type=Path), help="A holder's key or .pub file.")
@click.option("--remove", multiple=True, help="A holder's name, as `show` gives it.")
@click.option("--threshold", type=click.IntRange(min=1), help="How many must sign from now on.")
@passphrase_option
def rotate(
    folder: Path,
    role: str,
    add: tuple[Path, ...],
    remove: tuple[str, ...],
    threshold: int | None,
    passphrase_file: Path | None,
) -> None:
    """Stage other keys for ROLE, or with no option another term for the same ones. `online` gets a fresh key.

    \b
    Examples:
      gmcn network rotate net root --add carla.pub --remove ana
    """
    if role == "online":
        if add or remove or threshold:
            raise InvalidInput("The online key is made here; it has no holders.", "Leave the options out.")
        coordinator.rotate_online(folder, _now())
    else:
        holders = [_obtain_key(path, passphrase_file)[0] for path in add]
        coordinator.rotate(folder, cast(Role, role), _now(), add=holders, remove=remove, threshold=threshold)
    say(f"The rotation is staged.\n{_next(folder)}")


@network.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path), help="Your key file.")
@yes_option
@passphrase_option
@json_option
def sign(path: Path, key_file: Path, yes: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Sign the staged change in PATH: a network's folder, or a copy of its change.json.

    Shows what the change does first. Send a copy that you have signed back to the coordinator.

    \b
    Examples:
      gmcn network sign change.json --key ana.pem
    """
    if not as_json:
        for sentence in describe(path, _now()).changes:
            say(f"  {sentence}")
        if not yes:
            click.confirm("Sign this?", abort=True, default=True)
    roles = signing.sign_change(path, load_key_file(key_file, ask_passphrase(passphrase_file, key_file)))
    missing = {role: found.missing for role, found in describe(path, _now()).signatures.items()}
    if as_json:
        print_json({"signed": roles, "missing": missing})
    else:
        still = ", ".join(f"{role} needs {count} more" for role, count in missing.items() if count)
        say(f"Signed {' and '.join(roles)}. {still or 'Nothing is missing: the coordinator can publish it'}.")
        if not still and path.is_dir():
            say(f"  gmcn network publish {path}")


@network.command()
@_folder
@click.argument("copy", type=click.Path(path_type=Path))
def collect(folder: Path, copy: Path) -> None:
    """Take the signatures of a COPY of change.json, which came back, into the network in DIR.

    \b
    Examples:
      gmcn network collect net change-from-bob.json
    """
    signing.collect(folder, copy)
    _echo_signatures(describe(folder, _now()))


@network.command()
@_folder
def publish(folder: Path) -> None:
    """Publish the staged change, once enough holders have signed it.

    \b
    Examples:
      gmcn network publish net
    """
    signing.publish(folder, _now())
    versions = ", ".join(f"{line.role} {line.version}" for line in describe(folder, _now()).published)
    say(f"Published: {versions}. Nodes take it up at their next poll.")


@network.command()
@_folder
def discard(folder: Path) -> None:
    """Forget the staged change.

    \b
    Examples:
      gmcn network discard net
    """
    signing.discard(folder)
    say("Nothing is staged any more.")


@network.command()
@_folder
def refresh(folder: Path) -> None:
    """Renew what is published for seven more days, with the online key. `serve` does it by itself.

    \b
    Examples (daily, by cron):
      gmcn network refresh net
    """
    signing.refresh(folder, _now())
    say("Renewed for seven days.")


@network.command()
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def show(path: Path, as_json: bool) -> None:
    """Show the network in PATH (its folder, or a copy of its change.json) and what its staged change does.

    \b
    Examples:
      gmcn network show net
    """
    view = describe(path, _now())
    if as_json:
        print_json(asdict(view))
        return
    say(f"{view.name}{' (EXERCISE)' if view.exercise else ''}")
    for line in view.published:
        holders = f"{line.threshold} of {', '.join(line.holders)}"
        say(f"  {line.role:<10} version {line.version}, until {line.expires:%Y-%m-%d}, signed by {holders}")
        if line.role == "root":
            file = path / "metadata" / f"{line.version}.root.json"
            say(f"    {file.name}, for whoever joins: {root_fingerprint(file.read_bytes())}")
    for member in view.members:
        say(f"  {member.id} ({member.country}, {member.kind}): {member.standing}; {member.reason}")
        say(f"    {member.fingerprint}")
    if view.changes:
        say("Staged:")
        for sentence in view.changes:
            say(f"  {sentence}")
        _echo_signatures(view)
    for warning in view.warnings:
        remark(f"Warning: {warning}")


@network.command()
@_folder
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8450, show_default=True, type=click.IntRange(1, 65535))
def serve(folder: Path, host: str, port: int) -> None:
    """Serve the network's signed files, and renew them before they run out. Put a TLS proxy in front.

    \b
    Examples:
      gmcn network serve net --port 8450
    """
    app = create_coordinator_app(folder)
    stop = threading.Event()
    renewing = threading.Thread(target=_keep_fresh, args=(folder, stop), daemon=True)
    renewing.start()
    say(f"Serving {folder} on http://{host}:{port}. Stop with Ctrl-C.")
    try:
        waitress.serve(app, host=host, port=port, threads=4, send_bytes=1_000_000, _quiet=True)
    finally:
        stop.set()


def _keep_fresh(folder: Path, stop: threading.Event) -> None:
    """Renew the online signatures whenever they are due, until told to stop."""
    while True:
        try:
            if signing.refresh_when_due(folder, _now()):
                say("Renewed for seven days.")
        except (NodeError, OSError) as error:
            remark(f"The network's files could not be renewed: {error}")
        if stop.wait(_RENEW_SECONDS):
            return


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_REQUEST_BYTES).decode("ascii")
    except OSError as error:
        raise NotFound(f"{path} cannot be opened: {error.strerror}.", "Check its name.") from None
    except UnicodeDecodeError:
        raise InvalidInput(
            f"{path} is not what is asked for.", "Ask whoever sent it to send it again."
        ) from None


def _next(folder: Path) -> str:
    """Say what follows a staged change."""
    return (
        f"Next, each holder of a key, then you:\n  gmcn network sign {folder} --key KEY\n"
        f"  gmcn network publish {folder}"
    )


def _show_member(folder: Path, member: Member, as_json: bool, text: str) -> None:
    if as_json:
        print_json(
            {
                "id": member.id,
                "country": member.country,
                "kind": member.kind,
                "fingerprint": fingerprint(member),
            }
        )
    else:
        say(text.format(member.id))
        say(f"Compare its fingerprint by telephone: {fingerprint(member)}")
        say(_next(folder))


def _echo_signatures(view: NetworkView) -> None:
    for role, found in view.signatures.items():
        waiting = f"needs {found.missing} more of {', '.join(found.waiting)}" if found.missing else "complete"
        say(f"  {role}: signed by {', '.join(found.signed) or 'nobody'}; {waiting}")


def _obtain_key(path: Path, passphrase_file: Path | None) -> tuple[Holder, Ed25519PrivateKey | None]:
    """Read a holder's .pub file, or read or make the key file, whose private half comes along."""
    if path.suffix == ".pub":
        return _read_public(path), None
    if path.exists():
        private = load_key_file(path, ask_passphrase(passphrase_file, path))
        return Holder(path.stem, signing_public(private)), private
    return _create_key(path, passphrase_file)


def _create_key(path: Path, passphrase_file: Path | None) -> tuple[Holder, Ed25519PrivateKey]:
    private = create_key_file(path, ask_passphrase(passphrase_file, path, new=True))
    holder = Holder(path.stem, signing_public(private))
    _public_path(path).write_bytes(
        format_json({"holder": holder.name, "public": format_base64(holder.public)}) + b"\n"
    )
    return holder, private


def _public_path(path: Path) -> Path:
    return path.with_suffix(".pub")


def _read_public(path: Path) -> Holder:
    try:
        value = parse_object(_read_text(path).encode(), "public key file", 4096)
        holder, public = value.get("holder"), parse_base64(value.get("public", ""), "public key", 32)
    except ProtocolError as error:
        raise InvalidInput(
            f"{path}: {error}.", "Ask its holder for the file that `gmcn network key` wrote."
        ) from None
    return Holder(str(holder), public)
