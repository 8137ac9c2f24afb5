import contextlib
import itertools
import logging
import math
import random
import threading
from collections.abc import Callable, Iterator

import pytest

from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.schedule import SLOW_SECONDS, WORKERS, Job, Schedule, Spacing

LONG = 3600.0
PATIENCE = 10.0


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


def test_the_first_run_is_at_once_and_then_at_the_interval() -> None:
    slow, fast = Probe(), Probe()
    with running(Job("slow", LONG, slow), Job("fast", 0.05, fast)):
        assert slow.reached(1)
        assert fast.reached(4)
        assert slow.begun == 1


def test_a_job_that_is_added_later_runs_at_once() -> None:
    probe = Probe()
    with running() as schedule:
        schedule.add(Job("late", LONG, probe))
        assert probe.reached(1)


def test_two_jobs_of_one_name_are_refused() -> None:
    with running(Job("a", LONG, Probe())) as schedule, pytest.raises(ValueError, match="'a' is there already"):
        schedule.add(Job("a", LONG, Probe()))


def test_every_job_runs_although_all_others_hang() -> None:
    release = threading.Event()
    hung = [Probe(lambda _: release.wait(PATIENCE)) for _ in range(40)]
    well = Probe()
    jobs = [Job(f"hung {number}", LONG, probe) for number, probe in enumerate(hung)]
    with running(*jobs, Job("well", 0.05, well)):
        assert all(probe.reached(1) for probe in hung)
        assert well.reached(3)
        release.set()


def test_a_run_that_is_due_while_the_last_one_runs_is_left_out_and_counted() -> None:
    release = threading.Event()
    probe = Probe(lambda _: release.wait(PATIENCE))
    with running(Job("a", 0.05, probe)) as schedule:
        assert eventually(lambda: schedule.counts()["a"].overruns >= 2)
        release.set()
        assert probe.reached(3)
    assert probe.most_at_once == 1


def test_wake_brings_the_next_run_forward() -> None:
    probe = Probe()
    with running(Job("a", LONG, probe)) as schedule:
        assert probe.idle_after(1)
        schedule.wake("a")
        assert probe.reached(2)
        assert schedule.counts()["a"].wakes == 1


def test_a_wake_during_a_run_is_not_lost() -> None:
    release = threading.Event()
    probe = Probe(lambda run: run == 1 and release.wait(PATIENCE))
    with running(Job("a", LONG, probe)) as schedule:
        assert probe.reached(1)
        schedule.wake("a")
        schedule.wake("a")
        assert probe.begun == 1
        release.set()
        assert probe.reached(2)
    assert probe.most_at_once == 1


def test_a_wake_from_inside_the_run_makes_one_more() -> None:
    schedules: list[Schedule] = []
    probe = Probe(lambda run: schedules[0].wake("a") if run == 1 else None)
    schedule = Schedule(SystemClock())
    schedules.append(schedule)
    schedule.add(Job("a", LONG, probe))
    schedule.start()
    try:
        assert probe.idle_after(2)
    finally:
        schedule.stop(PATIENCE)
    assert probe.begun == 2


