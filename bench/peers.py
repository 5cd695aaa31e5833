"""Measure other people's first pull on the same documents as ours: git, hypercore 10 and PouchDB.

Each peer gets its fastest fair case and says in `remarks` what that is. The clock runs on the receiving side,
from its first connection until it has stored every document; filling the sending side is not counted. All
traffic stays on 127.0.0.1, and every process started here ends with this one. A peer whose program is missing
is skipped with the reason.

    python bench/peers.py --count 50000 --results bench/results/peers.json
    python bench/peers.py --documents FILE          (one document a line, each as a JSON string)
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "peers"
RESULTS = Path(__file__).parent / "results" / "peers.json"
COUNT = 50_000
RUNS = 3
# Far more than the slowest peer has ever needed for 50,000 documents; what takes longer hangs.
DEADLINE_SECONDS = 900.0


class Unavailable(Exception):
    """A peer cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Documents:
    """A file of documents, one JSON string a line, and how many there are."""

    path: Path
    count: int


@dataclass(frozen=True)
class Result:
    """One peer's first pull.

    Attributes:
        seconds: the fastest of `runs`, since everything that disturbs a run only makes it slower.
        verified: what the receiving side checked before it stored a document.
        indexed: what can be searched when the pull is over.
    """

    name: str
    version: str
    documents: int
    seconds: float
    per_second: int
    runs: list[float]
    verified: str
    indexed: str
    remarks: str


# Makes the first pull into a folder that does not exist yet, and returns the seconds it took.
Pull = Callable[[Path], float]


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Attributes:
        serving: fills the sending side below a folder and runs it; yields the pull.
    """

    name: str
    version: Callable[[], str]
    serving: Callable[[Documents, Path], AbstractContextManager[Pull]]
    verified: str
    indexed: str
    remarks: str


def documents(count: int) -> Iterator[bytes]:
    """Draw `count` stand-ins for summaries of about 1.5 kB, the same ones on every run.

    They have the size and the grain of real ones (three lines of JSON; salts and digests that no compression
    touches) and name nobody.
    """
    for number in range(count):
        seed = hashlib.sha256(b"stand-in %d" % number).digest()
        case = base64.b32encode(seed[:16]).decode().lower().rstrip("=")
        place = f"Quarter {seed[4]}, town {seed[5]}"
        circumstances = (
            f"Left {place} on foot in the morning, was seen once at the station and did not arrive. "
        )
        head = {"schema": "summary/1.0", "case": f"police.xa.example/{case}", "version": 1, **_dates(seed, 3)}
        public = {
            "names": [
                {"full": f"Exercise {seed[7:11].hex()}", "kind": "legal", "lang": "en", "script": "Latn"}
            ],
            "sex": seed[11] % 3,
            "last_seen": {"place": {"en": {"text": place, "origin": "original"}}, "radius_m": 5000},
            "circumstances": {"en": {"text": circumstances * 3, "origin": "original"}},
            "photos": [{"kind": "photo", "renditions": [_rendition(seed, size) for size in (240, 960)]}],
            "contacts": [{"kind": "hotline", "value": "+999116000", "country": "XA", "languages": ["en"]}],
        }
        network = {"risk": {"level": "medium", "factors": []}, **_dates(seed, 6)}
        parts: list[dict[str, Any]] = [head, public, network]
        salted = [
            {**part, "salt": base64.b64encode(hashlib.sha256(seed + bytes([index])).digest()).decode()}
            for index, part in enumerate(parts)
        ]
        yield "".join(json.dumps(part, separators=(",", ":")) + "\n" for part in salted).encode()


def _dates(seed: bytes, count: int) -> dict[str, str]:
    return {f"date_{n}": f"20{15 + seed[n] % 11}-{1 + seed[n] % 12:02}-03T08:00:00Z" for n in range(count)}


def _rendition(seed: bytes, size: int) -> dict[str, Any]:
    digest = hashlib.sha256(seed + size.to_bytes(2)).hexdigest()
    return {"sha256": digest, "media_type": "image/jpeg", "width": size, "height": size, "bytes": size * 40}


def write_documents(path: Path, values: Iterable[bytes]) -> Documents:
    """Write documents in the form that every peer here reads: one JSON string a line."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value.decode(), ensure_ascii=False) + "\n")
            count += 1
    return Documents(path, count)


