"""The check-up of one cluster, on brokers that answer from a truth."""

import asyncio

from streamwatch.model.finding import Finding
from streamwatch.sources.kafka import Config
from streamwatch.sources.kafka.doctor import examine
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth
from tests.sources.kafka.preparing import truth

_BROKER_REGISTRATION = 62


def findings(*bootstrap: str, **settings: str) -> list[Finding]:
    """Return what a check-up finds."""

    async def run() -> list[Finding]:
        config = Config(name="prepared", bootstrap=servers(bootstrap), connect_timeout=1.0, **settings)  # type: ignore[arg-type]
        return [finding async for finding in examine(config)]

    return asyncio.run(run())


def of(found: list[Finding], target: str, step: str) -> list[Finding]:
    return [one for one in found if one.target.endswith(target) and one.step == step]


def test_a_healthy_cluster_passes_and_says_who_it_is() -> None:
    with PreparedCluster(truth()) as cluster:
        found = findings(*cluster.bootstrap)

    assert {one.verdict for one in found} == {"ok"}
    assert [one.detail for one in found if one.step == "cluster"] == ["id prepared"] * 3


def test_a_controllers_port_is_named() -> None:
    with PreparedCluster(truth(missing={"Metadata"}, more={_BROKER_REGISTRATION})) as cluster:
        (failed,) = of(findings(cluster.bootstrap[0]), cluster.bootstrap[0], "kafka")

    assert failed.verdict == "failed"
    assert "a KRaft controller's port: use a broker's listener" in failed.detail
    assert "broker's listener" in failed.remedy


def test_what_is_no_kafka_of_ours_is_not_taken_for_a_controller() -> None:
    with PreparedCluster(truth(missing={"Metadata"})) as cluster:
        (failed,) = of(findings(cluster.bootstrap[0]), cluster.bootstrap[0], "kafka")

    assert "Kafka 2.8 or later is needed" in failed.detail


def test_a_bootstrap_server_of_another_cluster_fails() -> None:
    with PreparedCluster(truth()) as cluster, PreparedCluster(Truth({"t": 1}, cluster_id="another")) as other:
        found = findings(cluster.bootstrap[0], other.bootstrap[1])

    (failed,) = of(found, other.bootstrap[1], "cluster")
    assert failed.verdict == "failed"
    assert "another cluster (id 'another')" in failed.detail
    assert "`cluster_id`" in failed.remedy
    assert [one.verdict for one in of(found, cluster.bootstrap[0], "cluster")] == ["ok"]


def test_a_configured_id_is_checked() -> None:
    with PreparedCluster(truth()) as cluster:
        found = findings(cluster.bootstrap[0], cluster_id="configured")

    assert [one.verdict for one in found if one.step == "cluster"] == ["failed"]


def test_what_an_api_answers_has_its_own_name() -> None:
    codes = {"DescribeQuorum partition": -1, "DescribeGroups": 42, "DescribeLogDirs directory": 56, "ListGroups": 31}
    with PreparedCluster(truth(codes=codes)) as cluster:
        found = {one.step: (one.verdict, one.detail) for one in findings(cluster.bootstrap[0])}

    assert found["DescribeQuorum"] == ("warning", "UNKNOWN_SERVER_ERROR (-1)")
    assert found["DescribeGroups"] == ("warning", "INVALID_REQUEST (42)")
    assert found["DescribeLogDirs"] == ("warning", "KAFKA_STORAGE_ERROR (56)")
    assert found["ListGroups"] == ("failed", "CLUSTER_AUTHORIZATION_FAILED (31)")
