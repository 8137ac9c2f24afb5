"""When what runs: the only importer of APScheduler.

APScheduler is the timer. Its ticks only *ask*; every job has a thread of its own that runs it, so that a job that
hangs delays no other, never runs twice at once, and does not keep the process from ending.
"""

import logging
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from streamwatch.core.clock import Clock

FIRST_GAP_SECONDS = 0.25
LONGEST_GAP_SECONDS = 5.0
CALM_GAPS = 4

_log = logging.getLogger(__name__)


def cron(expression: str, zone: str) -> Callable[[float], float]:
    """Return what tells when a time comes next after another; infinite where it never does. Seconds since 1970.

    Args:
        expression: minute, hour, day of the month, month and day of the week, as in ``0 22 * * mon-fri``.
        zone: the time zone, as in ``Europe/Paris``.

    Raises:
        ValueError: it is no such expression.

    """
    trigger = CronTrigger.from_crontab(expression, timezone=ZoneInfo(zone))

    def following(at: float) -> float:
        after = datetime.fromtimestamp(at, UTC) + timedelta(microseconds=1)
        found = trigger.get_next_fire_time(None, after)
        return math.inf if found is None else found.timestamp()

    return following


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again. ``run`` must have a deadline of its own, shorter than the interval."""

    name: str
    interval_seconds: float
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class JobCounts:
    """What happened to one job since it was added."""

    runs: int = 0
    """Runs that ended."""
    failures: int = 0
    """Runs that ended with an exception."""
    overruns: int = 0
    """Runs that were due while the last one still ran; they are left out."""
    wakes: int = 0
    """Times that somebody asked to bring the next run forward."""
    last_duration_seconds: float = math.nan
    """How long the last run took; NaN before the first."""
    last_started_at: float = math.nan
    """When the last run began, in seconds since 1970; NaN before the first."""
    last_began: float = math.nan
    """The same by the monotonic clock, which nobody sets."""


class Spacing:
    """The gaps between the runs of a job that is woken again and again.

    None at first; then 0.25 s, doubling up to 5 s (or the interval, where that is shorter) for as long as wakes keep
    coming; forgotten as soon as it has been calm for four times the gap.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._longest = min(interval_seconds, LONGEST_GAP_SECONDS)
        self._gap = 0.0
        self._felt_at = -math.inf
        self._ran_at = -math.inf

    def felt(self, now: float) -> None:
        """Note that somebody woke the job."""
        if now - self._felt_at >= CALM_GAPS * self._gap:
            self._gap = 0.0
        self._felt_at = now

    def earliest(self) -> float:
        """Return when a woken run may begin."""
        return self._ran_at + self._gap

    def ran(self, now: float) -> None:
        """Note that a woken run begins."""
        self._ran_at = now
        self._gap = min(max(FIRST_GAP_SECONDS, self._gap * 2), self._longest)


