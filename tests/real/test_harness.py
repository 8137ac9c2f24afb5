"""The harness proves itself: what it starts is real, and breaks and heals as asked."""

import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from tests.real import artefacts
from tests.real.auditing import found
from tests.real.certificates import Authority, Identity
from tests.real.clients import brokers_seen_by
from tests.real.conftest import had
from tests.real.java import ToolFailed
from tests.real.kafka import KafkaCluster, StartFailed
from tests.waiting import wait_for

Start = Callable[..., KafkaCluster]


@pytest.fixture
def cluster(cluster_43: KafkaCluster) -> Iterator[KafkaCluster]:
    yield cluster_43
    cluster_43.heal()


def under_replicated_in_jmx(cluster: KafkaCluster, broker: int) -> float:
    return cluster.jmx_value(broker, "kafka_server_ReplicaManager_Value", name="UnderReplicatedPartitions") or 0


def topics_of(settings: dict[str, object]) -> list[str]:
    with KafkaAdminClient(**settings) as client:
        return [str(topic) for topic in client.list_topics()]


def test_a_killed_broker_shows_in_jmx_and_in_the_tools_and_a_restart_heals(cluster: KafkaCluster) -> None:
    cluster.create_topic("killed", partitions=3, min_insync_replicas=2)
    cluster.produce("killed", 0, 50)
    own = {("killed", partition) for partition in range(3)}

    cluster.kill(2)
    wait_for(lambda: all(under_replicated_in_jmx(cluster, id_) for id_ in (1, 3)), 30, "seen in JMX")
    assert own <= cluster.under_replicated()
    assert own <= cluster.at_min_isr()
    assert not own & cluster.under_min_isr()

    cluster.kill(3)
    wait_for(lambda: own <= cluster.under_min_isr(), 30, "below the minimum")
    cluster.kill(1)
    cluster.restart(1)
    assert cluster.live_broker_ids == (1,)

    cluster.heal()
    wait_for(lambda: not cluster.under_replicated(), 30, "healed")
    assert not cluster.unavailable()
    assert cluster.log_dirs()[1, "killed", 0] >= 50 * 100


def test_a_node_maps_classes_that_were_read_once(cluster: KafkaCluster) -> None:
    assert [
        id_ for id_ in (1, 2, 3, 100) if "classes.jsa" not in Path(f"/proc/{cluster.pid(id_)}/maps").read_text()
    ] == []


def test_groups_are_described_as_kafka_sees_them(cluster: KafkaCluster) -> None:
    cluster.create_topic("read", partitions=2)
    cluster.produce("read", 0, 50)
    cluster.commit("idle", {("read", 0): 20})
    with cluster.consumer("classic", "read") as member, cluster.modern_consumer("new", "read"):
        wait_for(lambda: member.records == 50, 30, "all is read")
        member.hold()
        cluster.produce("read", 1, 7)
        groups = wait_for(lambda: settled(cluster), 30, "all is committed") or {}

    expected = {"idle": ("Empty", 0, 30), "classic": ("Stable", 1, 7), "new": ("Stable", 1, 0)}
    assert {name: groups[name] for name in expected} == expected, "whatever other tests have left"


def settled(cluster: KafkaCluster) -> dict[str, tuple[str, int, int]] | None:
    """State, members and lag of every group, once the live ones have committed all they read."""
    said = cluster.describe_groups()
    lag = {group: sum(lag or 0 for (of, *_), lag in said.lag.items() if of == group) for group in said.states}
    if (lag.get("classic"), lag.get("new")) != (7, 0):
        return None
    return {group: (said.states[group], said.members[group], lag[group]) for group in said.states}


def test_requests_are_counted_per_api(cluster: KafkaCluster) -> None:
    before = cluster.requests_per_api()
    cluster.create_topic("counted")
    cluster.produce("counted", 0, 1)
    assert cluster.requests_per_api()["Produce"] == before["Produce"] + 1
    assert cluster.requests_per_api()["CreateTopics"] >= before["CreateTopics"] + 1


def test_a_paused_broker_accepts_connections_and_does_not_answer(cluster: KafkaCluster) -> None:
    port = int(cluster.address(3).rpartition(":")[2])
    assert brokers_seen_by(port) == {1, 2, 3}
    cluster.pause(3)
    with socket.create_connection(("127.0.0.1", port)):
        assert brokers_seen_by(port) == set()
    assert cluster.live_broker_ids == (1, 2)
    cluster.resume(3)
    wait_for(lambda: brokers_seen_by(port) == {1, 2, 3}, 30, "it answers again")


def test_without_its_controller_a_cluster_has_no_active_one_until_it_is_back(cluster: KafkaCluster) -> None:
    assert cluster.active_controller() == 100
    cluster.kill_controller()
    assert cluster.active_controller() is None
    cluster.restart_controller()
    assert cluster.active_controller() == 100


