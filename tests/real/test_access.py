"""The doors of a real cluster: each kind of lock opens, and what does not open says why."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.model.finding import Finding
from streamwatch.settings.types import Secret
from streamwatch.sources.kafka import Config, check_up
from streamwatch.sources.kafka.config import KafkaTls, Pulse, Sasl
from tests.addresses import servers
from tests.real.access import unsecured_token
from tests.real.kafka import KafkaCluster
from tests.real.seeing import eyes
from tests.waiting import wait_for

MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER")
PASSWORD = "agent-secret"


@pytest.fixture(scope="module")
def locked(kafka_cluster_module: Callable[..., KafkaCluster]) -> KafkaCluster:
    cluster = kafka_cluster_module(
        brokers=1, security="SASL_SSL", mechanisms=MECHANISMS, authorizer=True, reauth_ms=2000
    )
    cluster.create_topic("secret-orders", 2, 1)
    cluster.produce("secret-orders", 0, 4)
    cluster.commit("secret-readers", {("secret-orders", 0): 1})
    return cluster


@pytest.fixture
def allowed(locked: KafkaCluster) -> Iterator[KafkaCluster]:
    """The agent may describe everything, and nothing more."""
    for operation, resource in (
        ("Describe", ("--cluster",)),
        ("Describe", ("--topic", "*")),
        ("DescribeConfigs", ("--topic", "*")),
        ("Describe", ("--group", "*")),
    ):
        locked.add_acl("User:agent", operation, *resource)
    return locked  # type: ignore[return-value]


def config(cluster: KafkaCluster, tmp_path: Path, mechanism: str = MECHANISMS[0], **changes: Any) -> Config:
    assert cluster.trust is not None
    token = tmp_path / "token"
    token.write_text(unsecured_token("agent"))
    sasl = Sasl(mechanism=mechanism, username="agent", password=Secret(PASSWORD), token_file=str(token))  # type: ignore[arg-type]
    plain: dict[str, Any] = {
        "name": "locked",
        "bootstrap": servers(cluster.bootstrap.split(",")),
        "tls": KafkaTls(ca_file=str(cluster.trust.authority)),
        "sasl": sasl,
        "pulse": Pulse(interval=0.2, deadline=2.0),
    }
    return Config(**(plain | changes))


def settings(one: Config) -> dict[str, Any]:
    return {"bootstrap": one.bootstrap, "tls": one.tls, "sasl": one.sasl, "pulse": one.pulse}


def findings(one: Config) -> dict[str, Finding]:
    found: list[Finding] = []
    check_up(one, found.append)
    return {finding.step: finding for finding in found}


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_opens_and_sees_everything(allowed: KafkaCluster, tmp_path: Path, mechanism: str) -> None:
    with eyes(allowed, **settings(config(allowed, tmp_path, mechanism))) as seen:
        now = seen.look()

        assert now.problems == ()
        assert seen.values(k.TOPIC_END_OFFSET)["secret-orders"] == 4
        assert seen.values(g.GROUP_LAG)["secret-readers"] == 3
        assert seen.value(k.ACTIVE_CONTROLLERS) == 1
        assert seen.values(k.TOPIC_RETENTION_SECONDS)["secret-orders"] == 604800


def test_a_session_is_authenticated_anew_before_it_ends(
    allowed: KafkaCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker cuts a session that is used after two seconds without authenticating anew."""
    caplog.set_level(logging.INFO)
    with eyes(allowed, **settings(config(allowed, tmp_path))) as seen:
        seen.look()
        before = next(c.requests for c in seen.look().requests if c.api == "Metadata" and c.broker == "1")

        def pulses() -> bool:
            counts = {(c.api, c.broker): c.requests for c in seen.look().requests}
            return counts["Metadata", "1"] > before + 50

        wait_for(pulses, 60, "many sessions' worth of pulses")
        assert "broker down" not in caplog.text
    assert PASSWORD not in caplog.text


def test_the_doctor_finds_nothing_wrong_where_all_is_well(allowed: KafkaCluster, tmp_path: Path) -> None:
    found = findings(config(allowed, tmp_path))

    not_needed = {"DescribeProducers", "DescribeTransactions"}
    assert {step for step, finding in found.items() if finding.verdict != "ok"} == not_needed
    assert {found[step].verdict for step in not_needed} == {"skipped"}
    assert found.keys() >= {"name", "tcp", "tls", "kafka", "login", "Metadata", "DescribeLogDirs", "DescribeConfigs"}


