"""The archive takes samples: which entity they are of, how counters become rates, and what gives way to what."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from streamwatch.archive.archive import Archive
from streamwatch.archive.numbers import BY_NAME, NUMBERS, ArchivedNumber
from streamwatch.archive.placing import Placing, folded
from streamwatch.archive.rings import LAST, LEVELS, ROW_BYTES
from streamwatch.catalogue import METRICS
from streamwatch.catalogue import archive as c
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.clock import ManualClock
from streamwatch.model.metric import Keys, Metric, Samples, Values

HOUR = 3600.0
LAG = BY_NAME["group.kafka_group_lag_seconds"]
UP = BY_NAME["broker.kafka_broker_up"]
WRITTEN = BY_NAME["topic.kafka_topic_end_offset"]
CLUSTER_WRITTEN = BY_NAME["cluster.kafka_topic_end_offset"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000.0)


@pytest.fixture
def archive(clock: ManualClock) -> Archive:
    return Archive(20 * ROW_BYTES, clock)


def of(metric: Metric, values: Mapping[Any, float]) -> Samples:
    return metric.samples(Keys(metric.labels, list(values)), np.array(list(values.values())))


def last(archive: Archive, number: ArchivedNumber, *entity: str) -> float | None:
    """What was known last; NaN: not known in the newest step, None: nothing is archived."""
    curve = archive.curve(number, entity, HOUR)
    return None if curve is None else float(curve.values[LAST][-1])


def test_every_number_is_of_the_catalogue_and_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(NUMBERS)
    assert {number.metric for number in NUMBERS} <= set(METRICS)


def test_series_with_more_labels_are_folded(archive: Archive, clock: ManualClock) -> None:
    disks = of(k.LOG_DIR_USED, {("shop", "1", "/a"): 0.4, ("shop", "1", "/b"): 0.9, ("shop", "2", "/a"): math.nan})
    behind = of(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 3.0, ("shop", "2"): 4.0, ("other", "1"): math.nan})
    expires = {("shop", "billing", "a"): 50.0, ("shop", "billing", "b"): 20.0, ("shop", "billing", "c"): math.nan}
    archive.take("shop", [disks, behind, of(g.GROUP_TOPIC_EXPIRES, expires)], clock.now())
    assert last(archive, BY_NAME["broker.kafka_broker_log_dir_used_ratio"], "shop", "1") == pytest.approx(0.9)
    assert last(archive, BY_NAME["broker.kafka_broker_log_dir_used_ratio"], "shop", "2") is None, "never known"
    under = BY_NAME["cluster.kafka_broker_under_replicated_partitions"]
    assert last(archive, under, "shop") == 7.0
    assert last(archive, under, "other") is None, "a sum with a missing addend is unknown"
    assert last(archive, BY_NAME["group.kafka_group_topic_expires_seconds"], "shop", "billing") == 20.0


def test_of_some_numbers_only_certain_series_count_and_all_of_them(archive: Archive, clock: ManualClock) -> None:
    number = BY_NAME["broker.kafka_broker_cpu_ratio"]
    modes = {("shop", "1", "user"): 0.25, ("shop", "1", "idle"): 0.5, ("shop", "1", "system"): 0.125}
    half = {("shop", "2", "user"): 0.25, ("shop", "2", "idle"): 0.5, ("shop", "3", "idle"): 0.5}
    archive.take("shop", [of(b.CPU, modes | half)], clock.now())
    assert last(archive, number, "shop", "1") == 0.375
    assert last(archive, number, "shop", "2") is None, "a sum that lacks an addend is unknown"
    assert last(archive, number, "shop", "3") is None
    archive.take("other", [of(b.CPU, {("other", "1", "idle"): 0.5, ("other", "2", "iowait"): 0.5})], clock.now())
    assert archive.rows() == 1, "nothing that counts is there"


def test_what_several_sources_know_of_one_metric_is_one_sum(archive: Archive, clock: ManualClock) -> None:
    parts = [of(k.BROKER_UP, {("shop", "1"): 1.0}), of(k.BROKER_UP, {("shop", "2"): 1.0, ("shop", "3"): 0.0})]
    archive.take("shop", parts, clock.now())
    assert last(archive, BY_NAME["cluster.kafka_broker_up"], "shop") == 2.0
    assert last(archive, UP, "shop", "3") == 0.0


def test_a_rate_is_what_was_counted_between_two_reads_however_often_it_is_looked_at(
    archive: Archive, clock: ManualClock
) -> None:
    keys = Keys(k.TOPIC_END_OFFSET.labels, [("shop", "a"), ("shop", "b")])

    def read(a: float, b: float) -> Samples:
        return k.TOPIC_END_OFFSET.samples(keys, np.array([a, b]))

    archive.take("shop", [read(1000.0, 0.0)], clock.now())
    assert math.isnan(last(archive, WRITTEN, "shop", "a") or 0.0), "one reading is no rate"
    clock.advance(15)
    second = read(1300.0, 60.0)
    archive.take("shop", [second], clock.now())
    assert last(archive, WRITTEN, "shop", "a") == 20.0
    assert last(archive, CLUSTER_WRITTEN, "shop") == 24.0
    clock.advance(10)
    archive.take("shop", [second], clock.now())
    assert last(archive, WRITTEN, "shop", "a") == 20.0, "nothing was read since"
    clock.advance(20)
    archive.take("shop", [read(100.0, 60.0)], clock.now())
    assert math.isnan(last(archive, WRITTEN, "shop", "a") or 0.0), "it was made again: how much was written is unknown"
    assert last(archive, WRITTEN, "shop", "b") == 0.0


def test_what_is_not_known_is_a_gap_and_what_comes_back_goes_on(archive: Archive, clock: ManualClock) -> None:
    for value in (5.0, math.nan, 7.0):
        archive.take("shop", [of(g.GROUP_LAG_SECONDS, {("shop", "billing"): value})], clock.now())
        clock.advance(10)
    curve = archive.curve(LAG, ("shop", "billing"), HOUR)
    assert curve is not None
    assert [str(one) for one in curve.values[LAST][-4:].tolist()] == ["5.0", "nan", "7.0", "nan"]


def test_the_finest_level_that_reaches_far_enough_is_taken(archive: Archive, clock: ManualClock) -> None:
    archive.take("shop", [of(g.GROUP_LAG_SECONDS, {("shop", "billing"): 1.0})], clock.now())
    for span, seconds in ((HOUR, 10), (24 * HOUR, 60), (7 * 24 * HOUR, 600), (900 * HOUR, 600)):
        curve = archive.curve(LAG, ("shop", "billing"), span)
        assert curve is not None
        assert curve.seconds == seconds


def groups(count: int, value: float = 1.0) -> Samples:
    return of(g.GROUP_LAG_SECONDS, {("shop", f"g{at}"): value for at in range(count)})


def refused(archive: Archive) -> float:
    return next(iter(next(each for each in archive.collect() if each.metric is c.ARCHIVE_REFUSED).known().values()))


def test_the_budget_is_the_truth_and_what_matters_most_has_it(archive: Archive, clock: ManualClock) -> None:
    archive.take("shop", [groups(30)], clock.now())
    assert archive.rows() == 20
    assert refused(archive) == 10
    assert last(archive, LAG, "shop", "g25") is None
    archive.take("shop", [of(k.OFFLINE_PARTITIONS, {("shop",): 2.0}), groups(30)], clock.now())
    assert last(archive, BY_NAME["cluster.kafka_offline_partitions"], "shop") == 2.0
    assert archive.rows() == 20
    assert refused(archive) == 11
    held = next(each for each in archive.collect() if each.metric is c.ARCHIVE_BYTES).known()
    assert held == {(): 20.0 * ROW_BYTES}


def test_a_group_of_which_nothing_was_known_for_an_hour_gives_way_to_another(
    archive: Archive, clock: ManualClock
) -> None:
    archive.take("shop", [groups(20)], clock.now())
    newer = of(g.GROUP_LAG_SECONDS, {("shop", "new"): 4.0})
    clock.advance(HOUR / 2)
    archive.take("shop", [newer], clock.now())
    assert last(archive, LAG, "shop", "new") is None
    clock.advance(HOUR)
    archive.take("shop", [of(g.GROUP_LAG_SECONDS, {("shop", "new"): 4.0, ("shop", "g3"): 1.0})], clock.now())
    assert last(archive, LAG, "shop", "new") == 4.0
    assert last(archive, LAG, "shop", "g3") == 1.0
    assert archive.rows() == 20


def test_who_comes_back_with_somebody_new_keeps_a_row(archive: Archive, clock: ManualClock) -> None:
    """All rows were quiet for two hours: the new one takes one of those that are gone, or the other gets one next."""
    records = BY_NAME["group.kafka_group_lag"]
    archive.take("shop", [of(g.GROUP_LAG, {("shop", f"g{at}"): 1.0 for at in range(20)})], clock.now())
    clock.advance(2 * HOUR)
    for _ in range(3):
        clock.advance(10.0)
        both = {("shop", "g0"): 2.0, ("shop", "new"): 3.0}
        archive.take("shop", [of(g.GROUP_LAG, both), of(g.GROUP_LAG_SECONDS, both)], clock.now())
    for name, value in (("g0", 2.0), ("new", 3.0)):
        assert (last(archive, records, "shop", name), last(archive, LAG, "shop", name)) == (value, value)
    assert refused(archive) == 0


def test_a_number_that_cannot_be_taken_costs_no_other(
    archive: Archive, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(number: ArchivedNumber, where: Placing, samples: Sequence[Samples]) -> Values:
        if number is LAG:
            raise ValueError("a bug")
        return folded(number, where, samples)

    monkeypatch.setattr("streamwatch.archive.archive.folded", fails)
    row = {("shop", "g0"): 5.0}
    for order in ([g.GROUP_LAG, g.GROUP_LAG_SECONDS], [g.GROUP_LAG_SECONDS, g.GROUP_LAG]):
        clock.advance(10.0)
        with pytest.raises(ValueError, match="a bug"):
            archive.take("shop", [of(metric, row) for metric in order], clock.now())
        assert last(archive, BY_NAME["group.kafka_group_lag"], "shop", "g0") == 5.0
        assert not archive.has_step("shop"), "it is tried again"
    monkeypatch.undo()
    archive.take("shop", [of(g.GROUP_LAG_SECONDS, row)], clock.now())
    assert last(archive, LAG, "shop", "g0") == 5.0
    assert archive.has_step("shop")
    clock.advance(10.0)
    assert not archive.has_step("shop")


def test_a_row_that_was_given_to_another_is_not_written_by_the_first(archive: Archive, clock: ManualClock) -> None:
    both = Keys(g.GROUP_LAG_SECONDS.labels, [("shop", f"g{at}") for at in range(20)])

    def take(values: list[float]) -> None:
        archive.take("shop", [g.GROUP_LAG_SECONDS.samples(both, np.array(values))], clock.now())

    take([1.0] * 20)
    for at in range(20):
        archive.take("other", [of(k.OFFLINE_PARTITIONS, {(f"c{at}",): 50.0 + at})], clock.now())
    take([2.0] * 20)
    for at in range(20):
        assert last(archive, BY_NAME["cluster.kafka_offline_partitions"], f"c{at}") == 50.0 + at
        assert last(archive, LAG, "shop", f"g{at}") is None
    assert refused(archive) == 20


def test_what_was_not_known_for_a_week_is_forgotten(archive: Archive, clock: ManualClock) -> None:
    archive.take("shop", [groups(1)], clock.now())
    clock.advance(LEVELS[-1].span_seconds + 700)
    archive.take("shop", [], clock.now())
    assert archive.curve(LAG, ("shop", "g0"), HOUR) is None
    assert archive.copy(0) is None


def test_since_when_a_number_is_as_it_is(archive: Archive, clock: ManualClock) -> None:
    began = clock.now()
    while clock.now() < began + 3 * HOUR:
        value = 1.0 if clock.now() < began + HOUR else 0.0
        archive.take("shop", [of(k.BROKER_UP, {("shop", "2"): value})], clock.now())
        clock.advance(60)
    since = archive.since(UP, ("shop", "2"))
    assert since is not None
    assert abs(since - (began + HOUR)) <= LEVELS[1].seconds
    archive.take("shop", [of(k.BROKER_UP, {("shop", "2"): 1.0})], clock.now())
    since = archive.since(UP, ("shop", "2"))
    assert since is not None
    assert abs(since - clock.now()) <= LEVELS[0].seconds
    assert archive.since(UP, ("shop", "3")) is None


def test_no_memory_is_no_archive(clock: ManualClock) -> None:
    archive = Archive(0, clock)
    archive.take("shop", [groups(3)], clock.now())
    assert archive.curve(LAG, ("shop", "g0"), HOUR) is None
    assert archive.rows() == 0
