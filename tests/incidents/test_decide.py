"""The decision list as a whole."""

import re
from pathlib import Path
from typing import Final

import pytest

from streamwatch.incidents import own_words
from streamwatch.incidents.changes import ACTS
from streamwatch.incidents.decide import BRANCHES
from streamwatch.journal.kinds import KINDS
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.metric import Samples
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import load
from tests.incidents.knowing import Note, alert, first, incidents, kind

ROOM: Final = Path(own_words.__file__).parent
PACK: Final = {rule.name for group in load(sorted(pack_folder().glob("*.yml"))) for rule in group.rules if rule.alert}
NO_CAUSE: Final = frozenset({"StreamWatchWatchdog"})
"""Fires to show that the way to people is open."""
SYMPTOMS: Final = frozenset(
    {
        "KafkaUncleanElection",
        "KinesisConsumerLate",
        "KinesisStreamUnknown",
        "KafkaConnectMirrorCheckpointsStopped",
    }
)
"""Say that something is wrong, and nothing of why: no branch explains them yet."""


def test_each_alert_of_the_pack_is_known_to_the_list_and_the_list_knows_no_other() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in ROOM.glob("*.py"))
    named = set(re.findall(r'"((?:Kafka|Kinesis|Lambda|Msk|Reader|Redshift|StreamWatch)[A-Z]\w+)"', texts))
    assert named <= PACK
    assert PACK - named == NO_CAUSE | SYMPTOMS


def test_nothing_is_the_matter_where_nothing_fires_but_the_watchdog() -> None:
    assert incidents() == []
    assert incidents(alert("StreamWatchWatchdog", severity="none")) == []
    assert incidents(alert("KafkaBrokerDown").but(state="inactive")) == []
    assert len(incidents(alert("").but(labels=Labels()))) == 1


def test_every_alert_is_in_one_incident_and_an_unknown_one_too() -> None:
    known: list[Alert | Samples] = [
        alert("OfSomebody", colour="red"),
        alert("OfSomebody", colour="blue"),
        alert("KafkaGroupLagging", kafka_cluster="a"),
    ]
    found = incidents(*known)
    assert [kind(incident) for incident in found] == ["", ""]
    assert sorted(len(incident.alerts) for incident in found) == [1, 2]
    assert "The cause is not known: OfSomebody of red, and 1 more alert." in {incident.sentence for incident in found}


def test_without_a_cause_it_is_the_alert_that_is_told_whose_age_is_said() -> None:
    lagging = alert("KafkaGroupLagging", at=10.0, severity="warning", kafka_cluster="a", group="x")
    expiring = alert("KafkaGroupDataExpiring", at=70.0, kafka_cluster="a", group="y")
    incident = first(lagging, expiring)
    assert incident.sentence.startswith("The cause is not known: KafkaGroupDataExpiring")
    assert (incident.since, incident.holds_since) == (10.0, 70.0)


def test_what_is_pending_is_not_said_to_be_so() -> None:
    long = alert("KafkaReplicasOutOfSyncLong", state="pending", kafka_cluster="a", broker="2")
    long = long.but(annotations=(("summary", "Broker 2 of a has been out of sync for 15 minutes"),))
    assert first(long).sentence == (
        "The cause is not known. If it stays so: Broker 2 of a has been out of sync for 15 minutes."
    )
    assert first(long.but(state="firing")).sentence == (
        "The cause is not known: Broker 2 of a has been out of sync for 15 minutes."
    )


def test_an_alert_that_says_by_itself_what_is_the_matter_does_so_where_it_fires() -> None:
    soon = alert("KafkaConnectTasksUnassigned", state="pending", connect_cluster="sinks", connector="s3", topic="a")
    fires = alert("KafkaConnectTasksUnassigned", connect_cluster="sinks", connector="s3", topic="b")
    assert first(soon).sentence.startswith("If it stays so: KafkaConnectTasksUnassigned of sinks")
    assert first(soon, fires).sentence == "KafkaConnectTasksUnassigned of sinks s3 b."


