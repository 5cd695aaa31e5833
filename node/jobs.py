"""When the node does by itself what it does: never how, which is for `node.services`.

Guarantees: what is due stands in the database, so that a restart goes on where the last process was; no
member is pulled twice at once; a job that fails is logged and tried again at its next time, and never stops
another; nothing here keeps the process alive. The doorbell only makes a peer due sooner (`wake`).
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import structlog
from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from node.errors import NodeError
from node.log import describe_exception
from node.runtime import Node
from node.services import messages
from node.services.audit import chain
from node.services.disclosure import issuing, ledger, publishing
from node.services.endings import erasure, revival
from node.services.following import arrivals, partner, pruning, pulling, replicas
from node.services.leads import inbox, sending
from node.services.members import membership
from node.services.moving import handover, takeover
from node.services.people import sessions, sign_in
from node.services.register import drafts
from node.services.safekeeping import recovery
from node.services.spreadsheets import intake, mappings, work
from node.services.witnesses import gossip, witnessing
from node.store.database import reading, writing
from node.store.federation import peers
from node.store.staff import access

_REMIND_WITHIN = timedelta(hours=26)  # in which a word becomes overdue
_CLOCK_JUMP = timedelta(seconds=30)
_DELIVERIES = 4  # as many members at once as messages are sent to
_STOP_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0  # after which a pull takes up no place: peers that drip would have them all
_AFTER_FAILURE = timedelta(minutes=1)
# Of the 19 steps that Linux knows: a third of what whoever waits gets. Further back a pull that has the
# interpreter, or the right to write, would keep it for longer.
BEHIND = 5
"""How far a pull stands back for whoever waits."""

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


class Jobs:
    """The clockwork of one node, in threads of its own between `start` and `stop`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._threads = _Threads()
        self._lock = threading.Lock()
        self._pulls: dict[str, float] = {}  # since when each runs
        self._deliveries = set[str]()
        self._started_at: datetime | None = None  # of the clock that only runs; see `_ask_witnesses`
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": _ThreadsExecutor(self._threads)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Begin."""
        node, every = self._node, self._every
        every(0.5, "pulls", self._start_due)
        every(1, "messages", self._start_deliveries)
        every(1, "arrivals", lambda: arrivals.take_arrived(node))
        every(1, "ring", lambda: publishing.ring_asked(node))
        every(1, "remind", lambda: ledger.remind(node, _REMIND_WITHIN))
        every(2, "given cases", lambda: handover.proceed(node))
        every(2, "taken cases", lambda: takeover.proceed(node))
        every(1, "spreadsheets", lambda: work.proceed(node))
        every(2, "leads", lambda: inbox.take(node))
        every(2, "answers to leads", lambda: sending.take_answers(node))
        every(5, "statements", lambda: issuing.issue(node))
        every(5, "purge", lambda: erasure.purge(node))
        every(5, "evidence", lambda: gossip.pass_on(node))
        every(5, "partner", lambda: partner.hand_in(node))
        every(10, "witnesses", self._ask_witnesses)
        every(10, "recover", lambda: recovery.recover(node))
        every(60, "expire", lambda: erasure.expire(node))
        every(60, "revive", lambda: revival.revive(node))
        every(60, "photographs", lambda: replicas.fetch_full_photographs(node))
        every(node.config.pull.interval_seconds, "all of partner", lambda: partner.hand_in(node, ask=True))
        every(300, "refresh", lambda: membership.refresh(node))
        every(600, "forget", self._forget_requests)
        every(600, "old sign-ins", lambda: sessions.forget_old(node))
        every(600, "unknown names", lambda: sign_in.tell_unknown(node))
        every(3600, "old drafts", lambda: drafts.forget_old(node))
        every(600, "old spreadsheets", lambda: intake.forget_old(node))
        every(3600, "old mappings", lambda: mappings.forget_old(node))
        every(600, "message lives", lambda: messages.expire(node))
        every(3600, "remind of all", lambda: ledger.remind(node))
        every(3600, "pauses", lambda: publishing.pause_views(node))
        every(3600, "last days", lambda: publishing.purge_register(node))
        every(86_400, "prune", lambda: pruning.prune(node))
        every(86_400, "journal", self._sign_journal)
        self._scheduler.start()

    def stop(self) -> None:
        """End: no new work begins, and what runs gets a few seconds to come to its end, a pull to its next
        safe point, so that it has given back its connection before the database is closed.

        Whatever takes longer ends with the process, and goes on from the database at the next start.
        """
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._lock:  # a job that has not seen the end yet hands its pull to a thread first
            running = self._threads.running()
        wait(running, timeout=_STOP_SECONDS)

    def wake(self) -> None:
        """See at once which peers are due."""
        if self._scheduler.running:
            with suppress(JobLookupError):  # it was stopped between the two
                self._scheduler.modify_job("pulls", next_run_time=datetime.now(UTC))

    def _every(self, seconds: float, name: str, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except Exception as error:  # whatever it is, the other jobs and the next time must not suffer
                log.warning("job failed", job=name, error=describe_exception(error))

        self._scheduler.add_job(
            run, "interval", seconds=seconds, id=name, next_run_time=datetime.now(UTC), jitter=seconds / 10
        )

    def _start_due(self) -> None:
        """Hand due peers to threads, the longest due first, as many at once as the settings say."""
        with reading(self._node.engine) as conn:
            due = peers.due_peers(conn, self._node.clock())
        for member in due:
            with self._lock:
                if self._stopping.is_set() or self._places_taken() >= self._node.config.pull.workers:
                    return
                if member not in self._pulls:
                    self._pulls[member] = time.monotonic()
                    self._threads.submit(self._pull, member)

    def _start_deliveries(self) -> None:
        """Hand members to whom messages are due to threads, so that one that drips holds up no other."""
        for member in messages.due(self._node):
            with self._lock:
                if self._stopping.is_set() or len(self._deliveries) >= _DELIVERIES:
                    return
                if member not in self._deliveries:
                    self._deliveries.add(member)
                    self._threads.submit(self._deliver, member)

    def _deliver(self, member: str) -> None:
        try:
            failed = messages.deliver(self._node, member, self._check_running)
            log.info("messages sent", member=member, status="failed" if failed else "ok")
        except _Stopped:
            pass
        except Exception as error:  # an error in this program
            log.error("sending messages failed", member=member, error=describe_exception(error))
        finally:
            with self._lock:
                self._deliveries.remove(member)

    def _places_taken(self) -> int:
        before = time.monotonic() - _PATIENCE_SECONDS
        return sum(begun > before for begun in self._pulls.values())

    def _pull(self, member: str) -> None:
        try:
            stand_back()
            report = pulling.pull(self._node, member, self._check_going_on)
            if not report.error:
                messages.hurry(self._node, member)
            log.info(
                "pulled",
                member=member,
                leaves=report.leaves,
                documents=report.documents,
                photographs=report.photographs,
                receipts=report.receipts,
                through="+".join(sorted(set(report.through))) or None,
                status="lying" if report.lying else "failed" if report.error else "ok",
            )
        except _Stopped:
            pass
        except Exception as error:  # an error in this program; the peer must not stay due without end
            log.error("pull failed", member=member, error=describe_exception(error))
            self._postpone(member, error)
        finally:
            with self._lock:
                del self._pulls[member]
            self.wake()  # there is room for the next

    def _check_going_on(self, _what: str, _done: int, _total: int) -> None:
        self._check_running()

    def _check_running(self) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _postpone(self, member: str, error: Exception) -> None:
        reason = error.message if isinstance(error, NodeError) else "Something went wrong here; see the log."
        with suppress(Exception), writing(self._node.engine) as conn:  # tried again by the next tick
            now = self._node.clock()
            peers.record_failure(conn, member, now, now, _AFTER_FAILURE, reason, lying=False)

    def _ask_witnesses(self) -> None:
        """Ask whether the own heads are still the newest at start and whenever the clock has jumped, as that
        of a machine does which slept or was copied; renew cosignatures otherwise."""
        started_at = self._node.clock() - timedelta(seconds=time.monotonic())
        jumped = self._started_at is None or abs(started_at - self._started_at) > _CLOCK_JUMP
        self._started_at = started_at
        if jumped:
            witnessing.confirm(self._node)
        witnessing.refresh(self._node)

    def _sign_journal(self) -> None:
        """Sign the head of the journal; the log, which may be kept elsewhere, gets its hash."""
        head = chain.sign_head(self._node)
        if head is not None:
            log.info("journal signed", count=head.number, hash=head.hash.hex())

    def _forget_requests(self) -> None:
        with writing(self._node.engine) as conn:
            access.forget_requests(conn, self._node.clock())


def stand_back() -> None:
    """Let whoever waits for an answer on this machine go before this thread and those that it starts.

    Where nobody waits nothing is slower. Linux alone gives each thread a priority; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):  # a sandbox may forbid it, and a pull goes on all the same
            before = os.getpriority(os.PRIO_PROCESS, thread)  # of a process that stands further back already
            os.setpriority(os.PRIO_PROCESS, thread, max(BEHIND, before))


class _Stopped(Exception):
    """Something that ends because the node does."""


class _Threads(Executor):
    """A thread for each task, which does not keep the process alive as the standard library's pools do."""

    def __init__(self) -> None:
        self._running = set[Future[Any]]()

    def running(self) -> set[Future[Any]]:
        """Return the tasks that have not ended."""
        return self._running.copy()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin a task."""
        future: Future[T] = Future()
        self._running.add(future)
        future.add_done_callback(self._running.discard)

        def run() -> None:
            future.set_running_or_notify_cancel()
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future


class _ThreadsExecutor(BasePoolExecutor):  # type: ignore[misc]  # published without types
    def __init__(self, threads: Executor) -> None:
        super().__init__(threads)
