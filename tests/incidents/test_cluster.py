"""Causes in a Kafka cluster."""

import pytest

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_controllers as q
from streamwatch.catalogue import msk as m
from streamwatch.incidents.answer import answer
from streamwatch.incidents.incident import Cause, Incident
from streamwatch.incidents.message import message
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from tests.incidents.knowing import Note, alert, first, incidents, kind, names, samples

SHOP = {"kafka_cluster": "shop"}


def up(**brokers: int) -> Samples:
    return samples(k.BROKER_UP, {("shop", name.removeprefix("b")): float(is_up) for name, is_up in brokers.items()})


def test_a_broker_that_does_not_answer_is_the_cause_of_what_follows() -> None:
    known: list[Alert | Samples] = [
        alert("KafkaBrokerDown", SHOP, broker="2", severity="warning"),
        alert("KafkaUnreachablePartitions", SHOP, at=110.0),
        alert("KafkaReplicasOutOfSync", SHOP, broker="2", at=120.0),
        up(b1=1, b2=0, b3=1),
        samples(k.UNREACHABLE_PARTITIONS, {("shop",): 12.0}),
        samples(m.OPERATIONS, {("shop", "REBOOT_NODE"): 1.0}),
        alert("StreamWatchPartlyBlind", source="shop", scope="groups"),
    ]
    incident = first(*known)
    assert (incident.id, kind(incident)) == ("broker:shop/2", "broker")
    assert incident.sentence == "Broker 2 of shop does not answer (12 partitions)."
    assert incident.evidence == (
        "1 of 3 brokers does not answer the agent",
        "12 partitions led by a broker that does not answer",
        "MSK works on shop now: this may be its restart",
    )
    assert incident.since == 100.0
    assert set(names(incident)) == {
        "KafkaBrokerDown",
        "KafkaUnreachablePartitions",
        "KafkaReplicasOutOfSync",
        "StreamWatchPartlyBlind",
    }


def test_a_cause_is_as_old_as_it_is_itself_and_not_as_what_hangs_below_it() -> None:
    lagged = alert("KafkaReplicasOutOfSync", SHOP, broker="2", at=100.0)
    incident = first(lagged, alert("KafkaBrokerDown", SHOP, broker="2", at=340.0), up(b1=1, b2=0, b3=1))
    assert incident.sentence == "Broker 2 of shop does not answer."
    assert (incident.since, incident.holds_since) == (100.0, 340.0)
    assert first(lagged, up(b1=1, b2=0, b3=1)).holds_since == 100.0, "nothing says since when"

    downs = [alert("KafkaBrokerDown", SHOP, broker=broker, at=at) for broker, at in (("1", 400.0), ("2", 340.0))]
    several = alert("KafkaSeveralBrokersDown", SHOP, at=380.0)
    assert first(lagged, *downs, several, up(b1=0, b2=0, b3=1)).holds_since == 400.0, "both are since the last is"
    assert first(lagged, downs[1], several, up(b1=0, b2=0, b3=1)).holds_since == 380.0


def test_a_broker_answers_again_since_it_came_back() -> None:
    down = first(alert("KafkaBrokerDown", SHOP, broker="2", at=40.0), up(b1=1, b2=0, b3=1))
    assert down.cause is not None
    known: list[Alert | Samples] = [
        alert("KafkaReplicasOutOfSync", SHOP, broker="2", at=50.0),
        samples(k.BROKER_OUT_OF_SYNC, {("shop", "2"): 6.0}),
        up(b1=1, b2=1, b3=1),
    ]
    notes = [Note(at, "broker.back", broker, "It is back.") for at, broker in ((10.0, "2"), (90.0, "2"), (95.0, "3"))]
    back = first(*known, *notes, before=(down.cause,))
    assert back.sentence.startswith("Broker 2 of shop answers again")
    assert (back.since, back.holds_since) == (50.0, 90.0)
    assert first(*known, before=(down.cause,)).holds_since == 50.0, "nobody saw when"