def read_documents(path: Path) -> Iterator[bytes]:
    """Read what `write_documents` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line).encode()


@contextmanager
def serving_git(given: Documents, folder: Path) -> Iterator[Pull]:
    """Serve a repository of one commit and one ready pack by git's own daemon.

    Raises:
        Unavailable: git or its daemon is not installed.
    """
    if shutil.which("git") is None:
        raise Unavailable("git is not installed")
    if not Path(_git("--exec-path"), "git-daemon").exists():
        raise Unavailable("git is installed without git daemon")
    source = folder / "documents.git"
    _git("init", "--quiet", "--bare", str(source))
    _import_to_git(given, source)
    _git("-C", str(source), "repack", "-a", "-d", "-q", "--write-bitmap-index")
    port = _free_port()

    def pull(replica: Path) -> float:
        begun = time.perf_counter()
        _git("clone", "--quiet", f"git://127.0.0.1:{port}/{source.name}", str(replica))
        seconds = time.perf_counter() - begun
        held = sum(1 for _ in replica.glob("[0-9a-f][0-9a-f]/*"))
        if held != given.count:
            raise RuntimeError(f"git holds {held} of {given.count} documents")
        return seconds

    command = [
        "git",
        "daemon",
        "--export-all",
        f"--base-path={folder}",
        "--listen=127.0.0.1",
        f"--port={port}",
    ]
    # It would complain of the connection that only asks whether it listens; a failed clone speaks for itself.
    with _running(command, env=_git_environment(), stderr=subprocess.DEVNULL):
        _wait_for(port)
        yield pull


def _import_to_git(given: Documents, repository: Path) -> None:
    """Put every document into one commit, spread over 256 folders."""
    command = ["git", "-C", str(repository), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=_git_environment()) as process:
        assert process.stdin is not None
        process.stdin.write(b"commit refs/heads/main\ncommitter bench <bench@example> 0 +0000\ndata 0\n")
        for number, document in enumerate(read_documents(given.path)):
            process.stdin.write(b"M 644 inline %02x/%09d\n" % (number % 256, number))
            process.stdin.write(b"data %d\n%b\n" % (len(document), document))
        process.stdin.close()
    if process.returncode != 0:
        raise RuntimeError(f"git fast-import ended with {process.returncode}")
    _git("-C", str(repository), "symbolic-ref", "HEAD", "refs/heads/main")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        env=_git_environment(),
        check=True,
        timeout=DEADLINE_SECONDS,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def _git_environment() -> dict[str, str]:
    """Keep the user's own git settings (hooks, signing, compression) out of the measurement."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}


@contextmanager
def serving_hypercore(given: Documents, folder: Path) -> Iterator[Pull]:
    """Serve an append-only log, a document a block.

    Raises:
        Unavailable: node or npm is missing, or the packages could not be installed.
    """
    with _serving_node("hypercore.mjs", given, folder) as said:
        yield lambda replica: _pull_by_node("hypercore.mjs", replica, said["port"], said["key"], given.count)


@contextmanager
def serving_pouchdb(given: Documents, folder: Path) -> Iterator[Pull]:
    """Serve a PouchDB by express-pouchdb.

    Raises:
        Unavailable: node or npm is missing, or the packages could not be installed.
    """
    with _serving_node("pouchdb.mjs", given, folder) as said:
        yield lambda replica: _pull_by_node("pouchdb.mjs", replica, said["port"], given.count)


def install_programs() -> None:
    """Install the npm packages named in the lock, unless they are there already.

    Raises:
        Unavailable: node or npm is missing, or npm could not reach its registry.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed")
    lock, installed = PROGRAMS / "package-lock.json", PROGRAMS / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    print("Installing the npm packages of bench/peers", flush=True)
    done = subprocess.run(
        ["npm", "ci"], cwd=PROGRAMS, timeout=DEADLINE_SECONDS, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Unavailable(f"npm ci failed:\n{done.stderr.strip()}")


def _package_version(name: str) -> str:
    return str(json.loads((PROGRAMS / "node_modules" / name / "package.json").read_bytes())["version"])


@contextmanager
def _serving_node(program: str, given: Documents, folder: Path) -> Iterator[dict[str, Any]]:
    """Run a sending side in Node; yield what it says once it is filled and listens."""
    install_programs()
    source = folder / "source"
    source.mkdir()
    with _running(["node", str(PROGRAMS / program), "serve", str(source), str(given.path)]) as process:
        yield _hear(process, program)


def _pull_by_node(program: str, replica: Path, *arguments: object) -> float:
    """Run a receiving side in Node; return the seconds it measured."""
    replica.mkdir()
    command = ["node", str(PROGRAMS / program), "pull", str(replica), *map(str, arguments)]
    with _running(command) as process:
        return float(_hear(process, program)["seconds"])


def _hear(process: subprocess.Popen[bytes], program: str) -> dict[str, Any]:
    """Wait for the one line that a program says when it has come to its point."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], DEADLINE_SECONDS)
    if not ready:
        raise RuntimeError(f"{program} said nothing for {DEADLINE_SECONDS:.0f} seconds")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{program} ended before it was done")
    said: dict[str, Any] = json.loads(line)
    return said


