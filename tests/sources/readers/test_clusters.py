"""Clusters of MSK of one name in two regions: whoever reads one is not joined to the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamwatch.agent.config import Config, parse
from streamwatch.agent.targets import TargetFactory
from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.flow.assemble import assembled
from streamwatch.flow.facts import Part
from streamwatch.model.metric import Metric, Samples
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.msk_replicator import MskReplicator
from streamwatch.reference.aws.pipes import Pipes
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.sources.msk.naming import MskName
from streamwatch.sources.readers.clusters import WatchedClusters
from tests.reference.kinesis.acting import Time, cloud

US, EU = "us-east-1", "eu-west-1"
KINDS = "functions", "firehose", "msk_connect", "pipes", "msk_replicator"
PLAIN = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"


def arn(region: str) -> str:
    return f"arn:aws:kafka:{region}:123456789012:cluster/shop/1-2-3"


def make(cloud: Cloud, now: float) -> None:
    """In both regions the same readers of the same topic of a cluster of the same name; one is copied to the other."""
    for region in (US, EU):
        given = {"Topics": ["orders"], "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g"}}
        cloud.lambdas(region=region).add("ship", {"EventSourceArn": arn(region), **given}, now)
        cloud.firehose(region=region).of_topic("lake", arn(region), "orders", now)
        cloud.beside(MskConnect, region=region).create("sink", {"topics": "x,y"}, PLAIN.replace(US, region), now)
        topic = {"ManagedStreamingKafkaParameters": {"TopicName": "orders", "ConsumerGroupID": "p"}}
        cloud.beside(Pipes, region=region).create("pipe", arn(region), topic, now)
    cloud.beside(MskReplicator, region=EU).of_msk("copy", arn(US), arn(EU), now)


def configured(aws: ReferenceAws, kafka: str = "", regions: str = f"{US}, {EU}") -> Config:
    readers = ", ".join(f"{one}: {{enabled: true}}" for one in KINDS)
    access = f"{{endpoint_url: '{aws.url}', access_key_id: a, secret_access_key: b}}"
    own = f"{{name: mine, regions: [{regions}], access: {access}, readers: {{{readers}}}}}"
    return parse(f"kafka: [{kafka}]\nkinesis: [{own}]\n" if kafka else f"kinesis: [{own}]\n", "test", Path())


@contextmanager
def two_regions() -> Iterator[tuple[ReferenceAws, Time]]:
    time = Time()
    with cloud(time) as aws:
        aws.do(make)
        yield aws, time


def read(config: Config, time: Time) -> list[Samples]:
    """What all kinds say."""
    _, *targets = TargetFactory(time, (), lambda: config.sources).targets(config.kinesis[0], lambda: None)
    found: list[Samples] = []
    for one in targets:
        source: Any = one.source
        source._caller.wait = lambda seconds: time.advance(max(0.0, seconds))
        snapshot = source.read()
        assert snapshot.problems == ()
        found += [samples for each in one.collectors.values() for samples in each.collect(snapshot)]
        source.close()
    return found


def rows(samples: list[Samples], metric: Metric) -> list[tuple[str, ...]]:
    return [row for one in samples if one.metric is metric for row in one.known()]


def clusters(samples: list[Samples]) -> dict[tuple[str, str], str]:
    """The label ``kafka_cluster``, by region and reader."""
    at = r.READER.index("kafka_cluster")
    return {(row[1], row[len(r.READER) - 1]): row[at] for row in rows(samples, r.STATE)}


def test_readers_of_two_clusters_of_one_name_share_no_label_by_which_they_are_joined() -> None:
    with two_regions() as (aws, time):
        found = read(configured(aws), time)
    joined = [row[r.READER.index("kafka_cluster") : r.READER.index("reader") + 1] for row in rows(found, r.STATE)]
    assert len(joined) == 9
    assert len(set(joined)) == 9, "an expression may match one on each side"
    for region in (US, EU):
        assert {clusters(found)[region, one] for one in ("ship", "lake", "sink", "pipe")} == {f"shop.{region}"}


def test_a_copy_to_a_cluster_of_the_same_name_leads_from_one_to_the_other() -> None:
    with two_regions() as (aws, time):
        found = read(configured(aws, regions=EU), time)
    (copied,) = rows(found, a.TARGET)
    assert (copied[r.READER.index("kafka_cluster")], copied[-1]) == (f"shop.{US}", "shop")


def test_the_map_draws_two_topics() -> None:
    with two_regions() as (aws, time):
        graph = assembled([Part(read(configured(aws), time), time.now())])
    assert {f"topic:shop.{region}/orders" for region in (US, EU)} <= graph.nodes.keys()
    into = {edge.source: edge.target for edge in graph.edges if edge.target.startswith("lambda:")}
    assert into == {f"topic:shop.{one}/orders": f"lambda:123456789012/{one}/ship" for one in (US, EU)}


def test_each_is_called_as_the_configuration_calls_it() -> None:
    parts = (
        "{name: america, bootstrap: ['a:9092'], msk: {cluster: shop, region: us-east-1}},"
        f"{{name: europe, bootstrap: ['a:9092'], msk: {{cluster: '{arn(EU)}'}}}}"
    )
    with two_regions() as (aws, time):
        found = clusters(read(configured(aws, parts), time))
    assert {name for (region, _), name in found.items() if region == US} == {"america"}
    assert {name for (region, reader), name in found.items() if region == EU and reader != "copy"} == {"europe"}


@pytest.mark.parametrize(
    ("kafka", "regions", "us", "eu"),
    [
        ("", US, "shop", f"shop.{EU}"),
        ("", f"{US}, {EU}", f"shop.{US}", f"shop.{EU}"),
        ("{name: shop, bootstrap: ['a:9092']}", US, "shop", f"shop.{EU}"),
        (f"{{name: east, bootstrap: ['{PLAIN}']}}", f"{US}, {EU}", "east", f"shop.{EU}"),
        (f"{{name: shop, bootstrap: ['{PLAIN}']}}", EU, "shop", f"shop.{EU}"),
        (
            "{name: shop, bootstrap: ['a:9092'], tls: {}, sasl: {mechanism: AWS_MSK_IAM, aws_region: eu-west-1}}",
            f"{US}, {EU}",
            f"shop.{US}",
            "shop",
        ),
    ],
)
def test_a_name_has_its_region_where_another_cluster_may_have_it(kafka: str, regions: str, us: str, eu: str) -> None:
    with cloud(Time()) as aws:
        watched = WatchedClusters.of(configured(aws, kafka, regions).sources)
    assert (watched.called(MskName("shop", US)), watched.called(MskName("shop", EU))) == (us, eu)
    assert watched.called(MskName("5L6g3nShT-eMCtK--X86sw")) == "5L6g3nShT-eMCtK--X86sw", "of no region of AWS's"
    assert watched.called(None) is None
