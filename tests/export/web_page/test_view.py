"""What the page shows of what is known, and what it does not show as if it were."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from streamwatch.catalogue import agent
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kinesis as s
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.collectors.outlook.collector import LossCollector
from streamwatch.core.times import rfc3339
from streamwatch.export.web_page.partitions import partition_map
from streamwatch.export.web_page.render import Renderer
from streamwatch.export.web_page.sample_index import Read
from streamwatch.export.web_page.view import PageView, view
from streamwatch.export.web_page.words import span
from streamwatch.export.web_page.written import lines
from streamwatch.incidents.decide import decide
from streamwatch.incidents.known import Known
from streamwatch.model.alert import Alert
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import Description, Shard, Stream, StreamsSnapshot
from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys, Samples
from streamwatch.model.snapshot import Problem
from tests.snapshots import snapshot

NOW = 1003.0
HEALTHY = {"orders": [(1, (1, 2, 3), (1, 2, 3)), (2, (2, 3, 1), (2, 3, 1))], "clicks": [(3, (3, 1, 2), (3, 1, 2))]}


def samples(now: ClusterSnapshot, up: float = 1.0) -> list[Samples]:
    return [*ClusterCollector(4000).collect(now), agent.SOURCE_UP.sample(up, source="test")]


def seen(  # noqa: PLR0913, PLR0917 - as the view takes
    last: ClusterSnapshot | None,
    said: Sequence[Samples],
    alerts: Sequence[Alert] = (),
    told: Sequence[dict[str, Any]] = (),
    channels: int = 1,
    muted: Mapping[Alert, Sequence[str]] = MappingProxyType({}),
    **more: Any,
) -> PageView:
    reads = [Read("test", "test", "kafka", 1.0, last)]
    reasons = {each.fingerprint: words for each, words in muted.items()}
    return view("1.0", reads, {"test": said}, alerts, told, channels, NOW, reasons=reasons, **more)


def alert(name: str, severity: str, **others: Any) -> Alert:
    labels = Labels([("alertname", name), ("severity", severity), ("kafka_cluster", "test")])
    facts: dict[str, Any] = {"value": 1.0, "active_at": NOW - 60, "fired_at": NOW - 30, "state": "firing"}
    return Alert(labels, annotations=(("summary", f"{name} is so"),), **(facts | others))


def html(shown: PageView) -> str:
    return Renderer().render(shown).body.decode()


def test_a_healthy_cluster_is_well() -> None:
    now = snapshot(HEALTHY)
    shown = seen(now, samples(now))

    assert (shown.health, shown.headline) == ("good", "All is well: test")
    (cluster,) = shown.clusters
    assert cluster.headline == "all 3 brokers answer, every replica is in sync"
    assert [(one.id, one.health, one.leaders, one.replicas) for one in cluster.brokers] == [
        ("1", "good", 1, 3), ("2", "good", 1, 3), ("3", "good", 1, 3),
    ]  # fmt: skip
    assert cluster.seen == "3 s ago"
    assert {square.health for topic in cluster.map.topics for square in topic.squares} == {"good"}


def test_where_alerts_are_pending_not_all_is_well() -> None:
    """A pipe is START_FAILED and its alert waits for its time: who reads one sentence reads that."""
    now = snapshot(HEALTHY)
    down, uneven = (
        alert(name, severity, state="pending", fired_at=None)
        for name, severity in (("KinesisReaderDown", "critical"), ("KafkaLeadersUnbalanced", "info"))
    )
    watchdog, hint = alert("StreamWatchWatchdog", "none"), alert("KafkaGroupIdleMembers", "info")

    assert seen(now, samples(now), [watchdog]).headline == "All is well: test"
    assert seen(now, samples(now), [watchdog, down]).headline == "Nothing fires; 1 alert is pending: KinesisReaderDown"
    both = "2 alerts are pending: KinesisReaderDown and KafkaLeadersUnbalanced"
    assert seen(now, samples(now), [uneven, down]).headline == f"Nothing fires; {both}", "the worst first"
    assert seen(now, samples(now), [uneven, down, hint]).headline == f"{both}. 1 alert fires"
    many = [replace(down, labels=Labels([*down.labels.pairs, ("reader", f"r{number}")])) for number in range(60)]
    assert seen(now, samples(now), many).headline == "Nothing fires; 60 alerts are pending: KinesisReaderDown"


def test_a_broker_that_does_not_answer_is_the_first_thing_that_is_said() -> None:
    now = snapshot(HEALTHY, down=[2])
    shown = seen(now, samples(now))

    assert shown.health == "bad"
    assert shown.headline == "test: broker 2 does not answer; 1 partition is led by a broker that does not answer"
    (cluster,) = shown.clusters
    assert [one.health for one in cluster.brokers] == ["good", "bad", "good"]
    assert [one.name for one in cluster.map.topics] == ["orders", "clicks"], "what is in trouble comes first"
    assert [one.health for one in cluster.map.topics[0].squares] == ["good", "bad"]
    assert cluster.map.topics[0].squares[1].title == "partition 1: led by broker 2, which does not answer"


def test_who_is_missing_is_named() -> None:
    now = snapshot({"orders": [(1, (1, 2, 3), (1, 3)), (-1, (2,), ())]})
    squares = partition_map(now).topics[0].squares

    assert [one.health for one in squares] == ["warn", "bad"]
    assert [one.title for one in squares] == [
        "partition 0: led by broker 1, missing on 2",
        "partition 1: no leader, missing on 2, too few replicas in sync to be written with acks=all",
    ]
    assert seen(now, samples(now)).headline.startswith("test: 1 partition has no leader")


def test_what_is_too_old_is_not_shown_as_if_it_were_true() -> None:
    shown = seen(snapshot(HEALTHY), [])  # the store has dropped what the last read said

    assert (shown.health, shown.clusters[0].brokers, shown.clusters[0].map.topics) == ("unknown", [], ())
    assert shown.headline == "test: not seen for 3 s: what was there then is not shown as if it were true"
    assert {one.value for one in shown.clusters[0].facts} == {"not known"}


def test_what_cannot_be_read_says_why() -> None:
    last = snapshot(HEALTHY, topology=None, problems=(Problem("cluster", "denied", "a:9092: the password is wrong"),))
    shown = seen(last, [agent.SOURCE_UP.sample(0.0, source="test")])

    assert (shown.health, shown.headline) == ("bad", "test: cannot be read: a:9092: the password is wrong")


def test_before_the_first_read_nothing_is_claimed() -> None:
    shown = seen(None, [])
    assert (shown.health, shown.headline) == ("unknown", "test: the first read has not ended yet")


def test_without_a_controller_what_follows_from_leaders_is_not_drawn() -> None:
    now = snapshot(HEALTHY, controllers=0.0)
    shown = seen(now, samples(now))

    assert shown.headline.startswith("test: no controller is active")
    assert shown.clusters[0].map.topics == ()
    assert {one.name: one.value for one in shown.clusters[0].facts}["offline"] == "not known"


def test_what_would_break_the_worst_first() -> None:
    now = snapshot({"orders": [(1, (1, 2, 3), (1, 2)), (3, (3,), (3,))]}, min_isr=np.array([2]))
    racks = {1: "a", 2: "b", 3: "a"}
    now = replace(now, brokers=tuple(replace(one, rack=racks[one.id]) for one in now.brokers))
    shown = seen(now, [*samples(now), *LossCollector().collect(now)])

    table = shown.clusters[0].losses
    assert [(one.name, one.health, one.offline, one.refusing, one.topics, one.leaders) for one in table.rows] == [
        ("rack a", "warn", "1", "1", "1", "1"),
        ("rack b", "warn", "0", "1", "1", "1"),
        ("broker 3", "warn", "1", "0", "1", "1"),
        ("broker 1", "warn", "0", "1", "1", "1"),
        ("broker 2", "warn", "0", "1", "1", "1"),
    ]
    assert "What would break" in html(shown)
    assert "What would break" not in html(seen(now, samples(now)))
    many = snapshot({"t": [(broker, (broker,), (broker,)) for broker in range(30)]})
    assert seen(many, LossCollector().collect(many)).clusters[0].losses.more == 10


def test_alerts_say_who_was_told() -> None:
    page, late, quiet = alert("Down", "critical"), alert("Late", "warning"), alert("Watchdog", "none")
    pending = alert("Soon", "critical", state="pending", fired_at=None)
    now = snapshot(HEALTHY)
    told: list[dict[str, Any]] = [
        {"channel": "oncall", "alerts": [page.fingerprint], "notified": "firing", "notifiedAt": "1970-01-01T00:16:33Z",
         "parked": "", "attempts": 1},
        {"channel": "chat", "alerts": [page.fingerprint], "notified": "", "notifiedAt": None, "parked": "",
         "attempts": 3},
        {"channel": "mail", "alerts": [page.fingerprint], "notified": "", "notifiedAt": None, "parked": "no such box",
         "attempts": 1},
    ]  # fmt: skip
    shown = seen(now, samples(now), [late, quiet, page, pending], told, muted={late: ["chat is muted by nights"]})

    assert (shown.health, shown.headline) == ("bad", "Trouble. 2 alerts fire")
    assert [one.name for one in shown.alerts.firing] == ["Down", "Late"]
    assert shown.alerts.firing[0].sent == [
        "oncall was notified 10 s ago", "chat is being notified, after 3 attempts that failed",
        "mail refuses it: no such box",
    ]  # fmt: skip
    assert shown.alerts.firing[0].since == "30 s"
    assert shown.alerts.firing[1].sent == ["nobody was notified"]
    assert shown.alerts.firing[1].muted == ["chat is muted by nights"]
    assert "nobody was notified · chat is muted by nights" in html(shown)
    assert [(one.name, one.summary) for one in shown.alerts.pending] == [("Soon", "If it stays so: Soon is so")]
    assert "If it stays so: Soon is so" in html(shown), "its text is of when it fires"
    assert seen(now, [], [late], channels=0).alerts.firing[0].sent == ["there is no channel to notify"]


def test_a_message_of_before_the_cause_is_not_said_to_be_of_it() -> None:
    """Records were lost through broker 2, and somebody was notified; of broker 3, which died since, nobody was."""
    lost = alert("KafkaProbeFailing", "critical")
    lost = lost.but(active_at=NOW - 200, fired_at=NOW - 71)
    down = alert("KafkaBrokerDown", "warning")
    down = down.but(labels=down.labels.updated({"broker": "3"}), active_at=NOW - 42, fired_at=None, state="pending")
    up = k.BROKER_UP.samples(Keys(k.BROKER_UP.labels, [("test", "1"), ("test", "3")]), np.array([1.0, 0.0]))
    now, told = snapshot(HEALTHY), message_of(lost)

    def sent(*some: Alert) -> list[str]:
        (one,) = seen(now, samples(now), some, [told], incidents=decide(Known(some, [up]))).incidents
        assert one.sentence.startswith("Broker 3 of test does not answer")
        return list(one.sent)

    assert sent(lost, down) == ["KafkaProbeFailing fired before it: chat was notified 71 s ago"]
    assert sent(lost, down.but(fired_at=NOW - 12, state="firing")) == ["nobody was notified"]
    assert sent(lost.but(fired_at=NOW - 30), down) == ["chat was notified 71 s ago"], "it fired since"


def message_of(one: Alert) -> dict[str, Any]:
    at = rfc3339(NOW - 71)
    return {"channel": "chat", "alerts": [one.fingerprint], "parked": "", "notified": "firing", "notifiedAt": at}


def test_effects_fold_below_their_cause() -> None:
    down = alert("KafkaBrokerDown", "warning")
    down = down.but(labels=down.labels.updated({"broker": "2"}))
    late, odd = alert("KafkaUnreachablePartitions", "critical"), alert("KafkaUncleanElection", "warning")
    late = late.but(active_at=late.active_at - 240.0)
    incidents = decide(Known([down, late, odd], [k.BROKER_UP.samples(
        Keys(k.BROKER_UP.labels, [("test", "1"), ("test", "2")]), np.array([1.0, 0.0])
    )]))  # fmt: skip
    now = snapshot(HEALTHY)
    shown = seen(now, samples(now), [down, late, odd], incidents=incidents, remedies={"KafkaBrokerDown": "Start it."})

    cause, unknown = shown.incidents
    assert (cause.sentence, cause.is_known, cause.remedy) == ("Broker 2 of test does not answer.", True, "Start it.")
    assert [each.name for each in cause.alerts] == ["KafkaUnreachablePartitions", "KafkaBrokerDown"]
    assert (cause.health, cause.runbook, unknown.is_known) == ("bad", "/runbooks/KafkaBrokerDown", False)
    assert list(lines(shown)) == [
        "Broker 2 of test does not answer. 3 alerts fire",
        "  for 60 s: Broker 2 of test does not answer. First: Start it.",
        "  for 60 s: The cause is not known: KafkaUncleanElection is so.",
    ]
    text = html(shown)
    assert text.index("Broker 2 of test does not answer.") < text.index("KafkaUnreachablePartitions is so")
    assert "2 alerts of this cause" in text
    assert cause.timeline[0] == "5 min ago: KafkaUnreachablePartitions holds"


def test_what_is_over_is_neither_the_headline_nor_the_mark_beside_what_fires() -> None:
    over = alert("KafkaGroupRebalancing", "critical", keep_firing_since=NOW - 5)
    over = over.but(labels=over.labels.updated({"group": "x"}))
    now = snapshot(HEALTHY)

    def shown_with(*live: Alert) -> PageView:
        every = [over, *live]
        return seen(now, samples(now), every, incidents=decide(Known(every, ())))

    alone = shown_with()
    assert (alone.health, alone.headline[:10]) == ("bad", "Over since"), "it is all that there is to say"
    idle = alert("KafkaGroupIdleMembers", "warning")
    idle = idle.but(labels=idle.labels.updated({"group": "y"}))
    known = shown_with(idle)
    assert (known.health, known.headline) == ("warn", "KafkaGroupIdleMembers is so (1 group). 2 alerts fire")
    assert [each.sentence[:10] for each in known.incidents] == ["KafkaGroup", "Over since"]
    odd = shown_with(alert("KafkaUncleanElection", "warning"))
    assert (odd.health, odd.headline) == ("warn", "Worth a look. 2 alerts fire"), "its cause is not known"
    pending = shown_with(alert("KafkaUncleanElection", "warning", state="pending"))
    assert (pending.health, pending.headline[:10]) == ("bad", "Over since"), "what is pending may be over in a moment"


def test_of_ten_thousand_alerts_the_page_shows_fifty() -> None:
    every = [alert("KafkaGroupStuck", "critical") for _ in range(10_000)]
    every = [each.but(labels=each.labels.updated({"group": f"g{at}"})) for at, each in enumerate(every)]
    now = snapshot(HEALTHY)
    shown = seen(now, samples(now), every, incidents=decide(Known(every, ())))
    assert (len(shown.incidents), shown.more_incidents, len(shown.alerts.firing)) == (20, 9_980, 20)
    late = [each.but(labels=each.labels.updated({"alertname": "KafkaGroupLagging"})) for each in every]
    shown = seen(now, samples(now), late, incidents=decide(Known(late, ())))
    assert (len(shown.incidents), shown.incidents[0].more, len(shown.alerts.firing)) == (1, 9_950, 50)
    assert len(html(shown)) < 100_000


def test_nothing_in_a_name_is_obeyed_where_the_page_is_text() -> None:
    bad = alert("Odd", "warning").but(annotations=(("summary", "or\x1b[31mders\nis"),))
    shown = seen(snapshot(HEALTHY), [], [bad], incidents=decide(Known([bad], ())))
    assert not [line for line in lines(shown) if not line.isprintable()]


def test_a_large_cluster_is_shown_in_part_and_the_trouble_always() -> None:
    topics = {f"t{at:03}": [(1 + at % 70, (1 + at % 70,), (1 + at % 70,))] * 80 for at in range(140)}
    now = snapshot(topics, down=[70])
    shown = seen(now, samples(now))

    (cluster,) = shown.clusters
    assert (len(cluster.brokers), cluster.more_brokers) == (60, 10)
    assert "70" in {one.id for one in cluster.brokers if one.health == "bad"}
    assert (len(cluster.map.topics), cluster.map.more) == (12, 128)
    assert {one.name for one in cluster.map.topics[:2]} == {"t069", "t139"}
    assert (len(cluster.map.topics[0].squares), cluster.map.topics[0].more) == (60, 20)
    assert len(html(shown)) < 300_000


def test_one_more_is_one() -> None:
    now = snapshot({f"t{at:02}": [(at, (at,), (at,))] for at in range(1, 62)})
    text = html(seen(now, samples(now)))

    assert "and 1 more broker, as they should be" in text
    assert "and 49 more topics, none worse" in text


def stream(name: str, region: str = "eu-west-1") -> Stream:
    each = Shard("shardId-000000000000", 0, 2**128 - 1, is_open=True)
    return Stream("1", region, name, Description("ACTIVE", "PROVISIONED", 86_400.0, 1, (each,), (), frozenset()))


def of_streams(*some: Stream, unread: int) -> PageView:
    last = StreamsSnapshot(source="test", taken_at=1000.0, read_seconds=1.0, streams=some)
    keys = Keys(s.BEING_READ.labels, [(one.account, one.region, one.name) for one in some])
    read = s.BEING_READ.samples(keys, np.array([float(at >= unread) for at in range(len(some))]))
    said = [read, agent.SOURCE_UP.sample(1.0, source="test")]
    return view("1.0", [Read("test", "test", "kinesis", 60.0, last)], {"test": said}, [], [], 1, NOW)


def test_of_many_streams_those_in_trouble_are_drawn_and_the_others_listed() -> None:
    shown = of_streams(*(stream(f"s{at:03}") for at in range(500)), unread=2)

    assert shown.health == "bad"
    assert [one.name for _, one in shown.pictures[:3]] == ["s000", "s001", "s002"]
    assert (len(shown.pictures), len(shown.lines), shown.more) == (40, 400, 60)
    assert "460 more, none worse" in html(shown)
    assert len(html(shown)) < 300_000


def test_ids_are_unique_where_names_are_not() -> None:
    shown = of_streams(stream("clicks"), stream("clicks", "us-east-1"), unread=0)
    ids = re.findall(r'\bid="([^"]+)"', html(shown))
    assert len(ids) == len(set(ids))
    for one in re.findall(r'aria-labelledby="([^"]+)"', html(shown)):
        assert one in ids


def test_names_of_others_are_text_and_never_markup() -> None:
    evil = '<script>alert("x")</script>'
    now = replace(snapshot({evil: HEALTHY["orders"]}), problems=(Problem("topic", "error", evil),))
    said = samples(now)
    text = html(seen(now, said, [alert(evil, "critical")]))

    assert evil not in text
    assert text.count("&lt;script&gt;") >= 3
    assert text.count("<script>") == 1, "the page's own"


def test_a_browser_may_fetch_nothing_from_elsewhere() -> None:
    now = snapshot(HEALTHY)
    answer = Renderer().render(seen(now, samples(now)))
    policy = dict(answer.headers)["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert b"http://" not in answer.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert b"style=" not in answer.body, "the policy forbids it"


def test_an_active_controller_that_is_not_known_is_said() -> None:
    now = snapshot(HEALTHY)
    said = [one for one in samples(now) if one.metric is not k.ACTIVE_CONTROLLERS]
    facts = {one.name: (one.value, one.health) for one in seen(now, said).clusters[0].facts}
    assert facts["active controllers"] == ("not known", "unknown")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0 s"), (0.25, "250 ms"), (3.0, "3 s"), (90.0, "90 s"), (600.0, "10 min"), (36_000.0, "10 h"),
        (604_800.0, "7 days"), (float("inf"), "never"), (float("nan"), "not known"), (None, "not known"),
    ],
)  # fmt: skip
def test_times_are_told_as_people_do(seconds: float | None, told: str) -> None:
    assert span(seconds) == told