def test_nobody_has_to_start_a_broker_that_answers_again() -> None:
    remedies = {"KafkaBrokerDown": "Start it again.", "KafkaLogDirOffline": "Replace the disk."}
    again = alert("StreamWatchPartlyBlind", source="shop", scope="groups"), up(b1=1, b2=1, b3=1)
    down = alert("KafkaBrokerDown", SHOP, broker="2"), up(b1=1, b2=0, b3=1)
    gone = first(*down)
    back = first(*again, before=_causes(gone))
    assert gone.first_remedy(remedies) == "Start it again."
    assert back.first_remedy(remedies).startswith("Find out why it did not answer: its log")
    assert first(*again, before=_causes(back)).first_remedy(remedies) == back.first_remedy(remedies)
    said = message(back, remedies, "http://here")
    assert said.startswith("Broker 2 of shop answers again. First: Find out why")
    assert said.endswith("http://here/runbooks/KafkaBrokerDown")
    assert answer([back], remedies)["incidents"][0]["remedy"] == back.first_remedy(remedies)

    died = first(*down, alert("KafkaLogDirOffline", SHOP, broker="2"))
    assert first(*again, before=_causes(died)).first_remedy(remedies) == "Replace the disk.", "it is still why"


def _causes(incident: Incident) -> tuple[Cause, ...]:
    return () if incident.cause is None else (incident.cause,)


def test_several_brokers_are_one_incident_and_another_cluster_another() -> None:
    known: list[Alert | Samples] = [
        alert("KafkaSeveralBrokersDown", SHOP),
        alert("KafkaBrokerDown", SHOP, broker="10"),
        alert("KafkaBrokerDown", SHOP, broker="2"),
        alert("KafkaOfflinePartitions", kafka_cluster="other"),
        up(b1=1, b2=0, b10=0),
        samples(k.OFFLINE_PARTITIONS, {("shop",): 3.0}),
    ]
    shop, other = incidents(*known)
    assert shop.sentence == "Brokers 2 and 10 of shop do not answer (3 partitions)."
    assert len(shop.alerts) == 3
    assert kind(other) == "", "that partitions are offline says nothing of why"
    assert other.sentence.startswith("The cause is not known: KafkaOfflinePartitions")


def test_where_no_broker_answers_it_may_be_the_agent_that_is_cut_off() -> None:
    known: list[Alert | Samples] = [
        alert("KafkaSeveralBrokersDown", SHOP),
        alert("StreamWatchBlind", source="shop"),
        up(b1=0, b2=0),
    ]
    incident = first(*known)
    assert incident.sentence.startswith("No broker of shop answers: all of them are down, or the agent is cut off")
    assert len(incident.alerts) == 2


def test_a_cluster_without_a_controller_and_a_broker_that_is_down_are_two_causes() -> None:
    known: list[Alert | Samples] = [
        alert("KafkaNoActiveController", SHOP),
        alert("KafkaBrokerDown", SHOP, broker="3", at=107.0),
        up(b1=1, b2=1, b3=0),
        samples(k.ACTIVE_CONTROLLERS, {("shop",): 0.0}),
        samples(q.QUORUM_LAG, {("shop", "4", "voter"): 7.0}),
    ]
    controller, broker = incidents(*known)
    assert controller.sentence == "Cluster shop has no active controller."
    assert controller.evidence == ("0 controllers are active", "replica 4 lacks 7 records of the metadata")
    assert broker.sentence == "Broker 3 of shop does not answer."


def test_a_full_disk_is_the_cause_also_when_the_broker_died_of_it_a_moment_ago() -> None:
    filling = alert("KafkaDiskFilling", SHOP, broker="2", severity="warning")
    used = samples(k.LOG_DIR_USED, {("shop", "2", "/data"): 0.97})
    disk = first(filling, used, up(b1=1, b2=1, b3=1))
    assert disk.sentence == "Broker 2 of shop has a disk that fills up."
    assert disk.evidence == ("log directory /data is 97% full",)
    assert disk.cause is not None

    down = alert("KafkaBrokerDown", SHOP, broker="2")
    later = first(down, up(b1=1, b2=0, b3=1), before=(disk.cause,))
    assert kind(later) == "disk"
    assert "it has a disk that fills up" in later.evidence[0]
    both = first(down, alert("KafkaUnreachablePartitions", SHOP), up(b1=1, b2=0, b3=1), before=(disk.cause,))
    assert len(both.alerts) == 2, "what follows from a dead broker follows from its disk"
    assert kind(first(down, up(b1=1, b2=0, b3=1))) == "broker", "without it nothing is known of the disk"

    dead = first(filling, down, used, up(b1=1, b2=0, b3=1))
    assert dead.cause is not None
    blind = alert("StreamWatchPartlyBlind", source="shop", scope="log_dirs")
    back = first(filling, blind, used, up(b1=1, b2=1, b3=1), before=(dead.cause,))
    assert back.cause is not None
    assert len(back.alerts) == 2, "its disk is still nearly full, and what was not read meanwhile is of its death"
    assert first(filling, blind, used, up(b1=1, b2=1, b3=1), before=(back.cause,)).alerts == back.alerts
    calm = first(filling, used, up(b1=1, b2=1, b3=1), before=(back.cause,))
    assert calm.cause is not None
    assert not calm.cause.down, "nothing is left of it"