def test_of_two_causes_of_one_id_the_one_that_goes_on_is_said_then_the_one_that_is_over() -> None:
    soon = alert("KafkaGroupAhead", state="pending", at=1000.0, kafka_cluster="a", group="x")
    never = alert("KafkaGroupNeverCommits", at=10.0, kafka_cluster="a", group="x")
    incident = first(soon, never)
    assert incident.sentence == "KafkaGroupNeverCommits of a x (1 group)."
    assert (incident.since, incident.holds_since, incident.runbook) == (10.0, 10.0, "KafkaGroupNeverCommits")
    assert {each.name for each in incident.alerts} == {"KafkaGroupAhead", "KafkaGroupNeverCommits"}
    ahead, over = soon.but(state="firing"), never.but(keep_firing_since=90.0)
    assert first(soon, over).sentence.startswith("Over since")
    assert first(ahead, over).sentence.startswith("KafkaGroupAhead")
    assert first(ahead.but(keep_firing_since=90.0), never).sentence.startswith("KafkaGroupNeverCommits")
    assert first(soon, never.but(state="pending")).sentence.startswith("If it stays so: KafkaGroupAhead")


def test_what_fires_comes_before_what_is_pending_and_the_worst_first() -> None:
    known: list[Alert | Samples] = [
        alert("KafkaGroupIdleMembers", severity="info", kafka_cluster="a", group="x"),
        alert("KafkaGroupStuck", state="pending", kafka_cluster="a", group="y", topic="t"),
        alert("KafkaGroupStuck", kafka_cluster="a", group="z", topic="t"),
    ]
    found = incidents(*known)
    assert [incident.id for incident in found] == ["reader_stands:a/z", "idle_members:a/x", "not known:a"]
    assert [incident.is_firing for incident in found] == [True, True, False]


def test_what_is_over_comes_after_all_that_goes_on() -> None:
    over = alert("KafkaGroupStuck", at=10.0, kafka_cluster="a", group="x", topic="t").but(keep_firing_since=90.0)
    found = incidents(
        over,
        alert("KafkaGroupIdleMembers", severity="warning", kafka_cluster="a", group="y"),
        alert("KafkaGroupStuck", state="pending", kafka_cluster="b", group="z", topic="t"),
    )
    assert [(incident.id, incident.is_firing, incident.is_over) for incident in found] == [
        ("idle_members:a/y", True, False),
        ("not known:b", False, False),
        ("reader_stands:a/x", True, True),
    ]
    late = alert("KafkaGroupLagging", kafka_cluster="a", group="x")
    assert not first(over, late).is_over, "what follows from it goes on"
    assert first(over, late.but(state="pending")).is_over


def test_an_alert_in_its_own_words() -> None:
    incident = first(alert("KafkaGroupIdleMembers", kafka_cluster="a", group="x"))
    assert incident.sentence == "KafkaGroupIdleMembers of a x (1 group)."
    assert incident.evidence == ("It is so.",)


def test_what_changed_in_the_minutes_before_is_shown_and_is_a_cause_where_nothing_else_is() -> None:
    late = alert("KafkaGroupLagging", at=1000.0, kafka_cluster="shop", group="x")
    early, near = Note(100.0, "topic", "x", "Old."), Note(900.0, "group.set_back", "x", "Somebody set group x back.")
    later, elsewhere = Note(1100.0, "topic", "x", "Later."), Note(950.0, "topic", "other", "Topic other was made.")
    incident = first(late, early, near, later, elsewhere)
    assert list(incident.changes) == [elsewhere, near]
    assert incident.sentence == "Somebody changed something: Somebody set group x back (1 group)."
    assert (incident.since, incident.holds_since) == (1000.0, near.at)
    assert kind(first(late, elsewhere)) == "", "what changed elsewhere is shown, and is no cause"
    follows = Note(950.0, "group.state", "x", "Group x is Empty instead of Stable.")
    assert kind(first(late, follows)) == "", "nobody made it: it came of what is wrong"
    made = Note(950.0, "topic.created", "x", "Topic x was created.")
    assert kind(first(late, made)) == "", "that it is there is not what is wrong with it"
    another = Note(950.0, "group.set_back", "x", "Somebody set group x of another cluster back.", source="other")
    assert not first(late, another).changes, "a group of this name in another cluster is another group"


def test_what_somebody_changed_of_one_group_does_not_explain_another() -> None:
    late = [alert("KafkaGroupLagging", at=1000.0, kafka_cluster="shop", group=name) for name in ("x", "y")]
    found = incidents(*late, Note(950.0, "group.set_back", "x", "Group x was set back."))
    assert [(incident.id, [each.labels["group"] for each in incident.alerts]) for incident in found] == [
        ("change:shop/x", ["x"]),
        ("not known:shop", ["y"]),
    ]