@contextmanager
def _running(
    command: list[str], env: dict[str, str] | None = None, stderr: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, and end the whole group whatever happens."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=env, start_new_session=True
    )
    try:
        yield process
    finally:
        for end in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, end)
                process.wait(timeout=10)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int, seconds: float = 10.0) -> None:
    """Return once something listens on the port."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


PEERS = (
    Peer(
        name="git",
        version=lambda: _git("--version").removeprefix("git version "),
        serving=serving_git,
        verified="object hashes, no signature",
        indexed="nothing",
        remarks="clone from git daemon: one commit, one pack made beforehand; files checked out",
    ),
    Peer(
        name="hypercore",
        version=lambda: _package_version("hypercore"),
        serving=serving_hypercore,
        verified="signed Merkle tree",
        indexed="nothing",
        remarks="linear download over TCP, files on both sides; its stream is always encrypted",
    ),
    Peer(
        name="pouchdb",
        version=lambda: _package_version("pouchdb"),
        serving=serving_pouchdb,
        verified="nothing",
        indexed="by id",
        remarks="replication over HTTP without compression, batches of 1,000, LevelDB on both sides",
    ),
)


def run_peer(peer: Peer, given: Documents, runs: int = RUNS) -> Result:
    """Fill the peer's sending side once and pull from it `runs` times, in folders that are gone afterwards.

    Raises:
        Unavailable: the peer's program is not there.
    """
    taken = []
    with tempfile.TemporaryDirectory(prefix=f"gmcn-bench-{peer.name}-") as name:
        folder = Path(name)
        with peer.serving(given, folder) as pull:
            for number in range(runs):
                os.sync()  # what was written before this run is not this run's to write
                taken.append(pull(folder / f"replica-{number}"))
    best = min(taken)
    return Result(
        name=peer.name,
        version=peer.version(),
        documents=given.count,
        seconds=round(best, 2),
        per_second=round(given.count / best),
        runs=[round(seconds, 2) for seconds in taken],
        verified=peer.verified,
        indexed=peer.indexed,
        remarks=peer.remarks,
    )


def run_peers(
    given: Documents, peers: Iterable[Peer] = PEERS, runs: int = RUNS
) -> tuple[list[Result], dict[str, str]]:
    """Run one peer after the other.

    Returns:
        The results, and for each peer that was skipped the reason.
    """
    results: list[Result] = []
    skipped: dict[str, str] = {}
    for peer in peers:
        print(f"{peer.name}: {given.count:,} documents, {runs} runs", flush=True)
        try:
            results.append(run_peer(peer, given, runs))
        except Unavailable as reason:
            skipped[peer.name] = str(reason)
            print(f"{peer.name}: skipped, {reason}", flush=True)
    return results, skipped


def format_table(results: Iterable[Result]) -> str:
    """Lay the results out as a Markdown table."""
    rows = [("program", "seconds", "documents/s", "verified", "indexed", "how")]
    rows += [
        (f"{r.name} {r.version}", f"{r.seconds:.1f}", f"{r.per_second:,}", r.verified, r.indexed, r.remarks)
        for r in results
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---|--:|--:|---|---|---|")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="The same first pull by git, hypercore and PouchDB.")
    parser.add_argument(
        "--count", type=int, default=COUNT, help="how many documents to draw (default: %(default)s)"
    )
    parser.add_argument("--documents", type=Path, metavar="FILE", help="use these, one JSON string a line")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--only", choices=names, action="append", help="run this peer only (may be repeated)")
    parser.add_argument(
        "--runs", type=int, default=RUNS, help="the fastest of so many counts (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="default: %(default)s")
    options = parser.parse_args()
    # A plain kill would skip the clean-up; turned into an exit, it ends the children too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="gmcn-bench-") as folder:
        if options.documents:
            given = Documents(options.documents.resolve(), sum(1 for _ in read_documents(options.documents)))
        else:
            given = write_documents(Path(folder, "documents.jsonl"), documents(options.count))
        results, skipped = run_peers(
            given, [peer for peer in PEERS if peer.name in (options.only or names)], options.runs
        )
    print("\n" + format_table(results))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    found = {"results": [asdict(result) for result in results], "skipped": skipped}
    options.results.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"\nWritten to {options.results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
