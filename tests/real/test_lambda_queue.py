"""A mapping of Lambda in queue mode, whose poller is a real member of a share group of a real Kafka."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.agent.config import parse
from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import readers as r
from streamwatch.core.clock import SystemClock
from streamwatch.model.metric import Metric
from streamwatch.reference.aws.server import ReferenceAws
from tests.real.amazon import compiled
from tests.real.artefacts import KAFKA_VERSIONS, kafka_libs
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.test_share_groups import running
from tests.waiting import wait_for

SECONDS: Final = 60.0
TOPIC, GROUP = "refunds", "refunds-of-lambda"
_CONFIG: Final = """
kafka: [{{name: shop, bootstrap: [{servers}]}}]
kinesis:
  - name: mine
    regions: [us-east-1]
    access: {{endpoint_url: '{url}', access_key_id: AKIDEXAMPLE, secret_access_key: secret}}
    readers: {{functions: {{enabled: true, clusters: [{{source: {first}, kafka_cluster: shop}}]}}}}
"""
Found = dict[Metric, dict[tuple[str, ...], float]]


@pytest.fixture(scope="module")
def share_reader(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a member of a share group."""
    folder = tmp_path_factory.mktemp("share")
    return had(lambda: [*compiled(kafka_libs(KAFKA_VERSIONS[0]), folder, "ShareReader.java"), "ShareReader"])


@contextmanager
def targets(cluster: KafkaCluster) -> Iterator[list[Target]]:
    """The agent's sources of the cluster and of the functions; one of them reads its topic in queue mode."""
    servers = cluster.bootstrap.split(",")
    with ReferenceAws() as aws:
        source = {
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": servers}},
            "Topics": [TOPIC],
            "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": GROUP, "ConsumptionMode": "Queue"},
        }
        aws.do(lambda cloud, now: cloud.lambdas().add("refund", source, now))
        quoted = ", ".join(f"'{one}'" for one in servers)
        text = _CONFIG.format(servers=quoted, url=aws.url, first=f"'{servers[0]}'")
        config = parse(text, "test", Path())
        factory = TargetFactory(SystemClock(), (), lambda: config.sources)
        parts = [*factory.targets(config.kinesis[0], lambda: None), *factory.targets(config.kafka[0], lambda: None)]
        try:
            yield parts
        finally:
            for part in parts:
                part.source.close()


def look(parts: list[Target]) -> Found:
    """Read all, and return what is known by metric."""
    found: Found = {}
    for part in parts:
        now: Any = part.source.read()
        for samples in (one for each in part.collectors.values() for one in each.collect(now)):
            found.setdefault(samples.metric, {}).update(samples.known())
    return found


def joined(found: Found) -> dict[str, float]:
    """The lag of the groups that functions are, by function: what the labels in common join."""
    lags: dict[tuple[str, ...], float] = {
        (row[0], row[2], row[1]): value for row, value in found.get(g.GROUP_TOPIC_LAG, {}).items()
    }
    return {row[-1]: lags[row[3:6]] for row in found.get(r.UP, {}) if row[3:6] in lags}


def test_a_mapping_in_queue_mode_has_the_lag_of_its_share_group(
    cluster_43: KafkaCluster, share_reader: list[str]
) -> None:
    """What is in flight is left; what was delivered too often is left no more, and nobody says that it is lost."""
    cluster_43.create_topic(TOPIC, 1, 3)
    earliest = ("--add-config", "share.auto.offset.reset=earliest")
    cluster_43.tool("ConfigCommand", "--alter", "--entity-type", "groups", "--entity-name", GROUP, *earliest)
    cluster_43.send(TOPIC, 0, "accept", "accept", "release", "hold", "accept")

    with targets(cluster_43) as parts:
        with running(share_reader, cluster_43, GROUP, TOPIC):
            wait_for(lambda: joined(look(parts)).get("refund", 0) in {1, 2}, SECONDS, "some is in flight")
            found = look(parts)
            (row,) = found[r.UP]
            assert row[3:7] == ("shop", TOPIC, GROUP, "lambda")
            assert found[r.UP][row] == 1
            assert {(*of[2:], value) for of, value in found[r.STATE].items() if "share" in of} != set()
            assert found[g.GROUP_MEMBERS]["shop", GROUP] == 1
            assert not found.get(r.LAG_RECORDS), "it is the group's, and said once"

        with running(share_reader, cluster_43, GROUP, TOPIC, "accept"):
            wait_for(lambda: joined(look(parts)).get("refund") == 0, SECONDS, "all are done with")
            cluster_43.send(TOPIC, 0, *["release"] * 3)
        with running(share_reader, cluster_43, GROUP, TOPIC, "release"):
            cluster_43.send(TOPIC, 0, "release")
            wait_for(lambda: joined(look(parts)).get("refund") == 0, SECONDS, "each was delivered as often as allowed")
            assert not look(parts).get(r.LOST_RECORDS), "the brokers archive it, and count nothing"
