"""What holds for every kind that AWS runs: switched off, paged, refused and back, and checked up. See test_contract."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dms import Dms
from streamwatch.reference.aws.flink import Flink
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.msk_replicator import MskReplicator
from streamwatch.reference.aws.pipes import Pipes
from streamwatch.reference.aws.poller import StreamPoller
from tests.sources.readers.attaching import CLUSTER, world

BOOTSTRAP = (
    "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098,b-2.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"
)
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"


@dataclass(frozen=True)
class Kind:
    """How one is made on the reference, and what it is asked by."""

    name: str
    make: Callable[[Cloud, str, float], Any]
    listings: tuple[str, ...]
    describe: str | None
    prefix: str
    """Of its rights."""
    three_pages: int
    """So many of them are three pages."""

    def __str__(self) -> str:
        return self.name


def hose(cloud: Cloud, name: str, now: float) -> Any:
    return cloud.firehose().of_stream(name, StreamPoller(cloud.kinesis(), "s"), now)


def connector(cloud: Cloud, name: str, now: float) -> Any:
    return cloud.beside(MskConnect).create(name, {"topics": "orders"}, BOOTSTRAP, now)


def task(cloud: Cloud, name: str, _: float) -> Any:
    return cloud.beside(Dms).of_stream(name, cloud.kinesis(), "s")


def pipe(cloud: Cloud, name: str, now: float) -> Any:
    return cloud.beside(Pipes).create(name, STREAM, {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}, now)


def application(cloud: Cloud, name: str, _: float) -> Any:
    return cloud.beside(Flink).create(name, {"source": {"stream.arn": STREAM}})


def replicator(cloud: Cloud, name: str, now: float) -> Any:
    return cloud.beside(MskReplicator).of_msk(name, CLUSTER, CLUSTER.replace("shop", "spare"), now)


HOSES = Kind("firehose", hose, ("ListDeliveryStreams",), "DescribeDeliveryStream", "firehose", 250)
"""They are listed twice, by the type of their source: test_firehose has their pages."""
KINDS = [
    Kind("msk_connect", connector, ("ListConnectors",), "DescribeConnector", "kafkaconnect", 250),
    Kind(
        "dms",
        task,
        ("DescribeReplicationTasks", "DescribeEndpoints", "DescribeReplications", "DescribeReplicationInstances"),
        None,
        "dms",
        250,
    ),
    Kind("flink", application, ("ListApplications",), "DescribeApplication", "kinesisanalytics", 120),
    Kind("pipes", pipe, ("ListPipes",), "DescribePipe", "pipes", 250),
    Kind("msk_replicator", replicator, ("ListReplicators",), "DescribeReplicator", "kafka", 250),
]
OPERATIONS = [(kind, one) for kind in KINDS for one in (*kind.listings, *([kind.describe] if kind.describe else []))]
LISTINGS = [(kind, one) for kind in (HOSES, *KINDS) for one in kind.listings]
each = pytest.mark.parametrize("kind", KINDS, ids=str)
refusals = pytest.mark.parametrize(("fault", "reason"), [("deny", "denied"), ("throttle", "throttled")])


@each
def test_one_that_is_well_is_up(kind: Kind) -> None:
    with world(kind.name) as on:
        on.aws.do(lambda cloud, now: kind.make(cloud, "x", now))
        on.read(streams=True)

        assert on.problems() == set()
        assert on.value(r.UP) == 1
        assert on.readers["x"].state == "running"


@each
def test_it_is_off_unless_it_is_switched_on(kind: Kind) -> None:
    with world(kind.name) as on:
        assert not getattr(type(on.config.readers)(), kind.name).enabled


@each
def test_three_pages_are_read_and_all_are_described_in_the_end(kind: Kind) -> None:
    with world(kind.name) as on:
        on.aws.do(lambda cloud, now: [kind.make(cloud, f"x{at:03d}", now) for at in range(kind.three_pages)])
        on.read()

        assert on.calls(kind.listings[0]) == 3
        assert len(on.readers) == kind.three_pages
        for _ in range(10):
            if not on.problems():
                break
            assert on.problems() == {("reader", "budget")}
            on.time.advance(60)
            on.read()
        assert {one.state for one in on.readers.values()} == {"running"}


@pytest.mark.parametrize(("kind", "operation"), LISTINGS, ids=str)
@refusals
def test_a_refused_listing_is_named_and_comes_back(kind: Kind, operation: str, fault: str, reason: str) -> None:
    with world(kind.name) as on:
        on.aws.do(lambda cloud, now: kind.make(cloud, "x", now))
        on.read()
        on.fault(fault, operation=operation)
        on.time.advance(60)
        on.read()
        assert on.snapshot.readers is None
        assert on.problems() == {("region", reason)}
        assert r.UP.name not in on.known()

        on.fault("heal")
        on.time.advance(60)
        on.read()
        assert (on.value(r.UP), on.problems()) == (1, set())


@pytest.mark.parametrize(("kind", "operation"), OPERATIONS, ids=str)
def test_the_check_up_names_a_missing_right_with_its_policy(kind: Kind, operation: str) -> None:
    with world(kind.name) as on:
        on.aws.do(lambda cloud, now: kind.make(cloud, "x", now))
        assert {one.verdict for one in on.findings().values()} == {"ok"}
        on.fault("deny", operation=operation)
        found = on.findings()[operation]

    assert found.verdict == "failed"
    policy: Any = json.loads(found.remedy.partition(": ")[2])
    assert policy == {"Effect": "Allow", "Action": f"{kind.prefix}:{operation}", "Resource": "*"}


@each
def test_the_check_up_says_that_there_is_none(kind: Kind) -> None:
    with world(kind.name) as on:
        assert on.findings()[kind.name].verdict == "warning"
