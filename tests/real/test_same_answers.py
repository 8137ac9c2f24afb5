"""The same questions to a broker of Apache Kafka 4.3 and to one of the reference cluster: they answer the same."""

from collections.abc import Callable, Iterator

import pytest

from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Release, Spec
from tests.real import questions_cluster, questions_groups, questions_logs, questions_settings, questions_topics
from tests.real.asking import Asker, Transcript
from tests.real.kafka import KafkaCluster
from tests.reference.listed_apis import LISTED

Script = Callable[[Asker], None]
SETTINGS = {"offsets.topic.num.partitions": "10", "group.initial.rebalance.delay.ms": "0"}
SCRIPTS: tuple[Script, ...] = (
    questions_topics.creating,
    questions_topics.growing,
    questions_topics.deleting,
    questions_topics.electing,
    questions_settings.of_topics,
    questions_settings.of_brokers,
    questions_settings.of_groups,
    questions_settings.of_clients,
    questions_logs.producing,
    questions_logs.by_time,
    questions_logs.transacting,
    questions_groups.committing,
    questions_cluster.seeing,
    questions_cluster.changing,
)


@pytest.fixture(scope="module")
def reference() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings=SETTINGS)) as kafka:
        yield kafka


def played(bootstrap: str, script: Script) -> Transcript:
    """What a cluster answers to a script; its topics are gone afterwards."""
    with Asker(bootstrap) as ask:
        try:
            script(ask)
        finally:
            ask.forget("asked")
        return ask.transcript


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_both_answer_the_same(script: Script, cluster_43: KafkaCluster, reference: ReferenceKafka) -> None:
    expected = played(cluster_43.bootstrap, script)
    found = played(reference.bootstrap, script)

    assert [what for what, _ in found] == [what for what, _ in expected]
    for (what, answer), (_, real) in zip(found, expected, strict=True):
        assert answer == real, what


def versions(bootstrap: str) -> tuple[dict[int, tuple[int, int]], dict[str, tuple[int, int]], dict[str, int]]:
    """The APIs that a broker lists, the features that it supports, and those that are finalized."""
    with Asker(bootstrap) as ask:
        answer = ask.raw(1, 18, 3, client_software_name="asker", client_software_version="1")
        apis = {one["api_key"]: (one["min_version"], one["max_version"]) for one in answer["api_keys"]}
        answer = ask.raw(1, 18, min(4, apis[18][1]), client_software_name="asker", client_software_version="1")
    supported = {one["name"]: (one["min_version"], one["max_version"]) for one in answer["supported_features"]}
    return apis, supported, {one["name"]: one["max_version_level"] for one in answer["finalized_features"]}


OFF = {"transaction.version", "eligible.leader.replicas.version", "share.version", "streams.version"}
"""Features that are on in a new cluster of 4.3, and off in a reference cluster, which lacks them."""


def test_the_apis_and_features_of_43_are_listed(cluster_43: KafkaCluster, reference: ReferenceKafka) -> None:
    apis, supported, finalized = versions(cluster_43.bootstrap)

    assert apis == LISTED[4, 3]
    kept = {name: level for name, level in finalized.items() if name not in OFF}
    assert versions(reference.bootstrap) == (apis, supported, kept)


@pytest.mark.parametrize(("version", "release"), [("3.9.2", (3, 9)), ("2.8.2", (2, 8))])
def test_the_apis_of_an_older_release_are_listed(
    version: str, release: Release, kafka_cluster: Callable[..., KafkaCluster]
) -> None:
    expected = versions(kafka_cluster(version=version, brokers=1).bootstrap)

    assert expected[0] == LISTED[release]
    with ReferenceKafka(Spec(release=release)) as kafka:
        assert versions(kafka.bootstrap) == expected