def test_a_wake_returns_at_once_although_the_job_hangs_and_others_wake_too() -> None:
    release = threading.Event()
    probe = Probe(lambda _: release.wait(PATIENCE))
    with running(Job("a", LONG, probe)) as schedule:
        assert probe.reached(1)
        threads = [threading.Thread(target=schedule.wake, args=("a",)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert schedule.counts()["a"].wakes == 20
        assert not release.is_set()
        release.set()
        assert probe.idle_after(2)


def test_waking_a_job_that_is_not_there_does_nothing() -> None:
    with running() as schedule:
        schedule.wake("gone")


def test_a_storm_of_wakes_makes_few_runs_and_the_last_wake_is_answered() -> None:
    probe = Probe()
    clock = SystemClock()
    with running(Job("a", LONG, probe)) as schedule:
        assert probe.idle_after(1)
        begun = clock.monotonic()

        def storm() -> bool:
            schedule.wake("a")
            return probe.begun == 4

        assert eventually(storm)
        assert clock.monotonic() - begun >= 0.75, "at 0, after 0.25 and after another 0.5 seconds"


def test_gaps_between_woken_runs_double_up_to_the_interval() -> None:
    spacing, ran_at = Spacing(2.0), []
    for step in range(1000):
        now = step / 100
        spacing.woken(now)
        if now >= spacing.earliest():
            spacing.ran(now)
            ran_at.append(now)
    assert ran_at == [0, 0.25, 0.75, 1.75, 3.75, 5.75, 7.75, 9.75]


def test_gaps_are_forgotten_when_it_has_been_calm_for_a_while() -> None:
    spacing = Spacing(3600.0)
    for now in (100.0, 100.25, 100.75):
        spacing.woken(now)
        spacing.ran(now)
    spacing.woken(101.0)
    assert spacing.earliest() == 101.75
    spacing.woken(105.0)
    assert spacing.earliest() <= 105.0
    spacing.ran(105.0)
    assert spacing.earliest() == pytest.approx(105.25)


def test_a_long_interval_does_not_make_long_gaps() -> None:
    spacing, now = Spacing(3600.0), 100.0
    for _ in range(20):
        spacing.woken(now)
        now = max(now, spacing.earliest())
        spacing.ran(now)

    assert spacing.earliest() - now == 5.0


def test_after_a_woken_run_the_interval_counts_from_it() -> None:
    probe = Probe()
    with running(Job("a", LONG, probe)) as schedule:
        assert probe.idle_after(1)
        before = schedule._jobs["a"].next_at
        schedule.wake("a")
        assert probe.idle_after(2)
        assert schedule._jobs["a"].next_at > before


class SetBack(SystemClock):
    """A clock whose wall clock was set back, and stands still."""

    def now(self) -> float:
        return 0.0


def test_a_job_goes_on_although_the_wall_clock_was_set_back() -> None:
    probe = Probe()
    schedule = Schedule(SetBack())
    schedule.add(Job("a", 0.05, probe))
    schedule.start()
    try:
        assert probe.reached(4)
    finally:
        schedule.stop(PATIENCE)


def test_a_failing_job_stays_and_tells_each_new_reason_once(caplog: pytest.LogCaptureFixture) -> None:
    def work(run: int) -> None:
        if run <= 4:
            raise RuntimeError("one" if run <= 3 else "two")

    probe = Probe(work)
    with caplog.at_level(logging.INFO), running(Job("a", 0.03, probe)) as schedule:
        assert probe.idle_after(6)
        assert eventually(lambda: schedule.counts()["a"].runs >= 6)
        assert schedule.counts()["a"].failures == 4
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in told] == ["ERROR", "ERROR", "INFO"]
    assert told[0][1].startswith("job a: failed")
    assert told[-1][1] == "job a: works again"
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["one", "two"]


def test_counts_say_when_the_last_run_began_and_how_long_it_took() -> None:
    clock = ManualClock(1000)
    probe = Probe(lambda _: clock.advance(2.5))
    schedule = Schedule(clock)
    schedule.add(Job("a", LONG, probe))
    assert math.isnan(schedule.counts()["a"].last_started_at)
    schedule.start()
    assert eventually(lambda: schedule.counts()["a"].runs == 1)
    schedule.stop(PATIENCE)
    counts = schedule.counts()["a"]
    assert (counts.last_started_at, counts.last_duration_seconds) == (1000, 2.5)
    assert (counts.runs, counts.failures, counts.overruns, counts.wakes) == (1, 0, 0, 0)


def test_a_removed_job_runs_no_more_and_its_name_is_free() -> None:
    first, second = Probe(), Probe()
    with running(Job("a", 0.05, first)) as schedule:
        assert first.reached(2)
        assert schedule.remove("a", PATIENCE)
        runs = first.begun
        schedule.add(Job("a", 0.05, second))
        assert second.reached(4)
        assert first.begun == runs
        assert schedule.remove("never there")


def test_removing_a_job_that_hangs_says_so_and_does_not_wait() -> None:
    release = threading.Event()
    probe = Probe(lambda _: release.wait(PATIENCE))
    with running(Job("a", LONG, probe)) as schedule:
        assert probe.reached(1)
        assert not schedule.remove("a")
        assert schedule.counts() == {}
        release.set()


def threads_of(schedule: Schedule) -> int:
    return len(schedule._threads)


def test_many_jobs_share_a_few_threads() -> None:
    probes = [Probe() for _ in range(100)]
    with running(*(Job(f"j{number}", 0.2, probe) for number, probe in enumerate(probes))) as schedule:
        assert all(probe.reached(3) for probe in probes)
        assert eventually(lambda: threads_of(schedule) <= WORKERS)


def test_a_job_that_hangs_has_a_thread_to_itself_until_it_ends() -> None:
    release = threading.Event()
    hung = [Probe(lambda _: release.wait(PATIENCE)) for _ in range(30)]
    well = [Probe() for _ in range(30)]
    jobs = [Job(f"{at}{name}", 0.1, run) for name, some in (("h", hung), ("w", well)) for at, run in enumerate(some)]
    with running(*jobs) as schedule:
        assert all(probe.reached(1) for probe in hung)
        assert all(probe.reached(3) for probe in well)
        assert len(hung) <= threads_of(schedule) <= len(jobs)
        release.set()
        assert all(probe.reached(2) for probe in hung)
        assert eventually(lambda: threads_of(schedule) <= WORKERS)


def test_a_job_that_was_slow_the_last_time_keeps_no_other_waiting() -> None:
    release = threading.Event()
    slow = [Probe(lambda _: release.wait(PATIENCE)) for _ in range(WORKERS)]
    well, clock = Probe(), SystemClock()
    with running(*(Job(f"slow {at}", LONG, probe) for at, probe in enumerate(slow))) as schedule:
        assert all(probe.reached(1) for probe in slow)
        started = clock.monotonic()
        schedule.add(Job("well", LONG, well))
        assert well.idle_after(1)  # they count no more
        assert eventually(lambda: clock.monotonic() - started > SLOW_SECONDS)
        release.set()
        assert all(probe.idle_after(1) for probe in slow)
        assert eventually(lambda: all(schedule.counts()[f"slow {at}"].runs == 1 for at in range(WORKERS)))
        release.clear()
        for at in range(WORKERS):
            schedule.wake(f"slow {at}")
        assert all(probe.reached(2) for probe in slow)
        assert not schedule._running
        release.set()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_asked_each_job_runs_once_at_a_time_and_answers_the_last_wake(seed: int) -> None:
    rng, nap = random.Random(seed), threading.Event()
    probes = {f"j{at}": Probe(lambda _: nap.wait(rng.random() / 50)) for at in range(40)}
    with running(*(Job(name, 0.5, probe) for name, probe in probes.items())) as schedule:
        for _ in range(400):
            schedule.wake(rng.choice(list(probes)))
        before = {name: probe.begun for name, probe in probes.items()}
        assert eventually(lambda: all(probe.begun > before[name] + 1 for name, probe in probes.items()))
        assert all(probe.most_at_once == 1 for probe in probes.values())
        counts = schedule.counts()
        assert sum(count.wakes for count in counts.values()) == 400
    assert not schedule._running


def test_workers_that_are_slow_to_start_are_not_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    work, may_start = Schedule._work, threading.Event()
    delays = itertools.cycle([True, False])

    def late(schedule: Schedule) -> None:
        if next(delays):
            may_start.wait(3 * PATIENCE)
        work(schedule)

    monkeypatch.setattr(Schedule, "_work", late)
    probes = [Probe() for _ in range(40)]
    with running(*(Job(f"j{number}", 0.02, probe) for number, probe in enumerate(probes))) as schedule:
        assert all(probe.reached(5) for probe in probes)
        assert eventually(lambda: threads_of(schedule) <= WORKERS)
        may_start.set()


def test_stop_leaves_no_threads() -> None:
    before = set(threading.enumerate())
    probes = [Probe() for _ in range(20)]
    with running(*(Job(f"j{number}", 0.05, probe) for number, probe in enumerate(probes))):
        assert all(probe.reached(2) for probe in probes)
        assert set(threading.enumerate()) > before
    assert eventually(lambda: set(threading.enumerate()) <= before)


def test_stop_returns_in_time_and_names_the_job_that_hangs() -> None:
    release = threading.Event()
    probe = Probe(lambda _: release.wait(PATIENCE))
    schedule = Schedule(SystemClock())
    schedule.add(Job("hangs", LONG, probe))
    schedule.add(Job("well", LONG, Probe()))
    schedule.start()
    assert probe.reached(1)
    begun = SystemClock().monotonic()
    assert schedule.stop(0.1) == ("hangs",)
    assert SystemClock().monotonic() - begun < 2
    release.set()
    assert probe.idle_after(1)
    assert schedule.stop(PATIENCE) == ()


def test_stop_without_start_is_fine() -> None:
    schedule = Schedule(SystemClock())
    schedule.add(Job("a", LONG, Probe()))
    assert schedule.stop(1) == ()


def test_a_schedule_of_many_ticks_writes_nothing_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    probe = Probe()
    with caplog.at_level(logging.INFO), running(Job("a", 0.02, probe)):
        assert probe.reached(5)
    assert caplog.records == []
