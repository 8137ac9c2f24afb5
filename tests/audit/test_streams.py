"""Findings about streams: who reads them, how far behind, which shard is hot, and what is nearly used up."""

import functools
import operator
from dataclasses import replace
from typing import Any, Final

import pytest

from streamwatch.audit.facts import AuditFacts
from streamwatch.catalogue import kinesis as n
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.model.kinesis import Description, Stream, StreamsSnapshot
from streamwatch.model.reader import Position, Reader, ReadersSnapshot
from tests.audit.knowing import DAY, NOW, Values, index, observed, only, unknown

ROW: Final = ("123456789012", "eu-west-1", "clicks")
TARGET: Final = "/".join(ROW)
BOTH: Final = frozenset({"IncomingBytes", "IncomingRecords"})


def known(values: Values | None = None, readers: tuple[Reader, ...] = (), **others: Any) -> AuditFacts:
    plain: dict[str, Any] = {
        "status": "ACTIVE", "mode": "PROVISIONED", "retention_seconds": DAY, "open_shards": 4, "shards": (),
        "consumers": (), "watched": BOTH,
    }  # fmt: skip
    streams = (Stream(*ROW, Description(**(plain | others))),)
    return AuditFacts(
        now=NOW,
        streams=(StreamsSnapshot(source="aws", taken_at=NOW, read_seconds=1.0, streams=streams),),
        readers=(ReadersSnapshot(source="aws/kcl", taken_at=NOW, read_seconds=1.0, readers=readers),),
        samples=index(values or {}),
    )


def reader(name: str, lag: float | None, **others: Any) -> Reader:
    position = Position(part="", worker="", method="reported", lag_seconds=lag, bound_seconds=None)
    plain: dict[str, Any] = {
        "kind": "kcl", "name": name, "owner": name, "account": ROW[0], "region": ROW[1], "stream": ROW[2],
        "state": "running", "reason": "", "positions": (position,),
    }  # fmt: skip
    return Reader(**(plain | others))


WELL: Final[Values] = {
    n.BEING_READ: {ROW: 1.0},
    n.ITERATOR_AGE: {ROW: 60.0},
    n.WRITE_RECORDS_USE: {ROW: 0.3},
    n.WRITE_BYTES_USE: {ROW: 0.2},
    n.CONSUMERS_LIMIT_RATIO: {ROW: 0.1},
    n.SHARDS_LIMIT_RATIO: {ROW[:2]: 0.1},
}


@pytest.mark.parametrize("name", ["no-reader", "retention-short", "hot-shard", "near-quota", "shard-metrics"])
def test_a_stream_that_is_well_has_no_finding(name: str) -> None:
    assert observed(name, known(WELL)) == []


def test_nobody_reads() -> None:
    found = only("no-reader", known({n.BEING_READ: {ROW: 0.0}, n.WRITE_RECORDS_USE: {ROW: 0.3}}))
    assert (found.severity, found.target) == ("warning", TARGET)
    assert found.evidence == ("CloudWatch counts no read of the last minutes", "records are written to it")
    stopped = reader("billing", None, state="stopped")
    found = only("no-reader", known({n.BEING_READ: {ROW: 0.0}}, (stopped,)))
    assert (found.severity, found.evidence[1]) == ("info", "no reader is known of it but billing (stopped)")
    assert observed("no-reader", known({n.BEING_READ: {ROW: 0.0}}, (reader("billing", 1.0),))) == []
    assert unknown("no-reader", known()) == ["whether anybody reads it: CloudWatch is not asked, or is late"]


def test_a_reader_that_is_nearly_as_far_behind_as_the_stream_keeps() -> None:
    found = only("retention-short", known({n.ITERATOR_AGE: {ROW: 0.6 * DAY}}))
    assert found.evidence == ("its slowest reader is 14.4 h behind, and the stream keeps 1 d: 60%",)
    assert found.remedy == (
        "aws kinesis increase-stream-retention-period --region eu-west-1 --stream-name clicks"
        " --retention-period-hours 48"
    )
    found = only("retention-short", known(readers=(reader("billing", 0.9 * DAY), reader("other", 1.0))))
    assert (found.severity, found.evidence[0][:21]) == ("critical", "billing is 21.6 h beh")
    assert unknown("retention-short", known()) == ["how far its slowest reader is behind"]
    assert observed("retention-short", known({n.BEING_READ: {ROW: 0.0}})) == [], "nobody reads: no reader is late"


