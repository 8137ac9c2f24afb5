"""A thread that works step by step: when it rests, when it goes on, and how it ends."""

import logging
import math
import random
import threading
from collections.abc import Callable

import pytest

from streamwatch.core.backoff import Backoff
from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.worker import AtEnd, Worker
from tests.waiting import wait_for

PATIENCE = 60.0


class Steps:
    """Counts its calls, and returns one pause after another, the last one for ever."""

    def __init__(self, *pauses: float, work: Callable[[int], object] = lambda _: None) -> None:
        self.pauses, self.work, self.calls = pauses, work, 0

    def __call__(self) -> float:
        self.calls += 1
        self.work(self.calls)
        return self.pauses[min(self.calls, len(self.pauses)) - 1]


def worker(steps: Steps, at_end: AtEnd = AtEnd.LEAVE) -> Worker:
    made = Worker("test", steps, SystemClock(), at_end)
    made.start()
    return made


def test_it_goes_on_while_there_is_more_and_rests_until_it_is_woken() -> None:
    steps = Steps(0.0, 0.0, math.inf)
    made = worker(steps)
    wait_for(lambda: steps.calls == 3, PATIENCE, "all that was due")
    made.wake()
    wait_for(lambda: steps.calls == 4, PATIENCE, "it was woken")
    assert made.stop(PATIENCE)
    assert steps.calls == 4


def test_it_goes_on_when_a_pause_is_over() -> None:
    steps = Steps(0.01)
    made = worker(steps)
    wait_for(lambda: steps.calls >= 3, PATIENCE, "pauses end")
    assert made.stop(PATIENCE)


def test_a_wake_during_a_step_is_not_lost() -> None:
    is_at_work, may_go = threading.Event(), threading.Event()

    def work(call: int) -> None:
        if call == 1:
            is_at_work.set()
            may_go.wait(PATIENCE)

    steps = Steps(math.inf, work=work)
    made = worker(steps)
    assert is_at_work.wait(PATIENCE)
    made.wake()
    may_go.set()
    wait_for(lambda: steps.calls == 2, PATIENCE, "the wake is answered")
    assert made.stop(PATIENCE)


def test_a_step_that_raises_is_taken_again_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def work(call: int) -> None:
        if call == 1:
            raise RuntimeError("no")

    steps = Steps(math.inf, work=work)
    with caplog.at_level(logging.ERROR):
        made = worker(steps)
        wait_for(lambda: caplog.records, PATIENCE, "the failure")
        made.wake()
        wait_for(lambda: steps.calls == 2, PATIENCE, "another try")
    assert made.stop(PATIENCE)
    assert [record.getMessage() for record in caplog.records] == ["test: failed: it is tried again; please report this"]


@pytest.mark.parametrize(("at_end", "calls"), [(AtEnd.LEAVE, 1), (AtEnd.FINISH, 4), (AtEnd.WAIT, 6)], ids=str)
def test_what_is_still_done_at_the_end(at_end: AtEnd, calls: int) -> None:
    is_at_work, may_go = threading.Event(), threading.Event()

    def work(call: int) -> None:
        if call == 1:
            is_at_work.set()
            may_go.wait(PATIENCE)

    # Three steps that are due, one after a pause, and then nothing.
    steps = Steps(0.0, 0.0, 0.0, 0.01, 0.0, math.inf, work=work)
    made = worker(steps, at_end)
    assert is_at_work.wait(PATIENCE)
    made.end(PATIENCE)
    may_go.set()
    assert made.ended()
    assert steps.calls == calls


def test_an_end_does_not_wait_for_a_step_that_hangs() -> None:
    may_go = threading.Event()
    made = worker(Steps(math.inf, work=lambda _: may_go.wait(PATIENCE)), AtEnd.WAIT)
    assert not made.stop(0.01)
    assert made.is_alive
    may_go.set()
    assert made.stop(PATIENCE)


def test_one_that_was_not_started_has_ended() -> None:
    assert Worker("test", Steps(0.0), ManualClock()).stop(0.0)


@pytest.mark.parametrize("least", [0.0, 0.5])
def test_a_pause_doubles_up_to_the_longest_and_is_spread(least: float) -> None:
    backoff, rng = Backoff(1.0, 30.0, least), random.Random(1)
    for doublings, longest in enumerate((1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0)):
        pauses = [backoff.pause(doublings, rng) for _ in range(200)]
        assert longest * least <= min(pauses) <= longest * (least + 0.1)
        assert longest * 0.9 <= max(pauses) <= longest
    assert backoff.pause(10_000, rng) <= 30.0
