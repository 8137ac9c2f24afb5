"""The reference cluster is a Kafka to every client: the table of docs/reference.md, made by doing it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kafka.spec import Release, Spec
from tests.real.conftest import had
from tests.real.reference_clients import CANNOT, CAPABILITIES, CLIENTS, PARTITIONS, KafkaPython, KafkaTools, Librdkafka
from tests.reference.acting import QUICK

# kafka-python leaves a socket to the collector when a coordinator moves while it connects: on slow machines.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
VALUES = [f"value-{i}" for i in range(200)]
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference.md"


@pytest.fixture(scope="module")
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings={**QUICK, "group.initial.rebalance.delay.ms": "0"})) as running:
        yield running


@pytest.fixture(autouse=True)
def no_broker_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A handler that crashes closes the connection, and clients try again: it must not go unseen."""
    yield
    failed = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert [one.getMessage() for one in failed if one.name.startswith("streamwatch.reference")] == []


@pytest.mark.parametrize("client", list(CLIENTS))
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_a_client_can(client: str, capability: str, kafka: ReferenceKafka, tmp_path: Path) -> None:
    if (client, capability) in CANNOT:
        return
    one = had(lambda: CLIENTS[client](kafka.bootstrap, tmp_path))
    other = KafkaPython(kafka.bootstrap)
    name = "".join(letter for letter in f"{client}-{capability}" if letter.isalnum() or letter == "-")
    if capability == "administer":
        assert one.administer(name) == "1234567"
        return
    kafka.do(lambda site, now: _make_topic(site, name, now))
    if capability == "produce":
        one.produce(name, VALUES)
        assert sorted(other.consume(name, "check", len(VALUES))) == sorted(VALUES)
    elif capability == "consume in a group":
        other.produce(name, VALUES)
        assert sorted(one.consume(name, f"{name}-readers", len(VALUES))) == sorted(VALUES)
        committed = kafka.do(lambda site, _: dict(site.groups.offsets.of(f"{name}-readers")))
        assert sum(offset.offset for offset in committed.values()) == len(VALUES)
    else:
        assert one.share(name, f"{name}-readers") == [PARTITIONS // 2] * 2


def _make_topic(site: Site, name: str, now: float) -> None:
    topics.create(site.cluster, name, topics.assign(site.cluster, PARTITIONS, 3), {"min.insync.replicas": "2"}, now)


def test_transactions_commit_and_abort(kafka: ReferenceKafka) -> None:
    kafka.do(lambda site, now: _make_topic(site, "transacted", now))
    kept, offset = Librdkafka(kafka.bootstrap, "classic").transact("transacted", "transactors")

    assert (kept, offset) == (10, 7)


def test_the_rest_of_kafkas_tools(kafka: ReferenceKafka, tmp_path: Path) -> None:
    tools = had(lambda: KafkaTools(kafka.bootstrap, tmp_path))
    kafka.do(lambda site, now: _make_topic(site, "tools", now))
    tools.produce("tools", VALUES)
    moved = tmp_path / "move.json"
    moved.write_text('{"version": 1, "partitions": [{"topic": "tools", "partition": 0, "replicas": [3, 1, 2]}]}')

    assert "offsetLag" in tools.run("LogDirsCommand", "--describe")
    assert "tools:0:" in tools.run("org.apache.kafka.tools.GetOffsetShell", "--topic", "tools")
    tools.run("ReassignPartitionsCommand", "--reassignment-json-file", str(moved), "--execute")
    assert "is completed" in tools.run("ReassignPartitionsCommand", "--reassignment-json-file", str(moved), "--verify")
    tools.run("LeaderElectionCommand", "--election-type", "preferred", "--topic", "tools", "--partition", "0")
    assert "Leader: 3" in tools.run("TopicCommand", "--describe", "--topic", "tools").splitlines()[1]
    assert "LeaderId:" in tools.run("org.apache.kafka.tools.MetadataQuorumCommand", "describe", "--status")
    ran = tools.run("ProducerPerformance", "--topic", "tools", "--num-records", "5000", "--record-size", "100",
                    "--throughput", "-1", "--command-property", "acks=all")  # fmt: skip
    assert "5000 records sent" in ran
    read = tools.run("org.apache.kafka.tools.ConsumerPerformance", "--topic", "tools", "--num-records", "5000")
    assert int(read.splitlines()[1].split(",")[4]) >= 5000
    sent = tools.run("VerifiableProducer", "--topic", "tools", "--max-messages", "20", "--acks", "-1")
    assert '"acked":20' in sent
    quota = ("--entity-type", "clients", "--entity-name", "slow")
    tools.run("ConfigCommand", "--alter", *quota, "--add-config", "producer_byte_rate=1024")
    assert "producer_byte_rate=1024" in tools.run("ConfigCommand", "--describe", *quota)


@pytest.mark.parametrize(
    ("version", "release"),
    [("2.8.2", (2, 8)), ("3.9.2", (3, 9)), ("2.8.2", (3, 6)), ("4.3.0", (2, 8)), ("3.9.2", (4, 3))],
)
def test_tools_of_one_release_work_on_a_persona_of_another(version: str, release: Release, tmp_path: Path) -> None:
    with ReferenceKafka(Spec(release=release, settings=QUICK | {"group.initial.rebalance.delay.ms": "0"})) as kafka:
        tools = had(lambda: KafkaTools(kafka.bootstrap, tmp_path, version=version))
        tools.run("TopicCommand", "--create", "--topic", "old", "--partitions", "2", "--replication-factor", "3")
        KafkaPython(kafka.bootstrap).produce("old", VALUES)
        assert sorted(tools.consume("old", "old-readers", len(VALUES))) == sorted(VALUES)
        assert "old-readers" in tools.run("ConsumerGroupCommand", "--describe", "--group", "old-readers")
        assert "offsetLag" in tools.run("LogDirsCommand", "--describe")


def table() -> str:
    """The table of clients against capabilities; every cell without a dash is a test above."""
    lines = [f"| client | {' | '.join(CAPABILITIES)} |", "|---" * (len(CAPABILITIES) + 1) + "|"]
    for client in CLIENTS:
        cells = ["-" if (client, one) in CANNOT else "yes" for one in CAPABILITIES]
        lines.append(f"| {client} | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_documented_table_is_that_of_these_tests() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8"), f"write this into docs/reference.md:\n{table()}"
