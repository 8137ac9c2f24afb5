import itertools
import logging
import random
import threading

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.schedule import SLOW_SECONDS, WORKERS, Job, Schedule
from tests.core.probes import LONG, PATIENCE, Probe, eventually, running


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
