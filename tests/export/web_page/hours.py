"""A made-up cluster and stream with a week behind them, for pages of single things: names are hostile."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from streamwatch.archive.archive import Archive
from streamwatch.archive.marks import AlertMark
from streamwatch.archive.rings import ROW_BYTES
from streamwatch.catalogue import agent
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as kc
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import readers as r
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.core.clock import ManualClock
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.alerts import alerts
from streamwatch.export.web_page.charts import Window
from streamwatch.export.web_page.entity import EntityView, KnownOfEntity, entity_view
from streamwatch.export.web_page.sample_index import Read
from streamwatch.model.alert import Alert
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kinesis import Description, Shard, Stream, StreamsSnapshot
from streamwatch.model.labels import Labels
from streamwatch.model.metric import Metric, Samples
from streamwatch.notify.text import Links
from tests.snapshots import Partition, snapshot

END = 1_800_000_000.0
WEEK = 7 * 86_400.0
HOSTILE = "<b onload=alert(1)>\"'&%2f../?#" + "\u202e" + "x" * 60
TOPICS: dict[str, list[Partition]] = {"orders": [(1, (1, 2, 3), (1, 2, 3))] * 12, HOSTILE: [(2, (2, 3, 1), (2, 3))] * 3}
STREAM = ("123456789012", "eu-west-1", "clicks")
READER = (*STREAM, "", "", "", "lambda", "charge:live")
SINK = ("shop", "test", HOSTILE)
BILLING = EntityRef("group", ("shop", "billing"))
THINGS = (
    EntityRef("cluster", ("shop",)), EntityRef("broker", ("shop", "2")), BILLING, EntityRef("topic", ("shop", HOSTILE)),
    EntityRef("stream", STREAM), EntityRef("reader", READER), EntityRef("connect", ("shop",)),
    EntityRef("connector", ("shop", HOSTILE)),
)  # fmt: skip


def of(metric: Metric, values: dict[tuple[str, ...], float]) -> Iterator[Samples]:
    for row, value in values.items():
        yield metric.sample(value, **dict(zip(metric.labels, row, strict=True)))


def wave(at: float, hours: float, top: float) -> float:
    return top * (1 + math.sin(at / 3600 / hours * 6.28)) / 2


@cache
def cluster(*, is_down: bool) -> list[Samples]:
    return ClusterCollector(4000).collect(snapshot(TOPICS, down=[2] if is_down else []))


def samples(now: float) -> list[Samples]:
    """What is known at a time: broker 2 is down for the last 20 minutes, and for some minutes nothing was known."""
    left = END - now
    lag = 40 * math.exp(-abs(left - 1500) / 600) + wave(now, 6, 3)
    found = [
        *cluster(is_down=left < 1200),
        *of(g.GROUP_LAG_SECONDS, {("test", "billing"): lag * 60, ("test", HOSTILE): wave(now, 24, 5)}),
        *of(g.GROUP_LAG, {("test", "billing"): round(lag * 1000), ("test", HOSTILE): 0}),
        *of(g.GROUP_MEMBERS, {("test", "billing"): 3, ("test", HOSTILE): 1}),
        *of(g.GROUP_STATE, {("test", "billing", "consumer", "Stable"): 1, ("test", HOSTILE, "classic", "Empty"): 1}),
        *of(g.GROUP_TOPIC_LAG, {("test", "billing", "orders"): 7, ("test", "billing", HOSTILE): 70}),
        *of(g.GROUP_TOPIC_LAG_SECONDS, {("test", "billing", "orders"): 3, ("test", "billing", HOSTILE): lag * 60}),
        *of(g.GROUP_TOPIC_EXPIRES, {("test", "billing", HOSTILE): 30_000, ("test", "billing", "orders"): math.inf}),
        *of(k.TOPIC_END_OFFSET, {("test", name): now * (50 + wave(now, 24, 5)) for name in TOPICS}),
        *of(k.TOPIC_PARTITIONS, {("test", name): float(len(TOPICS[name])) for name in TOPICS}),
        *of(k.TOPIC_OFFLINE, {("test", name): 0.0 for name in TOPICS}),
        *of(k.TOPIC_UNDER_REPLICATED, {("test", "orders"): 0.0, ("test", HOSTILE): 3.0}),
        *of(k.LOG_DIR_USED, {("test", str(at), "/data"): 0.3 + 0.1 * at + 0.1 * (1 - left / WEEK) for at in (1, 2, 3)}),
        *of(s.ITERATOR_AGE, {STREAM: wave(now, 3, 900)}),
        *of(s.RETENTION, {STREAM: 86_400}),
        *of(s.BEING_READ, {STREAM: 1}),
        *of(s.WRITE_BYTES_USE, {STREAM: 0.2 + wave(now, 12, 0.6)}),
        *of(r.UP, {READER: 1}),
        *of(r.STATE, {(*READER, "", "running"): 1}),
        *of(r.LAG, {READER: wave(now, 5, 30)}),
        *of(kc.WORKER_UP, {("shop", "test", "w-1:8083"): 1, ("shop", "test", "w-2:8083"): 0}),
        *of(kc.CONNECTOR_STATE, {(*SINK, "RUNNING"): 1, ("shop", "test", "archive", "PAUSED"): 1}),
        *of(
            kc.CONNECTOR_TASKS, {(*SINK, "RUNNING"): 2, (*SINK, "FAILED"): 1, ("shop", "test", "archive", "PAUSED"): 1}
        ),
        *of(kc.TASK_FAILURE, {(*SINK, "1", f"ConnectException: {HOSTILE}"): 1}),
        *of(kc.CONNECTOR_GROUP, {(*SINK, "billing"): 1}),
        *of(kc.CONNECTOR_TOPIC, {(*SINK, "orders", "name"): 1, (*SINK, "or", "prefix"): 1}),
        agent.SOURCE_UP.sample(1.0, source="shop"),
    ]
    return [renamed(each) for each in found]


def renamed(each: Samples) -> Samples:
    """Let the cluster, which the snapshots of tests call ``test``, be the shop."""
    rows = [tuple("shop" if value == "test" else value for value in row) for row in each.keys.rows]
    return each.metric.samples(type(each.keys)(each.keys.names, rows), each.values)


@dataclass(frozen=True)
class Week:
    archive: Archive
    now: float
    samples: list[Samples]


@cache
def week() -> Week:
    """A week of it, coarse at first and by 10 s in the last hour."""
    clock = ManualClock(END - WEEK)
    archive = Archive(200 * ROW_BYTES, clock)
    while clock.now() < END:
        left = END - clock.now()
        if not 1700 < left < 2100:
            archive.take("shop", samples(clock.now()), clock.now())
        clock.advance(3600 if left > 90_000 else 600 if left > 3700 else 10)
    archive.take("shop", samples(clock.now()), clock.now())
    down = {"alertname": "KafkaBrokerDown", "severity": "critical", "kafka_cluster": "shop", "broker": "2"}
    late = {"alertname": "KafkaGroupLate", "severity": "warning", "kafka_cluster": "shop", "group": "billing"}
    marks = [AlertMark(END - 1195, "fires", down), AlertMark(END - 1700, "fires", late)]
    archive.marks.add([*marks, AlertMark(END - 300, "resolved", late), AlertMark(END - 90_000, "fires", late)])
    return Week(archive, clock.now(), samples(clock.now()))


def firing() -> list[Alert]:
    labels = {"severity": "critical", "kafka_cluster": "shop", "broker": "2", "group": "billing", "topic": HOSTILE}
    notes = (("summary", f"broker 2 of shop does not answer {HOSTILE}"), ("runbook_url", "http://agent/runbooks/A"))
    return [Alert(Labels({"alertname": "KafkaBrokerDown", **labels}), "firing", 1.0, END - 1200, notes, END - 1195)]


def change(seconds_ago: float, kind: str, subject: str, sentence: str) -> JournalEntry:
    at = END - seconds_ago
    return JournalEntry(at=at, since=at - 10, source="shop", kind=kind, subject=subject, sentence=sentence, until=at)


def known() -> KnownOfEntity:
    """All that there is to show, of every thing."""
    now = week()
    each = tuple(Shard(f"shardId-{n:012}", n << 126, ((n + 1) << 126) - 1, is_open=True) for n in range(4))
    described = Description("ACTIVE", "PROVISIONED", 86_400.0, 4, each, (), frozenset({"IncomingBytes"}))
    streams = StreamsSnapshot(
        source="shop", taken_at=END - 3, read_seconds=1.0, streams=(Stream(*STREAM, described),), problems=()
    )
    reads = [
        Read("shop", "shop", "kafka", 15.0, snapshot(TOPICS, down=[2], taken_at=END - 3)),
        Read("shop", "shop", "kinesis", 60.0, streams),
    ]
    links = Links(dashboard="https://grafana.example/d/kafka?orgId=1")
    shown = alerts(firing(), [], 1, END, "http://agent", links=links)
    return KnownOfEntity(
        version="test", now=END, reads=reads, samples=now.samples, past=now.archive, alerts=shown.firing, more_alerts=0,
        marks=now.archive.marks.since(0.0),
        changes=[
            change(1800, "group.members", "billing", "group billing has 3 members instead of 4"),
            change(2500, "topic.settings", HOSTILE, f"topic {HOSTILE} has retention.ms 5 instead of 7"),
        ],
    )  # fmt: skip


def page(ref: EntityRef, window: Window) -> EntityView:
    shown = entity_view(ref, known(), window)
    assert shown is not None
    return shown
