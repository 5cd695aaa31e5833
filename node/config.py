"""The node's settings: `node.toml` in its home, overridden by `GMCN_*` variables of the environment, frozen.

Guarantees: every default stands here once; a key that is not known, or a value that is not allowed, is
refused with the key, what was read and what is allowed. Secrets are never settings, only the paths of their
files. `config/node.example.toml` shows every setting; a test holds it to this module.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from node.errors import InvalidInput
from protocol.errors import Malformed
from protocol.member import parse_member_id
from protocol.signs import is_readable

FILE_NAME = "node.toml"
_LEVELS = ("debug", "info", "warning", "error")


def _number(default: int, least: int, most: int) -> Any:
    return field(default=default, metadata={"least": least, "most": most})


def _choice(default: str, *allowed: str) -> Any:
    return field(default=default, metadata={"allowed": allowed})


@dataclass(frozen=True)
class DatabaseConfig:
    """Where rows live, empty `url`: a SQLite file `node.db` in the home; and how many hours lie between two
    rewritings of PostgreSQL's tables, which erasure needs."""

    url: str = ""
    rewrite_hours: int = _number(4, 1, 20)


@dataclass(frozen=True)
class KeysConfig:
    """Empty `passphrase_file`: a random secret is made beside the keys, readable by the node's user only."""

    passphrase_file: str = ""


@dataclass(frozen=True)
class ServerConfig:
    """Where the node listens. TLS belongs to the proxy in front of it."""

    host: str = "127.0.0.1"
    port: int = _number(8440, 0, 65535)
    threads: int = _number(8, 2, 64)
    compress: bool = True


@dataclass(frozen=True)
class ConsoleConfig:
    """Where the members' console listens and how its people reach it, how long a session lives, and when
    somebody who guesses has to wait.

    `address` is what people type, once TLS is in front; empty: plain http on loopback.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = _number(8441, 0, 65535)
    threads: int = _number(4, 1, 64)
    address: str = ""
    hsts: bool = True
    timezone: str = "UTC"
    idle_minutes: int = _number(30, 1, 720)
    session_hours: int = _number(12, 1, 168)
    failures: int = _number(5, 1, 100)
    lock_minutes: int = _number(15, 1, 1_440)
    address_failures: int = _number(30, 1, 100_000)


@dataclass(frozen=True)
class SiteConfig:
    """Where the public site listens, and how people reach it.

    Without `enabled` the node serves it not beside the rest; `gmcn site serve` serves it alone. `address` is
    what people type, once TLS is in front; empty: plain http on loopback. `sightings_per_…` are the most that
    are taken in an hour of one network address, about one case, and in all.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = _number(8442, 0, 65535)
    threads: int = _number(4, 1, 64)
    address: str = ""
    timezone: str = "UTC"
    sightings_per_address: int = _number(20, 1, 100_000)
    sightings_per_case: int = _number(200, 1, 100_000)
    sightings_per_hour: int = _number(500, 1, 100_000)
    posters_megabytes: int = _number(200, 0, 100_000)


@dataclass(frozen=True)
class OidcConfig:
    """Signing in to the console through the member's own identity provider (OpenID Connect).

    Empty `issuer`: there is none. `acr` and `amr` hold words with spaces between; with any of them, the
    provider's second factor counts, and without, the console asks for its own. `max_age_minutes` of 0 leaves
    it to the provider how long ago somebody signed in there.
    """

    issuer: str = ""
    client_id: str = ""
    secret_file: str = ""
    label: str = ""
    scopes: str = "openid"
    acr: str = ""
    amr: str = ""
    max_age_minutes: int = _number(0, 0, 10_080)
    passwords: bool = True
    authorities_file: str = ""


@dataclass(frozen=True)
class PullConfig:
    """How often peers are asked, how long they may take, and how much is taken at once."""

    interval_seconds: int = _number(300, 1, 86_400)
    heads_seconds: int = _number(300, 1, 86_400)
    backoff_seconds: int = _number(900, 1, 86_400)
    connect_seconds: int = _number(5, 1, 60)
    deadline_seconds: int = _number(60, 1, 3_600)
    workers: int = _number(4, 1, 32)
    private_addresses: bool = False


