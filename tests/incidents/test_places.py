"""Which changes stand before an incident: those of its thing and its place, not those of elsewhere."""

from collections.abc import Mapping
from typing import Final

import pytest

from streamwatch.catalogue import kafka_connect as c
from streamwatch.catalogue import readers as r
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from tests.incidents.knowing import PLACE, STREAM, Note, alert, first, samples

CONNECT: Final = {"aws_account": "1", "aws_region": "eu-west-1", "kafka_cluster": "reference", "kind": "msk_connect"}
HERE: Final = "eu-west-1"
AGENT: Final = (
    Note(950.0, "agent.started", "agent", "StreamWatch started.", source="streamwatch"),
    Note(951.0, "silence.created", "1", "Silence 1 was made.", source="streamwatch"),
)
SINK: Final = alert("KinesisReaderDown", {**CONNECT, "reader": "sink"}, at=1000.0)
PIPE: Final = alert("KinesisReaderDown", {**STREAM, "kind": "pipes", "reader": "ship"}, at=1000.0)
READERS: Final = {
    "app": (*PLACE, "", "", "", "kcl", "app"),
    "beside": (*PLACE, "", "", "", "lambda", "beside"),
    "far": ("1", HERE, "clicks", "", "", "", "lambda", "far"),
    "taker": ("1", HERE, "", "reference", "orders", "g", "lambda", "taker"),
}
STATES: Final = samples(r.STATE, {(*row, "", "running"): 1.0 for row in READERS.values()})


def topic(cluster: str, name: str = "orders", at: float = 960.0) -> Note:
    return Note(at, "topic.created", name, f"Topic {name} of {cluster} was created.", source=cluster)


def of_reader(subject: str) -> Note:
    return Note(970.0, "reader.state", subject, f"{subject} is disabled.", source="prod/lambda")


def of_stream(subject: str) -> Note:
    return Note(980.0, "stream.shards", subject, f"{subject} has 2 shards.", source="prod")


@pytest.mark.parametrize(
    ("failed", "change", "is_shown"),
    [
        (SINK, topic("reference"), True),
        (SINK, topic("shop"), False),
        (SINK, of_stream(f"purchases in {HERE}"), False),
        (SINK, of_reader(f"kcl app of purchases in {HERE}"), False),
        (SINK, of_reader(f"msk_connect sink in {HERE}"), True),
        (SINK, of_reader(f"lambda taker in {HERE}"), True),
        (SINK, of_reader(f"lambda far in {HERE}"), False),
        (PIPE, topic("shop"), False),
        (PIPE, of_stream(f"purchases in {HERE}"), True),
        (PIPE, of_stream("purchases in us-east-1"), False),
        (PIPE, of_stream(f"clicks in {HERE}"), False),
        (PIPE, of_stream(f"a in {HERE}, b in {HERE} and 19 more"), True),
        (PIPE, of_reader(f"pipes ship in {HERE}"), True),
        (PIPE, of_reader(f"kcl app of purchases in {HERE}"), True),
        (PIPE, of_reader(f"kcl app of clicks in {HERE}"), False),
        (PIPE, of_reader(f"lambda beside in {HERE}"), True),
        (PIPE, of_reader(f"lambda far in {HERE}"), False),
        (PIPE, of_reader(f"lambda gone in {HERE}"), True),
        (PIPE, of_reader("lambda gone in us-east-1"), False),
        (alert("StreamWatchBlind", source="prod/kcl", at=1000.0), topic("shop"), False),
        (alert("StreamWatchBlind", source="prod/kcl", at=1000.0), of_stream(f"purchases in {HERE}"), True),
        (alert("StreamWatchRulesLate", rule_group="x", at=1000.0), topic("shop"), True),
        (
            alert("MskReplicatorFailing", {**CONNECT, "kind": "msk_replicator", "reader": "r"}, at=1000.0),
            topic("b"),
            True,
        ),
    ],
    ids=lambda value: value.sentence if isinstance(value, Note) else value.name if isinstance(value, Alert) else "",
)
def test_what_changed_elsewhere_does_not_stand_before_an_incident(
    failed: Alert,
    change: Note,
    is_shown: bool,  # noqa: FBT001 - a column of the table
) -> None:
    shown = set(first(failed, change, *AGENT, STATES).changes)
    assert shown == {*AGENT, *([change] if is_shown else [])}


def test_a_connector_is_in_its_own_cluster_and_in_those_of_its_topics() -> None:
    labels: Mapping[str, str] = {"connect_cluster": "connect", "kafka_cluster": "reference", "connector": "mirror"}
    failed = alert("KafkaConnectConnectorFailed", labels, at=1000.0)
    names: Samples = samples(c.CONNECTOR_TOPIC, {("connect", "source", "mirror", "orders", "name"): 1.0})
    changes = [topic("reference"), topic("source", at=961.0), topic("shop", at=962.0)]
    assert list(first(failed, names, *changes).changes) == [changes[1], changes[0]]


def test_what_is_of_the_very_thing_comes_first_however_many_others_there_are() -> None:
    own = Note(940.0, "reader.state", f"msk_connect sink in {HERE}", "It is disabled.", source="prod/msk_connect")
    others = [topic("reference", f"t{at}", 960.0 + at) for at in range(9)]
    assert next(iter(first(SINK, own, *others).changes)) == own