def test_a_registered_consumer_that_is_far_behind() -> None:
    lag = h.CONSUMER_LAG
    assert observed("retention-short", known({lag: {(*ROW, "dashboard"): 60.0}})) == []
    found = only("retention-short", known({lag: {(*ROW, "dashboard"): 0.9 * DAY}, n.ITERATOR_AGE: {ROW: 60.0}}))
    assert (found.severity, found.evidence[0][:23]) == ("critical", "dashboard is 21.6 h beh")


def test_a_hot_shard() -> None:
    hot: Values = {**WELL, h.SPLIT: {(*ROW, "shardId-000000000002", "42"): 0.95}, h.SHARD_SKEW: {ROW: 2.5}}
    found = only("hot-shard", known(hot))
    assert found.evidence == (
        "shardId-000000000002 uses 95% of its write limits, the stream 30% of its own",
        "it gets 3.5 times the mean of 4 shards",
    )
    assert "split-shard --region eu-west-1 --stream-name clicks --shard-to-split shardId-000000000002" in found.remedy
    assert observed("hot-shard", known({**hot, n.WRITE_RECORDS_USE: {ROW: 0.9}})) == [], "all of them are full"
    (why,) = unknown("hot-shard", known(hot, watched=frozenset()))
    assert why == "which of its shards are hot: shard-level metrics are not on"
    assert observed("hot-shard", known(hot, distribution="AUTO")) == []


def test_limits_that_are_nearly_reached() -> None:
    account, stream = observed(
        "near-quota",
        known(
            {n.SHARDS_LIMIT_RATIO: {ROW[:2]: 0.9}, n.CONSUMERS_LIMIT_RATIO: {ROW: 0.95}},
            (reader("billing", 1.0, calls_limit_ratio=0.85),),
        ),
    )
    assert (account.kind, account.target) == ("account", "123456789012/eu-west-1")
    assert stream.evidence == (
        "registered consumers are 95% of the limit",
        "billing makes 85% of the calls that a shard allows",
    )


def test_readers_that_share_the_calls_of_a_shard() -> None:
    polls = [reader(f"f{at}", 1.0, kind="lambda", calls_limit_ratio=0.2) for at in range(3)]
    others = (reader("fan-out", 1.0, calls_limit_ratio=0.0), reader("unknown", 1.0))
    assert observed("near-quota", known(readers=(*polls, *others))) == []
    hose = reader("f0", 1.0, kind="firehose", calls_limit_ratio=0.2)
    found = only("near-quota", known(readers=(*polls, hose, *others)))
    assert found.evidence == ("f0, f1, f2 and f0 make 80% of the calls that a shard allows",)
    workers = [reader(f"w{at}", 1.0, kind="kcl", calls_limit_ratio=0.2 / 1.5) for at in range(6)]
    added = functools.reduce(operator.add, (each.calls_limit_ratio or 0.0 for each in workers))
    assert added < 0.8, "in binary: Python's own sum() says so until 3.11, and corrects itself from 3.12 on"
    assert (
        only("near-quota", known(readers=tuple(workers)))
        .evidence[0]
        .endswith("make 80% of the calls that a shard allows")
    )


def test_shard_level_metrics_that_say_little() -> None:
    found = only("shard-metrics", known(open_shards=1))
    assert found.evidence == (
        "2 shard-level metrics of 1 open shard: CloudWatch bills 2",
        "of one shard they say what the stream's own metrics say for nothing",
    )
    assert found.remedy.endswith("--shard-level-metrics IncomingBytes IncomingRecords")
    assert "on demand" in only("shard-metrics", known(mode="ON_DEMAND")).evidence[1]
    many = only("shard-metrics", known(open_shards=60, watched=BOTH | {"OutgoingBytes"}))
    assert many.remedy.endswith("--shard-level-metrics OutgoingBytes")
    assert observed("shard-metrics", known(open_shards=60)) == []


def test_a_stream_that_could_not_be_described_has_no_finding() -> None:
    facts = known(WELL)
    bare = replace(facts.streams[0], streams=(Stream(*ROW, None),))
    for name in ("retention-short", "hot-shard", "shard-metrics"):
        assert observed(name, replace(facts, streams=(bare,))) == []
