"""When what runs: jobs at intervals, on a few threads that all of them share.

A thread tells when a job is due, workers run it. A job that runs for long has its worker to itself, and another takes
its place: so one that hangs delays no other, and there are never more threads than jobs beyond those few.
"""

import heapq
import itertools
import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.worker import Worker

FIRST_GAP_SECONDS: Final = 0.25
LONGEST_GAP_SECONDS: Final = 5.0
STEADY_GAPS: Final = 4
WORKERS: Final = 8
"""So many jobs run at once, not counting the slow ones."""
SLOW_SECONDS: Final = 0.25
"""A job whose run takes longer has a worker to itself, and so has its next run."""

_log = logging.getLogger(__name__)


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
    """When the last run started, in seconds since 1970; NaN before the first."""
    last_started: float = math.nan
    """The same by the monotonic clock, which nobody sets."""


class Spacing:
    """The gaps between the runs of a job that is woken again and again.

    None at first; then 0.25 s, doubling up to 5 s (or the interval, where that is shorter) for as long as wakes keep
    coming; forgotten as soon as no wake has come for four times the gap.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._longest = min(interval_seconds, LONGEST_GAP_SECONDS)
        self._gap = 0.0
        self._woken_at = -math.inf
        self._ran_at = -math.inf

    def woken(self, now: float) -> None:
        """Note that somebody woke the job."""
        if now - self._woken_at >= STEADY_GAPS * self._gap:
            self._gap = 0.0
        self._woken_at = now

    def earliest(self) -> float:
        """Return when a woken run may start."""
        return self._ran_at + self._gap

    def ran(self, now: float) -> None:
        """Note that a woken run starts."""
        self._ran_at = now
        self._gap = min(max(FIRST_GAP_SECONDS, self._gap * 2), self._longest)


class _Scheduled:
    """One job, when it is due, and what happened to it. The lock of the schedule guards it."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self.job = job
        self._clock = clock
        self.spacing = Spacing(job.interval_seconds)
        self.next_at = clock.monotonic()
        """When the interval is over."""
        self.is_due = self.is_woken = False
        self.is_queued = self.is_running = self.is_removed = False
        self.is_slow = False
        """Whether it does not count among those that run: this run takes long, or the last one did."""
        self.thread: threading.Thread | None = None
        self.runs = self.failures = self.overruns = self.wakes = 0
        self.last_duration = self.started_at = self.started = math.nan
        self._last_failure = ""

    def begin(self) -> bool:
        """Note that a run starts; return whether it was brought forward, so that the interval counts from now."""
        is_forward = not self.is_due
        self.started_at, self.started = self._clock.now(), self._clock.monotonic()
        if is_forward:
            self.spacing.ran(self.started)
            self.next_at = self.started + self.job.interval_seconds
        self.is_due = self.is_woken = self.is_queued = False
        self.is_running = True
        return is_forward

    def run(self) -> str:
        """Run the job; return why it failed, or nothing."""
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
        return failure

    def end(self, failure: str) -> None:
        """Note that a run has ended."""
        self.last_duration = self._clock.monotonic() - self.started
        self.is_running, self.is_slow, self.thread = False, self.last_duration > SLOW_SECONDS, None
        self.runs += 1
        self.failures += bool(failure)

    def counts(self) -> JobCounts:
        return JobCounts(
            self.runs, self.failures, self.overruns, self.wakes, self.last_duration, self.started_at, self.started
        )