@pytest.mark.parametrize(
    "change",
    [
        Note(950.0, "topic.settings", "x", "Topic x has retention.ms=1h."),
        Note(950.0, "cluster.version", "shop", "The metadata version of shop is 4.3."),
        Note(950.0, "reassignment.started", "shop", "A reassignment began in shop."),
    ],
    ids=lambda change: change.kind,
)
def test_what_changed_of_another_thing_of_the_name_or_of_the_whole_cluster_is_no_cause(change: Note) -> None:
    late = alert("KafkaGroupLagging", at=1000.0, kafka_cluster="shop", group="x")
    incident = first(late, change)
    assert (kind(incident), list(incident.changes)) == ("", [change]), "it is shown, and may be so or not"


def test_what_changed_of_a_stream_of_another_region_is_no_cause() -> None:
    of = {"aws_account": "1", "aws_region": "eu-west-1", "stream": "clicks"}
    late = alert("KinesisReaderLate", of, at=1000.0)
    regions = ("eu-west-1", "us-east-1")
    here, there = (Note(950.0, "stream.shards", f"clicks in {region}", "It has 2.") for region in regions)
    assert kind(first(late, here)) == "change"
    assert kind(first(late, there)) == ""


@pytest.mark.parametrize(
    ("subject", "is_own"),
    [
        ("lambda orders in eu-west-1", True),
        ("firehose orders in eu-west-1", False),
        ("lambda orders in us-east-1", False),
        ("lambda orders:live in eu-west-1", False),
    ],
)
def test_what_changed_of_a_reader_of_another_kind_or_region_is_no_cause(subject: str, is_own: int) -> None:
    of = {"aws_account": "1", "aws_region": "eu-west-1", "stream": "clicks", "kind": "lambda", "reader": "orders"}
    late = alert("KinesisReaderLate", of, at=1000.0)
    assert kind(first(late, Note(950.0, "reader.settings", subject, "It has other settings."))) == "change" * is_own


def test_an_application_that_reads_two_streams_is_two_readers() -> None:
    of = {"aws_account": "1", "aws_region": "eu-west-1", "stream": "clicks", "kind": "kcl", "reader": "app"}
    late = alert("KinesisReaderLate", of, at=1000.0)
    for stream, cause in (("clicks", "change"), ("orders", "")):
        change = Note(950.0, "reader.settings", f"kcl app of {stream} in eu-west-1", "It has other settings.")
        assert kind(first(late, change)) == cause


def test_a_topic_of_another_cluster_is_no_cause_with_who_reads_one_of_that_name() -> None:
    of = {"aws_account": "1", "aws_region": "eu-west-1", "kafka_cluster": "shop", "topic": "orders"}
    late = alert("KinesisReaderLate", {**of, "kind": "lambda", "reader": "ship"}, at=1000.0)
    for cluster, cause in (("shop", "change"), ("other", "")):
        change = Note(950.0, "topic.settings", "orders", "Topic orders has other settings.", source=cluster)
        assert kind(first(late, change)) == cause


def test_what_somebody_does_is_among_what_the_journal_knows() -> None:
    assert KINDS.keys() >= ACTS


def test_each_branch_says_what_it_is_for() -> None:
    assert all(branch.__doc__ for branch in BRANCHES)


def test_what_is_over_is_said_to_be_while_its_alert_is_kept_firing() -> None:
    stuck = alert("KafkaGroupRebalancing", kafka_cluster="a", group="x")
    kept = stuck.but(keep_firing_since=1_800_000_000.0)
    late = alert("KafkaGroupLagging", kafka_cluster="a", group="x")
    words = "Group x of a rebalances again and again (1 group)."
    assert first(stuck, late).sentence == words
    assert first(kept, late).sentence == f"Over since 08:00:00Z: {words}", "that it is late follows, and is not over"
    assert (first(stuck, late).holds_since, first(kept, late).holds_since) == (100.0, 1_800_000_000.0)
    other = kept.but(labels=Labels({"alertname": kept.name, "kafka_cluster": "a", "group": "x", "topic": "t"}))
    assert first(kept, other.but(keep_firing_since=None)).sentence == words, "where one of them holds it goes on"