def test_replicas_that_follow_every_leader_but_one_are_cut_off_from_it() -> None:
    lags = alert("KafkaReplicasOutOfSync", SHOP, broker="3")
    missing = samples(k.BROKER_OUT_OF_SYNC, {("shop", "3"): 6.0})
    under = samples(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 6.0, ("shop", "2"): 0.0})
    incident = first(lags, missing, under, up(b1=1, b2=1, b3=1))
    assert kind(incident) == "network"
    assert "Broker 3 of shop does not follow broker 1, though it answers and follows the others" in incident.sentence

    both = samples(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 3.0, ("shop", "2"): 3.0})
    assert kind(first(lags, missing, both, up(b1=1, b2=1, b3=1))) == "", "slow, or cut off: it is not known"


def test_a_broker_that_is_back_catches_up_and_no_network_is_to_blame() -> None:
    down = first(alert("KafkaBrokerDown", SHOP, broker="3"), up(b1=1, b2=1, b3=0))
    assert down.cause is not None
    known: list[Alert | Samples] = [
        alert("KafkaReplicasOutOfSync", SHOP, broker="3"),
        samples(k.BROKER_OUT_OF_SYNC, {("shop", "3"): 6.0}),
        samples(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 6.0, ("shop", "2"): 0.0}),
        up(b1=1, b2=1, b3=1),
    ]
    back = first(*known, before=(down.cause,))
    assert kind(back) == "broker"
    assert back.sentence == "Broker 3 of shop answers again, and its replicas are not in sync yet (6 partitions)."
    assert kind(first(*known)) == "network", "it was not down"

    blind = alert("StreamWatchPartlyBlind", source="shop", scope="groups")
    in_sync = samples(k.BROKER_OUT_OF_SYNC, {("shop", "3"): 0.0})
    again = first(blind, in_sync, up(b1=1, b2=1, b3=1), before=(down.cause,))
    assert again.sentence == "Broker 3 of shop answers again."
    assert kind(first(*known, before=(again.cause,) if again.cause else ())) == "", "it was in sync since"
    assert kind(first(blind, up(b1=1, b2=1, b3=1))) == "", "it was not down, and nobody says why"

    rebalances = alert("KafkaGroupRebalancing", SHOP, group="billing")
    gone = alert("KafkaBrokerDown", SHOP, broker="3", state="pending")
    assert kind(first(rebalances, gone, up(b1=1, b2=1, b3=0))) == "broker", "members join anew: the coordinator is gone"
    late = alert("KafkaGroupLagging", SHOP, group="billing")
    assert kind(first(rebalances, gone, late, up(b1=1, b2=1, b3=0))) == "broker", "and are late by that"
    assert kind(first(rebalances, late, up(b1=1, b2=1, b3=1), before=(down.cause,))) == "broker"
    assert kind(first(rebalances, up(b1=1, b2=1, b3=1))) == "rebalances"


def test_replicas_that_are_being_moved_are_somebodys_change() -> None:
    lags = alert("KafkaReplicasOutOfSync", SHOP, broker="3")
    incident = first(lags, samples(k.REASSIGNING_PARTITIONS, {("shop",): 4.0}), up(b1=1, b2=1, b3=1))
    assert (kind(incident), incident.cause is not None) == ("change", True)
    assert "4 partitions of shop are being moved between brokers" in incident.sentence


def test_a_broker_that_is_overloaded_says_by_what_first() -> None:
    slow = alert("KafkaProduceSlow", SHOP, broker="1")
    cpu = alert("KafkaCpuHigh", SHOP, broker="1")
    incident = first(slow, cpu)
    assert kind(incident) == "slow_broker"
    assert incident.sentence == "Broker 1 of shop has hardly any processor time left."
    assert incident.evidence == ("it is slow to answer producers",)


def test_a_quota_and_a_network_allowance_are_causes_of_slowness() -> None:
    assert kind(first(alert("KafkaClientsThrottled", SHOP, broker="1", quota="produce"))) == "quota"
    slow = alert("KafkaFetchSlow", SHOP, broker="2")
    network = alert("MskNetworkAllowanceExceeded", SHOP, broker="2", allowance="in")
    assert kind(first(network, slow)) == "network"