class Schedule:
    """Runs jobs at their intervals, and at once when they are woken.

    ``wake`` and ``counts`` may be called from any thread; the rest belongs to one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._has_work = threading.Condition(self._lock)
        self._has_ended = threading.Condition(self._lock)
        self._jobs: dict[str, _Scheduled] = {}
        self._is_started = self._is_stopped = False
        self._times: list[tuple[float, int, _Scheduled]] = []
        """When to look at which job, as a heap; the number keeps jobs from being compared."""
        self._numbers = itertools.count()
        self._queue: deque[_Scheduled] = deque()
        """Those that are due, and for which there are not workers enough."""
        self._queued: deque[_Scheduled] = deque()
        """Those that a worker is about to run."""
        self._running: list[_Scheduled] = []
        """Those that run, or are about to, without the slow ones."""
        self._idle = 0
        """Workers that wait for a job, or start: one that has been slow to start is not started twice."""
        self._threads: set[threading.Thread] = set()
        self._timer = Worker("schedule", self._tick, clock)

    def add(self, job: Job) -> None:
        """Schedule a job; its first run is at once, or at the start of the schedule.

        Raises:
            ValueError: a job of this name is there already.

        """
        with self._lock:
            if job.name in self._jobs:
                raise ValueError(f"schedule: job {job.name!r} is there already: remove it first")
            added = self._jobs[job.name] = _Scheduled(job, self._clock)
            self._look_at(added.next_at, added)
        self._timer.wake()

    def remove(self, name: str, timeout_seconds: float = 0.0) -> bool:
        """Take a job away; say whether no run of it is left when the timeout ends. Unknown names are left alone."""
        with self._lock:
            removed = self._jobs.pop(name, None)
            if removed is None:
                return True
            removed.is_removed = True
            if removed.is_queued:
                self._queue.remove(removed)
            return self._has_ended.wait_for(lambda: not _runs_elsewhere(removed), timeout_seconds)

    def wake(self, name: str) -> None:
        """Bring the job's next run forward to now, and return at once; a job that was removed stays so."""
        with self._lock:
            woken = self._jobs.get(name)
            if woken is None:
                return
            woken.wakes += 1
            woken.is_woken = True
            woken.spacing.woken(self._clock.monotonic())
            is_later = self._bring_forward(woken)
        if is_later:
            self._timer.wake()

    def start(self) -> None:
        """Begin: every job runs at once, then at its interval."""
        with self._lock:
            self._is_started = True
        self._timer.start()

    def stop(self, timeout_seconds: float) -> tuple[str, ...]:
        """End every job, waiting no longer than this; return the names of those that still run."""
        deadline = self._clock.monotonic() + timeout_seconds
        self._timer.stop(timeout_seconds)
        with self._lock:
            self._is_stopped = True
            self._queue.clear()
            self._has_work.notify_all()
            threads = self._threads - {threading.current_thread()}
        for thread in threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        with self._lock:
            return tuple(name for name, job in self._jobs.items() if _runs_elsewhere(job))

    def counts(self) -> dict[str, JobCounts]:
        """Return what happened to each job, by name."""
        with self._lock:
            return {name: job.counts() for name, job in self._jobs.items()}

    def _look_at(self, at: float, job: _Scheduled) -> None:
        heapq.heappush(self._times, (at, next(self._numbers), job))

    def _tick(self) -> float:
        """Queue the jobs that are due; return how many seconds none is."""
        with self._lock:
            now = self._clock.monotonic()
            while self._times and self._times[0][0] <= now:
                _, _, job = heapq.heappop(self._times)
                if not job.is_removed:
                    self._look(job, now)
            wait = self._times[0][0] - now if self._times else math.inf
            return min(wait, self._count_slow_out(now)) if self._queue else wait

    def _look(self, job: _Scheduled, now: float) -> None:
        """Do what there is to do for a job at one of its times."""
        if job.next_at <= now:
            interval = job.job.interval_seconds
            job.next_at += interval * (1 + (now - job.next_at) // interval)
            self._look_at(job.next_at, job)
            if job.is_running or job.is_queued:
                job.overruns += 1
            else:
                job.is_due = True
                self._enqueue(job)
        elif job.is_woken:
            self._bring_forward(job)

    def _bring_forward(self, job: _Scheduled) -> bool:
        """Let a job that was woken run as soon as it may; return whether the timer must see to that."""
        if job.is_running or job.is_queued or not self._is_started:
            return False  # it is looked at when its run ends, or runs anyway
        if job.spacing.earliest() <= self._clock.monotonic():
            self._enqueue(job)
            return job.is_queued
        self._look_at(job.spacing.earliest(), job)
        return True

    def _enqueue(self, job: _Scheduled) -> None:
        if job.is_slow or len(self._running) < WORKERS:
            self._give(job)
        else:
            job.is_queued = True
            self._queue.append(job)

    def _give(self, job: _Scheduled) -> None:
        """Give a job to a worker: to an idle one, or to one more."""
        if self._is_stopped:
            return
        if job.begin():
            self._look_at(job.next_at, job)
        if not job.is_slow:
            self._running.append(job)
        self._queued.append(job)
        if self._idle >= len(self._queued):
            self._has_work.notify()
        else:
            thread = threading.Thread(target=self._work, name="job", daemon=True)
            thread.start()
            self._idle += 1
            self._threads.add(thread)

    def _count_slow_out(self, now: float) -> float:
        """Let jobs that have run for long not count any more; return when the next of them will have."""
        for job in [one for one in self._running if now - one.started >= SLOW_SECONDS]:
            job.is_slow = True
            self._running.remove(job)
        self._give_queued()
        return min((one.started + SLOW_SECONDS - now for one in self._running), default=math.inf)

    def _give_queued(self) -> None:
        while self._queue and len(self._running) < WORKERS:
            self._give(self._queue.popleft())

    def _work(self) -> None:
        job = self._next()
        while job is not None:
            job = self._next(job, job.run())

    def _next(self, done: _Scheduled | None = None, failure: str = "") -> _Scheduled | None:
        """Put away the job that this worker has done, and wait for another; None where there are workers enough."""
        with self._lock:
            try:
                if done is not None:
                    self._idle += 1
                    self._note_end(done, failure)
                while not self._queued:
                    if self._is_stopped or self._idle + len(self._running) > WORKERS:
                        self._threads.discard(threading.current_thread())
                        return None
                    self._has_work.wait()
                job = self._queued.popleft()
                job.thread = threading.current_thread()
                return job
            finally:
                self._idle -= 1

    def _note_end(self, job: _Scheduled, failure: str) -> None:
        if not job.is_slow:
            self._running.remove(job)
        job.end(failure)
        self._has_ended.notify_all()
        if job.is_woken and not job.is_removed and self._bring_forward(job):
            self._timer.wake()
        self._give_queued()


def _runs_elsewhere(job: _Scheduled) -> bool:
    return job.is_running and job.thread is not threading.current_thread()
