import math
import threading

import numpy as np

from streamwatch.core.clock import ManualClock
from streamwatch.model.metric import Keys, Metric, Samples, Tier
from streamwatch.samples.latest import LatestSamples

UP = Metric(name="up", kind="gauge", unit="", labels=("source",), tier=Tier.AGENT, help="Up.", question="Up?")


def said(*names: str) -> list[Samples]:
    keys = Keys(("source",), [(name,) for name in names])
    return [UP.samples(keys, np.ones(len(names)))]


def names(store: LatestSamples) -> list[str]:
    return [row[0] for samples in store.current() for row in samples.keys.rows]


def test_a_source_that_speaks_again_replaces_all_it_said_before() -> None:
    store = LatestSamples(ManualClock(100))
    store.append("a", said("one", "two"), at=100, valid_seconds=30)
    store.append("a", said("one"), at=101, valid_seconds=30)
    assert names(store) == ["one"]


def test_sources_do_not_touch_each_other_and_keep_their_order() -> None:
    store = LatestSamples(ManualClock(100))
    store.append("a", said("a1"), at=100, valid_seconds=30)
    store.append("b", said("b1"), at=100, valid_seconds=30)
    store.append("a", said("a2"), at=101, valid_seconds=30)
    assert names(store) == ["a2", "b1"]


def test_what_a_silent_source_said_ends_when_its_time_does() -> None:
    clock = ManualClock(100)
    store = LatestSamples(clock)
    store.append("hung", said("hung"), at=100, valid_seconds=30)
    store.append("well", said("well"), at=110, valid_seconds=30)
    clock.advance(29.9)
    assert names(store) == ["hung", "well"]
    clock.advance(0.1)
    assert names(store) == ["well"]


def test_a_source_that_comes_back_is_shown_again() -> None:
    clock = ManualClock(100)
    store = LatestSamples(clock)
    store.append("a", said("a"), at=100, valid_seconds=30)
    clock.advance(60)
    assert names(store) == []
    store.append("a", said("a"), at=160, valid_seconds=30)
    assert names(store) == ["a"]


def test_validity_counts_from_when_it_was_true_not_from_when_it_arrived() -> None:
    store = LatestSamples(ManualClock(200))
    store.append("late", said("late"), at=100, valid_seconds=30)
    assert names(store) == []


def test_what_is_forgotten_is_gone() -> None:
    store = LatestSamples(ManualClock(100))
    store.append("a", said("a"), at=100, valid_seconds=30)
    store.forget("a")
    store.forget("never there")
    assert names(store) == []


def test_valid_until_is_the_next_change_that_comes_by_itself() -> None:
    clock = ManualClock(100)
    store = LatestSamples(clock)
    assert store.valid_until() == math.inf
    store.append("a", said("a"), at=100, valid_seconds=30)
    store.append("b", said("b"), at=100, valid_seconds=60)
    assert store.valid_until() == 130
    clock.advance(30)
    assert store.valid_until() == 160
    clock.advance(30)
    assert store.valid_until() == math.inf


def test_the_version_changes_whenever_what_is_current_does() -> None:
    clock = ManualClock(100)
    store = LatestSamples(clock)
    seen = [store.version]
    store.append("a", said("a"), at=100, valid_seconds=30)
    seen.append(store.version)
    store.append("a", said("a"), at=110, valid_seconds=30)
    seen.append(store.version)
    clock.advance(40)
    seen.append(store.version)
    store.append("a", said("a"), at=140, valid_seconds=30)
    seen.append(store.version)
    store.forget("a")
    seen.append(store.version)
    assert len(set(seen)) == len(seen)
    store.forget("a")
    assert store.version == seen[-1]


def test_many_threads_may_append_and_read_at_once() -> None:
    store = LatestSamples(ManualClock(100))
    torn: list[int] = []

    def speak(source: str) -> None:
        for _ in range(200):
            store.append(source, [*said(source), *said(source)], at=100, valid_seconds=30)
            torn.extend(len(names(store)) % 2 for _ in range(1))

    threads = [threading.Thread(target=speak, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(names(store)) == 8
    assert not any(torn)