def test_of_a_disk_that_fills_until_tomorrow_no_broker_dies_today() -> None:
    fills = alert("KafkaDiskFullTomorrow", SHOP, broker="2", severity="warning")
    down = alert("KafkaBrokerDown", SHOP, broker="2")
    used = samples(k.LOG_DIR_USED, {("shop", "2", "/data"): 0.6})
    before = first(fills, used, up(b1=1, b2=1, b3=1))
    assert before.cause is not None
    assert kind(before) == "disk"
    dead, disk = incidents(down, fills, used, up(b1=1, b2=0, b3=1))
    assert dead.sentence == "Broker 2 of shop does not answer."
    assert kind(disk) == "disk", "which is true, and explains no death"
    assert kind(first(down, up(b1=1, b2=0, b3=1), before=(before.cause,))) == "broker"


def test_a_broker_whose_disk_was_full_and_that_never_died_does_not_answer_again() -> None:
    full = first(
        alert("KafkaDiskNearlyFull", SHOP, broker="2"),
        samples(k.LOG_DIR_USED, {("shop", "2", "/data"): 0.95}),
        up(b1=1, b2=1, b3=1),
    )
    assert full.cause is not None
    late = first(
        alert("KafkaReplicasOutOfSync", SHOP, broker="2"),
        samples(k.BROKER_OUT_OF_SYNC, {("shop", "2"): 6.0}),
        samples(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 3.0, ("shop", "3"): 3.0}),
        up(b1=1, b2=1, b3=1),
        before=(full.cause,),
    )
    assert "answers again" not in late.sentence


def test_a_broker_that_catches_up_for_long_says_what_it_was_before() -> None:
    down = first(alert("KafkaBrokerDown", SHOP, broker="3"), up(b1=1, b2=1, b3=0))
    known = (
        alert("KafkaReplicasOutOfSync", SHOP, broker="3"),
        samples(k.BROKER_OUT_OF_SYNC, {("shop", "3"): 6.0}),
        up(b1=1, b2=1, b3=1),
    )
    assert down.cause is not None
    back = first(*known, before=(down.cause,))
    assert back.cause is not None
    assert back.cause.is_remembered, "it takes hours where there is much to copy"
    assert first(*known, before=(back.cause,)).evidence[0] == "before that: Broker 3 of shop does not answer"
    blind = alert("StreamWatchPartlyBlind", source="shop", scope="groups")
    synced = first(blind, up(b1=1, b2=1, b3=1), before=(back.cause,))
    assert synced.cause is not None
    assert not synced.cause.is_remembered, "else what is not read would be explained by it for ever"


@pytest.mark.parametrize(
    "known",
    [
        samples(k.REASSIGNING_PARTITIONS, {("shop",): 4.0}),
        samples(k.BROKER_LEADERS, {("shop", "1"): 9.0, ("shop", "2"): 0.0}),
        Note(50.0, "broker.back", "3", "Broker 3 is back."),
        Note(50.0, "broker.added", "3", "Broker 3 is new."),
    ],
    ids=["it gets replicas", "no other leads", "it was away before the agent started", "it is new"],
)
def test_where_more_than_the_network_may_be_wrong_it_is_not_to_blame(known: Samples | Note) -> None:
    lags = alert("KafkaReplicasOutOfSync", SHOP, broker="3")
    missing = samples(k.BROKER_OUT_OF_SYNC, {("shop", "3"): 6.0})
    under = samples(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 6.0, ("shop", "2"): 0.0})
    assert kind(first(lags, missing, under, up(b1=1, b2=1, b3=1), known)) != "network"


def test_a_leader_that_several_brokers_miss_is_not_two_bad_ways() -> None:
    lags = [alert("KafkaReplicasOutOfSync", SHOP, broker=broker) for broker in ("2", "3")]
    missing = samples(k.BROKER_OUT_OF_SYNC, {("shop", "2"): 6.0, ("shop", "3"): 6.0})
    under = samples(k.BROKER_UNDER_REPLICATED, {("shop", "1"): 6.0, ("shop", "2"): 0.0, ("shop", "3"): 0.0})
    assert kind(first(*lags, missing, under, up(b1=1, b2=1, b3=1))) == "", "slow, or its network: it is not known"


