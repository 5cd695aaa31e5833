"""When the node does by itself what it does: never how, which is for `node.services`.

Guarantees: what is due stands in the database, so that a restart goes on where the last process was; no
member is pulled twice at once; a job that fails is logged and tried again at its next time, and never stops
another; nothing here keeps the process alive. The doorbell only makes a peer due sooner (`wake`).
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar

import structlog
from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from node.errors import NodeError
from node.log import describe_exception
from node.runtime import Node
from node.services import messages
from node.services.endings import erasure, revival
from node.services.following import arrivals, partner, pruning, pulling, replicas
from node.services.members import membership
from node.services.register import handover, ledger, takeover
from node.services.safekeeping import recovery
from node.services.witnesses import gossip, witnessing
from node.store import access, peers
from node.store.database import reading, writing

_TICK_SECONDS = 0.5
_PURGE_SECONDS = 5
_EXPIRE_SECONDS = 60
_REMIND_SECONDS = 1
_REMIND_WITHIN = timedelta(hours=26)  # in which a word becomes overdue
_REMIND_ALL_SECONDS = 3600
_PHOTOGRAPHS_SECONDS = 60
_REFRESH_SECONDS = 300
_ARRIVALS_SECONDS = 1
_PARTNER_SECONDS = 5
_EVIDENCE_SECONDS = 5
_FORGET_SECONDS = 600
_PRUNE_SECONDS = 86_400
_WITNESSES_SECONDS = 10
_RECOVER_SECONDS = 10
_CLOCK_JUMP = timedelta(seconds=30)
_MESSAGES_SECONDS = 1
_HANDOVERS_SECONDS = 2
_DELIVERIES = 4  # as many members at once as messages are sent to
_STOP_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0  # after which a pull takes up no place: peers that drip would have them all
_AFTER_FAILURE = timedelta(minutes=1)

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


class Jobs:
    """The clockwork of one node, in threads of its own between `start` and `stop`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._threads = _Threads()
        self._lock = threading.Lock()
        self._pulls: dict[str, Future[None]] = {}
        self._deliveries: dict[str, Future[None]] = {}
        self._begun: dict[str, float] = {}
        self._started_at: datetime | None = None  # of the clock that only runs; see `_ask_witnesses`
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": _ThreadsExecutor(self._threads)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Begin."""
        self._every(_TICK_SECONDS, "pulls", self._start_due)
        self._every(_PURGE_SECONDS, "purge", lambda: erasure.purge(self._node))
        self._every(_EXPIRE_SECONDS, "expire", lambda: erasure.expire(self._node))
        self._every(_EXPIRE_SECONDS, "revive", lambda: revival.revive(self._node))
        self._every(_REMIND_SECONDS, "remind", lambda: ledger.remind(self._node, _REMIND_WITHIN))
        self._every(_REMIND_ALL_SECONDS, "remind of all", lambda: ledger.remind(self._node))
        self._every(_REFRESH_SECONDS, "refresh", lambda: membership.refresh(self._node))
        self._every(_EVIDENCE_SECONDS, "evidence", lambda: gossip.pass_on(self._node))
        self._every(_PHOTOGRAPHS_SECONDS, "photographs", lambda: replicas.fetch_full_photographs(self._node))
        self._every(_MESSAGES_SECONDS, "messages", self._start_deliveries)
        self._every(_ARRIVALS_SECONDS, "arrivals", lambda: arrivals.take_arrived(self._node))
        self._every(_PARTNER_SECONDS, "partner", lambda: partner.hand_in(self._node))
        interval = self._node.config.pull.interval_seconds
        self._every(interval, "all of partner", lambda: partner.hand_in(self._node, ask=True))
        self._every(_WITNESSES_SECONDS, "witnesses", self._ask_witnesses)
        self._every(_RECOVER_SECONDS, "recover", lambda: recovery.recover(self._node))
        self._every(_PRUNE_SECONDS, "prune", lambda: pruning.prune(self._node))
        self._every(_FORGET_SECONDS, "forget", self._forget_requests)
        self._every(_HANDOVERS_SECONDS, "given cases", lambda: handover.proceed(self._node))
        self._every(_HANDOVERS_SECONDS, "taken cases", lambda: takeover.proceed(self._node))
        self._every(_FORGET_SECONDS, "message lives", lambda: messages.expire(self._node))
        self._scheduler.start()

    def stop(self) -> None:
        """End: no new work begins, and running pulls get a few seconds to come to their next safe point.

        Whatever takes longer ends with the process, and goes on from the database at the next start.
        """
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._lock:
            running = [*self._pulls.values(), *self._deliveries.values()]
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
                    self._begun[member] = time.monotonic()
                    self._pulls[member] = self._threads.submit(self._pull, member)

    def _start_deliveries(self) -> None:
        """Hand members to whom messages are due to threads, so that one that drips holds up no other."""
        for member in messages.due(self._node):
            with self._lock:
                if self._stopping.is_set() or len(self._deliveries) >= _DELIVERIES:
                    return
                if member not in self._deliveries:
                    self._deliveries[member] = self._threads.submit(self._deliver, member)

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
                del self._deliveries[member]

    def _places_taken(self) -> int:
        before = time.monotonic() - _PATIENCE_SECONDS
        return sum(begun > before for begun in self._begun.values())

    def _pull(self, member: str) -> None:
        try:
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
                through=sorted(set(report.through)),
                status="lying" if report.lying else "failed" if report.error else "ok",
            )
        except _Stopped:
            pass
        except Exception as error:  # an error in this program; the peer must not stay due without end
            log.error("pull failed", member=member, error=describe_exception(error))
            self._postpone(member, error)
        finally:
            with self._lock:
                del self._pulls[member], self._begun[member]
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

    def _forget_requests(self) -> None:
        with writing(self._node.engine) as conn:
            access.forget_requests(conn, self._node.clock())


class _Stopped(Exception):
    """Something that ends because the node does."""


class _Threads(Executor):
    """A thread for each task, which does not keep the process alive as the standard library's pools do."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin a task."""
        future: Future[T] = Future()

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