@dataclass(frozen=True)
class MirrorConfig:
    """For a node that nobody can reach from outside: the member that serves its feeds for it."""

    partner: str = ""


@dataclass(frozen=True)
class StorageConfig:
    """How much disk full-size photographs of peers may take, how many live cases each member may have held
    here, and how much the bundles may take together that are sent over a line and wait to be taken in. Small
    photographs are always kept."""

    photographs_megabytes: int = _number(1_000, 0, 10_000_000)
    full_photographs: bool = True
    cases_per_member: int = _number(250_000, 1, 10_000_000)
    arrivals_megabytes: int = _number(1_000, 0, 10_000_000)


@dataclass(frozen=True)
class BackupConfig:
    """To whom backups are encrypted, and how many days they may be restored: they hold what was erased
    since."""

    key: str = ""
    days: int = _number(30, 1, 365)


@dataclass(frozen=True)
class GateConfig:
    """Whether the command line, too, publishes nothing new that a second person has not approved."""

    required: bool = False


@dataclass(frozen=True)
class LogConfig:
    """What is written to standard error."""

    level: str = _choice("info", *_LEVELS)
    form: str = _choice("text", "text", "json")


@dataclass(frozen=True)
class Config:
    """All settings of one node.

    Attributes:
        home: the node's folder; it holds everything that the node keeps, but for a PostgreSQL database.
        member: whose node this is, a DNS domain.
        disclosure: the member's disclosure policy as written; `node.domain.disclosure` reads it.
    """

    home: Path
    member: str
    database: DatabaseConfig = DatabaseConfig()
    keys: KeysConfig = KeysConfig()
    server: ServerConfig = ServerConfig()
    console: ConsoleConfig = ConsoleConfig()
    site: SiteConfig = SiteConfig()
    oidc: OidcConfig = OidcConfig()
    pull: PullConfig = PullConfig()
    mirror: MirrorConfig = MirrorConfig()
    storage: StorageConfig = StorageConfig()
    backup: BackupConfig = BackupConfig()
    gate: GateConfig = GateConfig()
    log: LogConfig = LogConfig()
    disclosure: Mapping[str, Any] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the node's database."""
        return self.database.url or f"sqlite:///{self.home / 'node.db'}"


_SECTIONS: Mapping[str, type[Any]] = {
    "database": DatabaseConfig,
    "keys": KeysConfig,
    "server": ServerConfig,
    "console": ConsoleConfig,
    "site": SiteConfig,
    "oidc": OidcConfig,
    "pull": PullConfig,
    "mirror": MirrorConfig,
    "storage": StorageConfig,
    "backup": BackupConfig,
    "gate": GateConfig,
    "log": LogConfig,
}


