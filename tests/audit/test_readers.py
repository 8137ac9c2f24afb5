"""Findings about readers without a destination for failures, and about MSK's own words."""

import shlex
from dataclasses import replace
from typing import Any

import pytest

from streamwatch.audit.facts import AuditFacts
from streamwatch.model.connect import Connector, ConnectSnapshot
from streamwatch.model.msk import Assessment, AssessmentFinding, DescribedCluster, MskSnapshot
from streamwatch.model.reader import Kind, ReadersSnapshot, RetryPolicy
from tests.audit.knowing import NOW, WELL, facts, observed, only, read, unknown
from tests.audit.test_streams import reader

NAME = "no-failure-destination"


def reading(*retries: RetryPolicy | None, kind: Kind = "lambda", **others: Any) -> AuditFacts:
    readers = tuple(reader(f"fn{i}", None, kind=kind, retries=each, **others) for i, each in enumerate(retries))
    return AuditFacts(
        now=NOW, readers=(ReadersSnapshot(source="aws/lambda", taken_at=NOW, read_seconds=1.0, readers=readers),)
    )


def policy(attempts: int | None, age: float | None, destination: str = "") -> RetryPolicy:
    return RetryPolicy(attempts=attempts, record_age_seconds=age, bisects=False, destination=destination)


def connecting(connectors: tuple[Connector, ...] | None) -> AuditFacts:
    snapshot = ConnectSnapshot(
        source="conn", kafka_cluster="shop", taken_at=NOW, read_seconds=1.0, workers=(), connectors=connectors
    )
    return AuditFacts(now=NOW, connects=(snapshot,))


def test_readers_with_a_destination_or_without_retries() -> None:
    assert observed(NAME, reading(policy(2, None, "arn:aws:sqs:eu-west-1:1:q"), None)) == []
    assert observed(NAME, reading(policy(2, None), is_share_group=True)) == []


def test_readers_without_a_destination() -> None:
    gone, stuck = observed(NAME, reading(policy(2, 3600.0), policy(None, None)))
    assert gone.target == "123456789012/eu-west-1/lambda/fn0"
    assert gone.evidence == (
        "on clicks it has no destination for failures",
        "it gives a batch up after 2 retries or when records are 3,600 s old, and the batch is gone",
    )
    assert stuck.evidence[1].startswith("it tries a batch that fails again until its records expire")
    assert ":stream/clicks" in gone.remedy
    assert shlex.split(gone.remedy)[:3] == ["aws", "lambda", "update-event-source-mapping"]
    assert only(NAME, reading(policy(None, None), kind="pipes")).remedy.startswith("aws pipes update-pipe")
    assert only(NAME, reading(policy(None, None), kind="msk_connect", stream=None, topic="t")).evidence[0] == (
        "on topic t it has no destination for failures"
    )


def test_readers_that_could_not_be_read() -> None:
    known = reading()
    bare = replace(known.readers[0], readers=None)
    (why,) = unknown(NAME, replace(known, readers=(bare,)))
    assert why.endswith("none can be read")
    (why,) = unknown(NAME, connecting(None))
    assert why.endswith("none can be read")


def test_sinks_that_skip_what_they_cannot_deliver() -> None:
    sink = Connector(name="s3", type="sink", state="RUNNING", worker="", trace="", tasks=(), tolerance="all")
    assert only(NAME, connecting((sink,))).target == "conn/s3"
    for well in (
        replace(sink, tolerance="none"),
        replace(sink, dead_letter_topic="dead"),
        replace(sink, type="source"),
    ):
        assert observed(NAME, connecting((well,))) == []


def described(level: str = "DEFAULT", assessment: Assessment | None = None) -> MskSnapshot:
    cluster: Any = DescribedCluster("shop", "arn:msk", "standard", "ACTIVE", "3.9", "m7g", level, 3, kraft=True)  # type: ignore[arg-type]
    return MskSnapshot(
        source="shop/msk", cluster="shop", taken_at=NOW, read_seconds=1.0, described=cluster, assessment=assessment
    )


@pytest.mark.parametrize("name", ["msk-assessment", "monitoring-level"])
def test_a_cluster_that_is_not_of_msk(name: str) -> None:
    assert observed(name, facts()) == []


def test_what_msk_found_itself() -> None:
    of_msk = AssessmentFinding("CAPACITY", "ERROR", "broker 1", "the disk\x1b is full", "add storage")
    found = only("msk-assessment", facts(msk=described(assessment=Assessment("arn", NOW, (of_msk,)))))
    assert (found.severity, found.remedy) == ("critical", "add storage")
    assert found.evidence[0] == "CAPACITY, broker 1: the disk\N{REPLACEMENT CHARACTER} is full"
    (why,) = unknown("msk-assessment", facts(msk=described()))
    assert why.startswith("MSK's assessment: none is complete")


def test_monitoring_by_partition() -> None:
    now = read({"orders": [WELL, WELL]})
    found = only("monitoring-level", facts(now, msk=described("PER_TOPIC_PER_PARTITION")))
    assert "CloudWatch bills metrics of 2 partitions and 0 groups" in found.evidence[0]
    assert observed("monitoring-level", facts(now, msk=described("PER_TOPIC_PER_BROKER"))) == []
    only_msk = facts(now, msk=described("PER_TOPIC_PER_PARTITION"), settings=None)
    assert observed("monitoring-level", only_msk) == [], "nobody else says it where brokers are not read"
