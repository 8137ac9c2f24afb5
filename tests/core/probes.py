"""What tests of a schedule share: work that is counted, a schedule that runs, a wait with a deadline."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from streamwatch.core.clock import SystemClock
from streamwatch.core.schedule import Job, Schedule

LONG: Final = 3600.0
PATIENCE: Final = 60.0


class Probe:
    """A job's work: counts its runs, and lets the test wait for the nth."""

    def __init__(self, work: Callable[[int], object] = lambda _: None) -> None:
        self._changed = threading.Condition()
        self._work = work
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0

    def __call__(self) -> None:
        with self._changed:
            self.begun += 1
            run = self.begun
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self._changed.notify_all()
        try:
            self._work(run)
        finally:
            with self._changed:
                self.at_once -= 1
                self._changed.notify_all()

    def reached(self, runs: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.begun >= runs, PATIENCE)

    def idle_after(self, runs: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.begun >= runs and not self.at_once, PATIENCE)


@contextlib.contextmanager
def running(*jobs: Job) -> Iterator[Schedule]:
    schedule = Schedule(SystemClock())
    for job in jobs:
        schedule.add(job)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.stop(PATIENCE)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = SystemClock().monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        if SystemClock().monotonic() > deadline:
            return False
        pause.wait(0.005)
    return True