def load_config(home: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read `node.toml` in a home, and what the environment overrides: `GMCN_PULL_INTERVAL_SECONDS` is
    `pull.interval_seconds`.

    Args:
        environment: the process's own when None.

    Raises:
        InvalidInput: there is no such file, it is no TOML, or settings are wrong; every wrong one at once.
    """
    path = home / FILE_NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise InvalidInput(
            f"There is no node in {home}: {FILE_NAME} is missing.",
            "Make one with `gmcn init`, or name its folder with --home or GMCN_HOME.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {type(error).__name__}.", "Check its owner and encoding."
        ) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}.", "Mend that line.") from None
    except (ValueError, RecursionError):  # what tomllib leaves to Python
        raise InvalidInput(
            f"{path} holds a number that is too long, or nests too deep.", "Take it out: no setting needs it."
        ) from None
    return parse_config(home, values, os.environ if environment is None else environment)


def format_settings(chosen: Mapping[str, str]) -> str:
    """Write the lines of node.toml below `member`: the chosen settings, and every other with its default as a
    comment.

    Args:
        chosen: texts by name, such as "pull.interval_seconds". Whether they are allowed is for `parse_config`
            to say.

    Raises:
        InvalidInput: there are no such settings; every one.
    """
    known = {f"{name}.{item.name}" for name, kind in _SECTIONS.items() for item in fields(kind)}
    if unknown := [f"{name}: not a setting" for name in chosen if name not in known]:
        raise InvalidInput("There are no such settings.", "See docs/settings.md for every setting.", unknown)
    lines = ["# Every setting is explained in docs/settings.md. A line that begins with # shows a default."]
    for name, kind in _SECTIONS.items():
        lines += ["", f"[{name}]"]
        for item in fields(kind):
            text = chosen.get(f"{name}.{item.name}")
            value = item.default if text is None else _from_text(text, type(item.default))
            mark = "# " if text is None else ""
            lines.append(f"{mark}{item.name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join([*lines, ""])


def parse_config(home: Path, values: Mapping[str, Any], environment: Mapping[str, str]) -> Config:
    """Make the settings out of what a file and the environment say; see `load_config`."""
    problems: list[str] = []
    for key in values:
        if key not in _SECTIONS and key not in ("member", "disclosure"):
            problems.append(
                f"{_named(key)}: not a setting; allowed are member, disclosure, {', '.join(_SECTIONS)}"
            )
    member = environment.get("GMCN_MEMBER", values.get("member", ""))
    try:
        parse_member_id(member, "member")
    except Malformed:
        problems.append(
            f"member: {_shown(member)} was read; allowed is a domain in lower case such as police.fr.example"
        )
    disclosure = values.get("disclosure", {})
    if not isinstance(disclosure, dict):
        problems.append(f"disclosure: {_shown(disclosure)} was read; allowed is a table")
    sections = {
        name: _parse_section(name, kind, values.get(name, {}), environment, problems)
        for name, kind in _SECTIONS.items()
    }
    if problems:
        raise InvalidInput(
            f"{home / FILE_NAME} has wrong settings.",
            "See config/node.example.toml for every setting.",
            problems,
        )
    return Config(home=home, member=member, disclosure=disclosure, **sections)


def _parse_section(
    name: str, kind: type[Any], values: Any, environment: Mapping[str, str], problems: list[str]
) -> Any:
    if not isinstance(values, dict):
        problems.append(f"{name}: {_shown(values)} was read; allowed is a table")
        return kind()
    known = {item.name: item for item in fields(kind)}
    for key in values.keys() - known.keys():
        problems.append(f"{name}.{_named(key)}: not a setting; allowed are {', '.join(known)}")
    chosen: dict[str, Any] = {}
    for key, item in known.items():
        variable = f"GMCN_{name}_{key}".upper()
        if variable in environment:
            value, where = _from_text(environment[variable], type(item.default)), variable
        elif key in values:
            value, where = values[key], f"{name}.{key}"
        else:
            continue
        allowed = _not_allowed(value, type(item.default), item.metadata)
        if allowed:
            problems.append(f"{where}: {_shown(value)} was read; allowed is {allowed}")
        else:
            chosen[key] = value
    return kind(**chosen)


def _from_text(text: str, kind: type[Any]) -> Any:
    """Read a variable of the environment as the kind of its setting; what cannot be read so stays a text, to
    be refused."""
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if kind is int and re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        return int(text)
    return text


def _not_allowed(value: Any, kind: type[Any], metadata: Mapping[str, Any]) -> str:
    """Return what is allowed where a value is not; empty where it is."""
    if kind is int:
        least, most = cast(int, metadata["least"]), cast(int, metadata["most"])
        return (
            "" if type(value) is int and least <= value <= most else f"a whole number from {least} to {most}"
        )
    if kind is bool:
        return "" if type(value) is bool else "true or false"
    if "allowed" in metadata:
        return "" if value in metadata["allowed"] else f"one of {', '.join(metadata['allowed'])}"
    return "" if isinstance(value, str) and is_readable(value) else "a text in quotes, on one line"


def _named(key: str) -> str:
    return key if key.isprintable() else _shown(key)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