def test_what_the_agent_is_denied_does_not_come_of_a_dead_broker() -> None:
    denied = samples(c.SOURCE_PROBLEMS, {("shop", "group", "denied"): 3.0})
    blind = alert("StreamWatchPartlyBlind", source="shop", scope="group")
    both = incidents(alert("KafkaBrokerDown", SHOP, broker="2"), blind, denied, up(b1=1, b2=0, b3=1))
    assert sorted(map(kind, both)) == ["broker", "monitor"]
    moved = samples(c.SOURCE_PROBLEMS, {("shop", "group", "moved"): 3.0, ("shop", "broker", "unreachable"): 1.0})
    assert kind(first(alert("KafkaBrokerDown", SHOP, broker="2"), blind, moved, up(b1=1, b2=0, b3=1))) == "broker"
    lags = alert("KafkaQuorumVoterLagging", SHOP)
    assert sorted(map(kind, incidents(lags, blind, denied))) == ["controller", "monitor"]


def test_an_agent_that_waits_for_who_does_not_answer_is_late_by_that() -> None:
    late = alert("StreamWatchOverruns", job_name="shop", severity="warning")
    pages = alert("StreamWatchOverruns", job_name="shop/pages", severity="warning")
    dead = alert("KafkaBrokerDown", SHOP, broker="2", state="pending")
    assert kind(first(dead, late, pages, up(b1=1, b2=0, b3=1))) == "broker"
    headless = alert("KafkaNoActiveController", SHOP, state="pending")
    incident = first(late, headless, samples(k.ACTIVE_CONTROLLERS, {("shop",): 0.0}))
    assert incident.sentence == "Cluster shop has no active controller."

    rules = alert("StreamWatchRulesLate", rule_group="kafka", severity="warning")
    both = {kind(each): len(each.alerts) for each in incidents(dead, late, pages, rules, up(b1=1, b2=0, b3=1))}
    assert both == {"broker": 1, "monitor": 3}, "where its rules are late, too, it is late by itself"

    elsewhere = alert("StreamWatchOverruns", job_name="other", severity="warning")
    assert [kind(each) for each in incidents(dead, elsewhere, up(b1=1, b2=0, b3=1))] == ["", "broker"]


def test_reads_that_are_late_alone_may_wait_for_a_slow_broker_and_with_rules_it_is_the_agent() -> None:
    reads = [alert("StreamWatchOverruns", job_name=name, severity="warning") for name in ("shop", "other")]
    incident = first(*reads, up(b1=1, b2=1, b3=1))
    assert (incident.id, kind(incident), len(incident.alerts)) == ("not known:StreamWatchOverruns", "", 2)
    rules = [alert("StreamWatchRulesLate", rule_group=name, severity="warning") for name in ("kafka", "groups")]
    incident = first(*reads, *rules, up(b1=1, b2=1, b3=1))
    assert (kind(incident), len(incident.alerts)) == ("monitor", 4)
    assert incident.sentence == "StreamWatch does not keep up: rules of 2 groups are evaluated too rarely."
    assert incident.evidence == ("it is late with groups and kafka",)


def test_pages_that_nobody_serves_are_of_the_broker_that_does_not_answer() -> None:
    blind = alert("StreamWatchPartlyBlind", source="shop/pages", scope="brokers")
    gone = samples(c.SOURCE_PROBLEMS, {("shop/pages", "brokers", "unreachable"): 1.0})
    dead = alert("KafkaBrokerDown", SHOP, broker="2", severity="warning")
    assert kind(first(dead, blind, gone, up(b1=1, b2=0, b3=1))) == "broker"
    assert kind(first(blind, gone, up(b1=1, b2=1, b3=1))) == "monitor"
    denied = samples(c.SOURCE_PROBLEMS, {("shop/pages", "brokers", "denied"): 1.0})
    assert sorted(map(kind, incidents(dead, blind, denied, up(b1=1, b2=0, b3=1)))) == ["broker", "monitor"]


def test_answers_that_come_too_late_are_not_known_to_be_the_agents_fault() -> None:
    slow = samples(c.SOURCE_PROBLEMS, {("shop", "group", "timeout"): 3.0, ("shop", "log_dir", "timeout"): 1.0})
    partly = [alert("StreamWatchPartlyBlind", source="shop", scope=scope) for scope in ("group", "log_dir")]
    incident = first(*partly, slow, up(b1=1, b2=1, b3=1))
    assert (kind(incident), len(incident.alerts)) == ("", 2)
    dead = alert("KafkaBrokerDown", SHOP, broker="2")
    assert kind(first(dead, *partly, slow, up(b1=1, b2=0, b3=1))) == "broker"
    refused = samples(c.SOURCE_PROBLEMS, {("shop", "group", "timeout"): 3.0, ("shop", "group", "denied"): 1.0})
    assert kind(first(*partly, refused, up(b1=1, b2=1, b3=1))) == "monitor"
    assert kind(first(alert("StreamWatchBlind", source="shop"), slow)) == "monitor", "nobody watches it"