class _Worker:
    """One job, its thread, and what it was asked for."""

    def __init__(self, job: Job, clock: Clock, timer: BackgroundScheduler) -> None:
        self.job = job
        self._clock = clock
        self._changed = threading.Condition()
        self._spacing = Spacing(job.interval_seconds)
        self._due = True  # the first run is at once
        self._woken = self._running = self._stopped = False
        self._runs = self._failures = self._overruns = self._wakes = 0
        self._last_duration = self._last_started_at = self._last_began = math.nan
        self._last_failure = ""
        self._thread = threading.Thread(target=self._work, name=f"job-{job.name}", daemon=True)
        self._ticks = timer.add_job(self.tick, "interval", seconds=job.interval_seconds)

    def start(self) -> None:
        self._thread.start()

    def tick(self) -> None:
        """Ask for a run because it is time."""
        with self._changed:
            if self._running:
                self._overruns += 1
            else:
                self._due = True
                self._changed.notify()

    def wake(self) -> None:
        """Ask for a run because something was felt; while one is under way, for another right after it."""
        with self._changed:
            self._wakes += 1
            self._spacing.felt(self._clock.monotonic())
            self._woken = True
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        with suppress(JobLookupError):
            self._ticks.remove()

    def ended(self, timeout_seconds: float) -> bool:
        """Wait for the thread to end; say whether it did."""
        if self._thread.ident is None or self._thread is threading.current_thread():
            return True
        self._thread.join(max(0.0, timeout_seconds))
        return not self._thread.is_alive()

    def counts(self) -> JobCounts:
        with self._changed:
            return JobCounts(
                self._runs, self._failures, self._overruns, self._wakes, self._last_duration, self._last_started_at,
                self._last_began,
            )  # fmt: skip

    def _work(self) -> None:
        while self._asked():
            self._run()

    def _asked(self) -> bool:
        """Wait until a run is due, which makes it running; say whether to go on at all."""
        # The timer goes by the wall clock: when that is set back, it is silent for as long.
        silent_at = self._clock.monotonic() + 2 * self.job.interval_seconds
        with self._changed:
            while not (self._stopped or self._due):
                now = self._clock.monotonic()
                begin_at = min(silent_at, self._spacing.earliest()) if self._woken else silent_at
                if begin_at <= now:
                    break
                self._changed.wait(min(begin_at - now, threading.TIMEOUT_MAX))
            if self._stopped:
                return False
            forward = not self._due
            if forward and self._woken:
                self._spacing.ran(self._clock.monotonic())
            self._due = self._woken = False
            self._running = True
        if forward:
            with suppress(JobLookupError):  # it was removed a moment ago
                self._ticks.reschedule("interval", seconds=self.job.interval_seconds)
        return True

    def _run(self) -> None:
        started_at, begun = self._clock.now(), self._clock.monotonic()
        with self._changed:
            self._last_started_at, self._last_began = started_at, begun
        failure = ""
        try:
            self.job.run()
        except Exception as error:  # noqa: BLE001 - a bug in one job must not end the watch
            failure = f"{type(error).__name__}: {error}"
            if failure != self._last_failure:
                _log.exception("job %s: failed: it stays scheduled; please report this", self.job.name)
        if self._last_failure and not failure:
            _log.info("job %s: works again", self.job.name)
        self._last_failure = failure
        with self._changed:
            self._running = False
            self._runs += 1
            self._failures += bool(failure)
            self._last_duration = self._clock.monotonic() - begun


class Schedule:
    """Runs jobs at their intervals, and at once when they are woken.

    ``wake`` and ``counts`` may be called from any thread; the rest belongs to one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._started = False
        # It tells every tick at level INFO.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        # Ticks only ask, so the timer's own thread is pool enough for any number of jobs.
        self._timer = BackgroundScheduler(
            timezone=UTC,
            executors={"default": DebugExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def add(self, job: Job) -> None:
        """Schedule a job; its first run is at once, or at the start of the schedule.

        Raises:
            ValueError: a job of this name is there already.

        """
        if job.name in self._workers:
            raise ValueError(f"schedule: job {job.name!r} is there already: remove it first")
        worker = _Worker(job, self._clock, self._timer)
        with self._lock:
            self._workers[job.name] = worker
        if self._started:
            worker.start()

    def remove(self, name: str, timeout_seconds: float = 0.0) -> bool:
        """Take a job away; say whether no run of it is left when the timeout ends. Unknown names are left alone."""
        with self._lock:
            worker = self._workers.pop(name, None)
        if worker is None:
            return True
        worker.stop()
        return worker.ended(timeout_seconds)

    def wake(self, name: str) -> None:
        """Bring the job's next run forward to now, and return at once; a job that was removed stays so."""
        with self._lock:
            worker = self._workers.get(name)
        if worker is not None:
            worker.wake()

    def start(self) -> None:
        """Begin: every job runs at once, then at its interval."""
        self._started = True
        self._timer.start()
        for worker in self._workers.values():
            worker.start()

    def stop(self, timeout_seconds: float) -> tuple[str, ...]:
        """End every job, waiting no longer than this; return the names of those that still run."""
        deadline = self._clock.monotonic() + timeout_seconds
        workers = list(self._workers.values())
        for worker in workers:
            worker.stop()
        if self._started:
            self._started = False
            self._timer.shutdown(wait=False)
        left = [worker for worker in workers if not worker.ended(deadline - self._clock.monotonic())]
        return tuple(worker.job.name for worker in left)

    def counts(self) -> dict[str, JobCounts]:
        """Return what happened to each job, by name."""
        with self._lock:
            workers = list(self._workers.values())
        return {worker.job.name: worker.counts() for worker in workers}