def test_the_doctor_tells_a_wrong_password(allowed: KafkaCluster, tmp_path: Path) -> None:
    right = config(allowed, tmp_path)
    assert right.sasl is not None
    found = findings(replace(right, sasl=replace(right.sasl, password=Secret("wrong-guess"))))

    assert found["tls"].verdict == "ok"
    assert found["login"].verdict == "failed"
    assert "refused" in found["login"].detail
    assert "password" in found["login"].remedy
    assert "wrong-guess" not in str(found)


def test_the_doctor_tells_an_untrusted_certificate(allowed: KafkaCluster, tmp_path: Path) -> None:
    found = findings(config(allowed, tmp_path, tls=KafkaTls()))

    assert found["tcp"].verdict == "ok"
    assert found["tls"].verdict == "failed"
    assert "not trusted" in found["tls"].detail
    assert "ca_file" in found["tls"].remedy


def test_the_doctor_tells_a_missing_login(allowed: KafkaCluster, tmp_path: Path) -> None:
    found = findings(config(allowed, tmp_path, sasl=None))

    assert found["login"].verdict == "failed"
    assert "sasl" in found["login"].detail + found["login"].remedy


def test_the_doctor_tells_a_listener_that_wants_tls(allowed: KafkaCluster, tmp_path: Path) -> None:
    found = findings(config(allowed, tmp_path, tls=None))

    assert found["tcp"].verdict == "ok"
    assert found["kafka"].verdict == "failed"
    assert "TLS" in found["kafka"].detail + found["kafka"].remedy


# asyncio leaves a TLS handshake that ran out of time to the collector, if its loop ends then: on slow machines.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_doctor_tells_each_missing_right(locked: KafkaCluster, tmp_path: Path) -> None:
    """The user bob may log in, and nothing else."""
    right = config(locked, tmp_path, "OAUTHBEARER")
    assert right.sasl is not None
    Path(right.sasl.token_file or "").write_text(unsecured_token("bob"))
    found = findings(right)

    assert found["login"].verdict == "ok"
    assert found["Metadata"].verdict == "warning"
    assert "DESCRIBE on topics" in found["Metadata"].remedy
    for step in ("DescribeCluster", "DescribeQuorum", "DescribeLogDirs", "ListPartitionReassignments"):
        assert found[step].verdict == "failed", step
        assert "DESCRIBE on the cluster" in found[step].remedy
    of_groups = ("ConsumerGroupDescribe", "ShareGroupDescribe", "StreamsGroupDescribe", "DescribeShareGroupOffsets")
    for step in ("DescribeGroups", "OffsetFetch", *of_groups):
        assert found[step].verdict == "failed", step
        assert "DESCRIBE on groups" in found[step].remedy


def test_a_missing_right_costs_its_own_share_of_a_read(locked: KafkaCluster, tmp_path: Path) -> None:
    right = config(locked, tmp_path, "OAUTHBEARER")
    assert right.sasl is not None
    Path(right.sasl.token_file or "").write_text(unsecured_token("eve"))
    locked.add_acl("User:eve", "Describe", "--topic", "secret-orders")
    with eyes(locked, **settings(right)) as seen:
        now = seen.look()

        assert seen.values(k.TOPIC_END_OFFSET) == {"secret-orders": 4}
        assert seen.values(k.BROKER_UP) == {"1": 1}
        assert seen.value(k.ACTIVE_CONTROLLERS) is None, "unknown, not zero"
        assert seen.value(k.REASSIGNING_PARTITIONS) is None
        assert seen.values(k.BROKER_UNDER_MIN_ISR) == {}, "the setting may not be read"
        assert {problem.reason for problem in now.problems} == {"denied"}


def test_a_client_certificate_opens_a_listener_that_asks_for_one(
    kafka_cluster: Callable[..., KafkaCluster],
) -> None:
    cluster = kafka_cluster(brokers=1, security="SSL", mtls=True)
    assert cluster.trust is not None
    client, trusted = cluster.trust.client, str(cluster.trust.authority)
    shown = KafkaTls(ca_file=trusted, cert_file=str(client.certificate), key_file=str(client.key))
    with eyes(cluster, tls=shown) as seen:
        seen.look()
        assert seen.values(k.BROKER_UP) == {"1": 1}

    bootstrap = servers(cluster.bootstrap.split(","))
    found = findings(Config(name="mtls", bootstrap=bootstrap, tls=KafkaTls(ca_file=trusted)))
    broken = [finding for finding in found.values() if finding.verdict == "failed"]
    assert len(broken) == 1
    assert "certificate" in broken[0].detail + broken[0].remedy
