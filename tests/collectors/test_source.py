from dataclasses import replace

from streamwatch.catalogue import agent as c
from streamwatch.collectors.source import RequestCollector, SourceCollector
from streamwatch.model.kafka import RequestCount
from streamwatch.model.snapshot import Problem
from tests.snapshots import snapshot, values

SEEN = snapshot({"t": [(1, (1,), (1,))]})
BLIND = replace(SEEN, topology=None, taken_at=2000.0)


def test_the_last_success_stays_when_a_read_fails() -> None:
    collector = SourceCollector(15.0)
    collector.collect(SEEN)

    samples = collector.collect(BLIND)

    assert values(samples, c.SOURCE_UP) == {"": 0.0}
    assert values(samples, c.SOURCE_LAST_SUCCESS) == {"": 1000.0}


def test_no_success_lies_ahead_where_the_clock_was_set_back() -> None:
    collector = SourceCollector(15.0)
    collector.collect(SEEN)

    samples = collector.collect(replace(BLIND, taken_at=400.0))

    assert values(samples, c.SOURCE_LAST_SUCCESS) == {"": 400.0}


def test_there_is_no_last_success_before_the_first() -> None:
    assert values(SourceCollector(15.0).collect(BLIND), c.SOURCE_LAST_SUCCESS) == {}


def test_problems_are_counted_by_scope_and_reason() -> None:
    problems = (Problem("group", "moved", "a", 2), Problem("group", "moved", "b"), Problem("broker", "timeout", "c"))

    samples = SourceCollector(15.0).collect(replace(SEEN, problems=problems))

    assert values(samples, c.SOURCE_PROBLEMS) == {"group moved": 3, "broker timeout": 1}


def test_requests_are_counted_by_api_and_broker() -> None:
    counts = (RequestCount("Metadata", "1", 5, 1, 0.5, 100, 2000, 0.25),)

    samples = RequestCollector().collect(replace(SEEN, requests=counts))

    assert values(samples, c.REQUESTS) == {"Metadata 1": 5}
    assert values(samples, c.REQUEST_FAILURES) == {"Metadata 1": 1}
    assert values(samples, c.REQUEST_THROTTLED_SECONDS) == {"Metadata 1": 0.25}
