import logging
import math
import threading

import pytest

from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.schedule import Job, Schedule, Spacing
from tests.core.probes import LONG, PATIENCE, Probe, eventually, running


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