def test_kafka_39_starts_with_kraft_though_somebody_has_its_controllers_port_at_first() -> None:
    cluster = had(lambda: KafkaCluster(version="3.9.2", brokers=1))
    holder = socket.create_server(("127.0.0.1", int(cluster.controller_address(100).rpartition(":")[2])))
    with ThreadPoolExecutor(1) as beside:
        seen = beside.submit(wait_for, lambda: cluster.restarts["controller 100"], 60, "the controller starts again")
        seen.add_done_callback(lambda _: holder.close())
        with cluster:
            cluster.create_topic("old", replication=1)
            cluster.commit("idle", {("old", 0): 0})
            assert cluster.describe_groups().states == {"idle": "Empty"}
        seen.result()


def test_kafka_28_starts_with_zookeeper_and_a_killed_broker_comes_back(kafka_cluster: Start) -> None:
    cluster = kafka_cluster(version="2.8.2", brokers=2)
    cluster.create_topic("older", replication=2)
    cluster.kill(2)
    wait_for(lambda: under_replicated_in_jmx(cluster, 1), 30, "seen in JMX")
    assert ("older", 0) in cluster.under_replicated()
    cluster.restart(2)
    wait_for(lambda: not cluster.under_replicated(), 30, "healed")


def test_combined_nodes_in_racks_elect_one_of_them(kafka_cluster: Start) -> None:
    cluster = kafka_cluster(combined=True, racks=("a", "b", "b"), properties={"num.partitions": "5"})
    assert cluster.active_controller() in cluster.broker_ids
    said = cluster.tool("ConfigCommand", "--describe", "--all", "--entity-type", "brokers", "--entity-name", "2")
    assert "broker.rack=b " in said
    assert "num.partitions=5 " in said

    place = ("--replica-assignment", "2:3", "--config", "min.insync.replicas=1")
    cluster.tool("TopicCommand", "--create", "--topic", "audit-close", *place)
    findings, _ = found(cluster)
    assert findings == {("one-rack", "close"), ("min-isr-one", "close")}


def test_scram_over_tls_lets_the_right_password_in_and_no_other(kafka_cluster: Start) -> None:
    cluster = kafka_cluster(brokers=1, combined=True, security="SASL_SSL", authorizer=True)
    cluster.create_topic("secret", replication=1)

    assert topics_of(cluster.client_settings()) == []
    cluster.add_acl("User:agent", "Describe", "--topic", "*")
    wait_for(lambda: topics_of(cluster.client_settings()) == ["secret"], 10, "the right is known")
    assert cluster.tool_as(cluster.login(), "TopicCommand", "--list").split() == ["secret"]
    with pytest.raises(ToolFailed, match="Authentication failed"):
        cluster.tool_as(cluster.login(password="wrong"), "TopicCommand", "--list")


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"])
def test_every_mechanism_lets_its_user_in(sasl_cluster: KafkaCluster, mechanism: str) -> None:
    settings = sasl_cluster.client_settings(sasl_cluster.login(mechanism=mechanism))
    assert topics_of(settings) == ["open"]


@pytest.fixture(scope="module")
def sasl_cluster(kafka_cluster_module: Start) -> KafkaCluster:
    mechanisms = ("PLAIN", "SCRAM-SHA-256", "OAUTHBEARER")
    cluster = kafka_cluster_module(
        brokers=1, combined=True, security="SASL_PLAINTEXT", mechanisms=mechanisms, reauth_ms=60_000
    )
    cluster.create_topic("open", replication=1)
    return cluster


def test_a_client_certificate_is_asked_for_and_believed(kafka_cluster: Start) -> None:
    users = {"authorizer": True, "super_users": ("User:CN=agent",)}
    cluster = kafka_cluster(brokers=1, combined=True, security="SSL", mtls=True, **users)
    cluster.create_topic("certified", replication=1)
    assert topics_of(cluster.client_settings()) == ["certified"]
    assert cluster.tool_as(cluster.login(), "TopicCommand", "--list").split() == ["certified"]
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
        say_hello(cluster, Authority(cluster.folder, "another-ca").issue("stranger"))


def say_hello(cluster: KafkaCluster, identity: Identity) -> None:
    assert cluster.trust is not None
    context = ssl.create_default_context(cafile=cluster.trust.authority)
    context.load_cert_chain(identity.certificate, identity.key)
    port = int(cluster.bootstrap.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as channel,
    ):
        channel.recv(1)


def test_a_node_that_cannot_start_says_why(kafka_cluster: Start) -> None:
    with pytest.raises(StartFailed, match=r"ended\n(.*\n)*.*no\.such\.Authorizer"):
        kafka_cluster(brokers=1, combined=True, properties={"authorizer.class.name": "no.such.Authorizer"})


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_server_ends_with_the_session_even_when_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.real.processes import Server;"
        "server = Server('sleeper', ['sleep', '600'], Path(sys.argv[1]) / 'log'); server.start();"
        "print(server.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as session:
        assert session.stdout is not None
        sleeper = int(session.stdout.readline())
        assert alive(sleeper)
        session.kill()
        wait_for(lambda: not alive(sleeper), 10, "the server is gone")


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


def test_promtool_is_there(promtool: Path) -> None:
    said = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=True)
    assert "promtool, version 2" in said.stdout + said.stderr


def test_a_missing_part_is_a_reason_and_not_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMWATCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(artefacts.Unavailable, match="mvn is not installed"):
        artefacts.kafka_libs("4.3.0")
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == [], "nothing that is half made"
