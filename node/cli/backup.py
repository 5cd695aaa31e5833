"""`gmcn backup`, `gmcn backup-key` and `gmcn restore`: a copy of the whole node, away and back."""

from functools import partial
from pathlib import Path

import click

from node.adapters.keystore import create_sealing_file, key_id, load_sealing_file
from node.cli import Invocation
from node.cli.base.arguments import ask_passphrase, passphrase_option, read_input
from node.cli.base.opening import actor, pass_node
from node.cli.base.output import json_option, print_json, progress_bars, remark, say
from node.errors import InvalidInput
from node.runtime import Node, system_clock
from node.services.safekeeping.backup import IN_HOME, back_up, back_up_into
from node.services.safekeeping.backup import restore as put_back
from protocol.encoding import format_base64, parse_base64
from protocol.errors import Malformed

_PUBLIC_BYTES = 1216


@click.command("backup-key")
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_option
def backup_key(file: Path, passphrase_file: Path | None) -> None:
    """Make the key that opens backups: FILE to keep, and its .pub for the node.

    Make it on another machine than the node's: whoever has the node must not have its past as well, which
    holds children who are erased by now. Without FILE and its passphrase no backup can be opened again.

    \b
    Example:
      gmcn backup-key backup.pem
    """
    public = create_sealing_file(file, ask_passphrase(passphrase_file, file, new=True))
    shown = file.with_suffix(".pub")
    shown.write_text(format_base64(public) + "\n", "ascii")
    say(f"Keep {file} and its passphrase apart, away from the node. Copy {shown} to the node.")
    say(f"Id of the key: {key_id(public)}")


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "public_file",
    type=click.Path(path_type=Path),
    help="The .pub file of the key that will open it; backup.key of node.toml when not given.",
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help="TARGET is a folder: make a new file in it, and keep the newest N of this member.",
)
@json_option
@pass_node
def backup(node: Node, target: Path, public_file: Path | None, keep: int | None, as_json: bool) -> None:
    """Write an encrypted copy of the whole node into the file TARGET, while it serves.

    Settings, keys, the network's signed files, the database as it stands at this moment, photographs. It may
    be restored for backup.days days: it holds children who may be erased after it was made. With --keep those
    that are past that, and all but the newest N, are removed from the folder.

    \b
    Examples:
      gmcn backup --key backup.pub /mnt/backup/today.backup
      gmcn backup --keep 14 /mnt/backup
    """
    public = _read_public(public_file or _configured(node))
    with progress_bars() as tell:
        progress = partial(tell, node.member)
        if keep is None:
            made = back_up(node, target, public, progress, actor=actor())
        else:
            made = back_up_into(node, target, keep, public, progress, actor=actor())
    if as_json:
        print_json(made)
        return
    say(f"Wrote {made.path}: {made.rows} rows, {made.photographs} photographs, {made.bytes / 1e6:.1f} MB.")
    say(f"It can be restored until {made.not_after:%Y-%m-%d}.")
    for path in made.removed:
        say(f"Removed {path}.")
    if made.damaged:
        remark(f"{made.damaged} photographs are damaged on this disk and are not in it: run `gmcn fsck`.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--home", type=click.Path(path_type=Path), help="The new home; else that of `gmcn --home`.")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The key file that `gmcn backup-key` made.",
)
@passphrase_option
@click.option(
    "--database",
    default="",
    metavar="URL",
    help=f"An empty database for the rows, or `{IN_HOME}` for a file in the home.",
)
@click.option(
    "--despite-erasures",
    is_flag=True,
    help="Take a backup past its last day: it holds children whose data had to be gone by now.",
)
@json_option
@click.pass_obj
def restore(
    invocation: Invocation,
    file: Path,
    home: Path | None,
    key_file: Path,
    passphrase_file: Path | None,
    database: str,
    despite_erasures: bool,
    as_json: bool,
) -> None:
    """Put the backup FILE back into a new home; nothing is changed unless all of it is right.

    Make sure first that the old node is stopped for good. At its first `gmcn serve` the restored one asks its
    peers what it has published, and they erased, since the backup; before that it shows and signs nothing.

    \b
    Examples:
      gmcn restore today.backup --home /srv/gmcn --key backup.pem
      gmcn restore today.backup --home /srv/gmcn --key backup.pem \\
        --database postgresql+psycopg://gmcn@/gmcn
    """
    target = (home or invocation.home).expanduser()
    key = load_sealing_file(key_file, ask_passphrase(passphrase_file, key_file))
    with progress_bars() as tell:
        told = put_back(
            file,
            key,
            target,
            system_clock(),
            database=database,
            despite_erasures=despite_erasures,
            progress=partial(tell, target.name),
        )
    if as_json:
        print_json(told)
        return
    say(f"Restored {told.member} of {told.network} as of {told.made_at:%Y-%m-%d %H:%M} UTC in {told.home}.")
    say(f"{told.rows} rows, {told.photographs} photographs.")
    if told.passphrase_file and not Path(told.passphrase_file).exists():
        remark(f"The passphrase of its keys is in no backup: put it back into {told.passphrase_file}.")
    remark("Staff tokens were revoked: one that was taken back since would work again. Make new ones.")
    say("Next: gmcn serve. It asks the peers first what happened since; `gmcn status` says what was found.")


def _configured(node: Node) -> Path:
    if not node.config.backup.key:
        raise InvalidInput(
            "It is not said to which key the backup is to be encrypted.",
            "Make one with `gmcn backup-key`, and name its .pub file with --key or backup.key in node.toml.",
        )
    return Path(node.config.backup.key)


def _read_public(path: Path) -> bytes:
    try:
        return parse_base64(read_input(path).decode("ascii", "replace").strip(), "backup key", _PUBLIC_BYTES)
    except Malformed:
        raise InvalidInput(
            f"{path} is not the .pub file of a backup key.", "Take the one that `gmcn backup-key` wrote."
        ) from None
