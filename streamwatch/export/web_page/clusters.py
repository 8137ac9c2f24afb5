"""A Kafka cluster as it is shown: its brokers, its partitions, its groups, and one sentence on how it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk as m
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.charts import NamedSpark, Spark
from streamwatch.export.web_page.losses import LossTable, loss_table
from streamwatch.export.web_page.partitions import Map, partition_map
from streamwatch.export.web_page.sample_index import Read, SampleIndex
from streamwatch.export.web_page.words import Health, ago, counted, listed, number, share, span, worst
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Metric

_COUNTS: Final[tuple[tuple[Metric, Health, str, str], ...]] = (
    (k.OFFLINE_PARTITIONS, "bad", "has no leader", "have no leader"),
    (
        k.UNREACHABLE_PARTITIONS,
        "bad",
        "is led by a broker that does not answer",
        "are led by brokers that do not answer",
    ),
    (
        k.BROKER_UNDER_MIN_ISR,
        "bad",
        "has too few replicas in sync to be written",
        "have too few replicas in sync to be written",
    ),
    (k.BROKER_UNDER_REPLICATED, "warn", "is short of a replica", "are short of a replica"),
)
_FULL: Final = 0.85
"""A disk that is fuller than this is worth a look."""


@dataclass(frozen=True, slots=True)
class Most:
    """So many are shown of each."""

    brokers: int = 60
    groups: int = 10
    topics: int = 12


_MOST: Final = Most()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerView:
    """One broker. The three widths are parts of 100, of the broker that holds most replicas."""

    id: str
    host: str
    rack: str
    health: Health
    words: str
    """How it is."""
    leaders: float | None
    replicas: float | None
    behind: float | None
    leading_width: float
    following_width: float
    behind_width: float
    disk: str
    path: str
    """Of its page."""
    spark: Spark | None = None
    """What it led over the last hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """One consumer group."""

    name: str
    state: str
    members: str
    lag: str
    behind: str
    """Lag in time."""
    lost_in: str
    """When the oldest record that it has not read expires."""
    path: str
    """Of its page."""
    spark: Spark | None = None
    """Its lag over the last hour."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One number, and whether it is as it should be."""

    name: str
    value: str
    health: Health = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """All that is shown of one."""

    name: str
    health: Health
    headline: str
    seen: str
    """When, as in ``3 s ago``."""
    facts: Sequence[Fact]
    brokers: Sequence[BrokerView]
    more_brokers: int
    map: Map
    losses: LossTable
    groups: Sequence[GroupView]
    more_groups: int
    path: str
    """Of its page."""
    sparks: Sequence[NamedSpark] = ()
    """The last hour, in small pictures."""


def cluster(name: str, reads: Sequence[Read], index: SampleIndex, now: float, most: Most = _MOST) -> ClusterView:
    """Return what is shown of a cluster.

    Args:
        name: the cluster's.
        reads: its sources, the main one first.
        index: what is known now.
        now: seconds since 1970.
        most: how much of it.

    """
    shapes = [read for read in reads if isinstance(read.last, ClusterSnapshot)]
    main = shapes[0] if shapes else reads[0]
    last = main.last if isinstance(main.last, ClusterSnapshot) and index.is_up(main) else None
    brokers = _brokers(name, index, last)
    frozen = last is not None and last.metadata_frozen
    shown = partition_map(None if frozen or last is None else last, name, most.topics)
    statements = _statements(name, main, index, brokers, now)
    facts = _facts(name, index, brokers)
    groups = _groups(name, index)
    return ClusterView(
        name=name,
        health=worst(health for health, _ in statements),
        headline="; ".join(statement for _, statement in statements[:2]),
        seen=ago(main.age(now)),
        facts=facts,
        brokers=_chosen(brokers, most.brokers),
        more_brokers=max(0, len(brokers) - most.brokers),
        map=shown,
        losses=loss_table(name, index),
        groups=groups[: most.groups],
        more_groups=max(0, len(groups) - most.groups),
        path=EntityRef("cluster", (name,)).path,
    )


def _statements(
    name: str, main: Read, index: SampleIndex, brokers: Sequence[BrokerView], now: float
) -> list[tuple[Health, str]]:
    """Return what is wrong, in sentences, the worst first."""
    is_up = index.is_up(main)
    if main.last is None and is_up is None:
        return [("unknown", "the first read has not ended yet")]
    if is_up is None:
        return [("unknown", f"not seen for {span(main.age(now))}: what was there then is not shown as if it were true")]
    if not is_up:
        return [("bad", f"cannot be read: {main.why}")]
    found: list[tuple[Health, str]] = []
    if index.value(k.ACTIVE_CONTROLLERS, name) == 0:
        found.append(("bad", "no controller is active: what follows from leaders and replicas is not known"))
    down = [broker.id for broker in brokers if broker.health == "bad"]
    if down:
        found.append(("bad", f"{'broker' if len(down) == 1 else 'brokers'} {listed(down)} {_does(down)} not answer"))
    for metric, health, one, many in _COUNTS:
        count = index.total(metric, name) or 0
        if count:
            found.append((health, counted(count, f"partition {one}", f"partitions {many}")))
    found += [
        ("warn", "MSK failed to move its topics")
        for state, _ in index.of(m.REASSIGNMENT_STATE, name)
        if state == "FAILED"
    ]
    full = index.most(k.LOG_DIR_USED, name) or 0.0
    if full >= _FULL:
        found.append(("warn", f"a disk is {share(full)} full"))
    return found or [("good", f"all {counted(len(brokers), 'broker')} answer, every replica is in sync")]


def _does(down: list[str]) -> str:
    return "does" if len(down) == 1 else "do"


def _facts(name: str, index: SampleIndex, brokers: Sequence[BrokerView]) -> list[Fact]:
    up = sum(broker.health != "bad" for broker in brokers)
    controllers = index.value(k.ACTIVE_CONTROLLERS, name)
    disk = index.most(k.LOG_DIR_USED, name)
    data_disk = index.most(b.DATA_DISK, name) if disk is None else disk
    return [
        *_of_msk(name, index),
        Fact("brokers that answer", f"{up} of {len(brokers)}" if brokers else "not known", _when(up < len(brokers))),
        Fact("active controllers", number(controllers), _when(controllers != 1, controllers)),
        _count("offline", index.value(k.OFFLINE_PARTITIONS, name)),
        _count("under min ISR", index.total(k.BROKER_UNDER_MIN_ISR, name)),
        _count("under-replicated", index.total(k.BROKER_UNDER_REPLICATED, name), "warn"),
        Fact("partitions", number(index.value(k.PARTITIONS, name))),
        Fact("topics", number(index.value(k.TOPICS, name))),
        Fact("fullest disk", share(data_disk), _when((data_disk or 0) >= _FULL, data_disk, "warn")),
    ]


def _of_msk(name: str, index: SampleIndex) -> list[Fact]:
    """Return what MSK says about an upgrade to Express brokers."""
    facts = []
    for state, _ in index.of(m.REASSIGNMENT_STATE, name):
        done, total = index.value(m.REASSIGNMENT_COMPLETED, name), index.value(m.REASSIGNMENT_TOPICS, name)
        facts.append(Fact("topics moved", f"{number(done)} of {number(total)}, {state}", _when(state == "FAILED")))
    findings = {row[1]: 0.0 for row in index.of(m.ASSESSMENT_FINDINGS, name)}
    for (_, severity), count in index.of(m.ASSESSMENT_FINDINGS, name).items():
        findings[severity] += count
    if findings:
        summary = ", ".join(f"{number(count)} {severity}" for severity, count in sorted(findings.items()))
        facts.append(Fact("MSK's assessment", summary, _when("ERROR" in findings, 0.0, "warn")))
    return facts


def _count(name: str, value: float | None, when: Health = "bad") -> Fact:
    return Fact(name, number(value), _when(bool(value), value, when))


def _when(is_so: bool, value: float | None = 0.0, health: Health = "bad") -> Health:  # noqa: FBT001 - reads well
    if value is None or math.isnan(value):
        return "unknown"
    return health if is_so else "good"


def _brokers(name: str, index: SampleIndex, last: ClusterSnapshot | None) -> list[BrokerView]:
    """Return the brokers, by id."""
    up, held = index.of(k.BROKER_UP, name), index.of(k.BROKER_PARTITIONS, name)
    leaders, behind = index.of(k.BROKER_LEADERS, name), index.of(k.BROKER_OUT_OF_SYNC, name)
    places = {
        str(broker.id): (f"{broker.host}:{broker.port}", broker.rack or "") for broker in (last.brokers if last else ())
    }
    disks: dict[str, float] = {}
    for (broker, _), used in index.of(k.LOG_DIR_USED, name).items():
        disks[broker] = max(used, disks.get(broker, 0.0))
    most = max(held.values(), default=0.0) or 1.0
    scale = 100 / most
    found = []
    for id_ in sorted({*up, *held}, key=lambda one: (len(one[0]), one[0])):
        replicas, leading, late = held.get(id_), leaders.get(id_), behind.get(id_)
        health, words = _state(up.get(id_), late, disks.get(id_[0]))
        following = max(0.0, (replicas or 0.0) - (leading or 0.0) - (late or 0.0))
        host, rack = places.get(id_[0], ("", ""))
        found.append(
            BrokerView(
                id=id_[0],
                host=host,
                rack=rack,
                health=health,
                words=words,
                leaders=leading,
                replicas=replicas,
                behind=late,
                leading_width=round((leading or 0.0) * scale, 2),
                following_width=round(following * scale, 2),
                behind_width=round((late or 0.0) * scale, 2),
                disk=share(disks[id_[0]]) if id_[0] in disks else "",
                path=EntityRef("broker", (name, id_[0])).path,
            )
        )
    return found


def _state(up: float | None, behind: float | None, disk: float | None) -> tuple[Health, str]:
    if up == 0:
        return "bad", "does not answer"
    if behind:
        return "warn", f"{counted(behind, 'replica')} behind"
    if disk is not None and disk >= _FULL:
        return "warn", f"disk {share(disk)} full"
    return ("good", "answers, in sync") if up == 1 else ("unknown", "not asked")


def _chosen(brokers: Sequence[BrokerView], most: int) -> list[BrokerView]:
    """Return as many as are shown: those in trouble before the others."""
    ids = {broker.id for broker in sorted(brokers, key=lambda broker: broker.health == "good")[:most]}
    return [broker for broker in brokers if broker.id in ids]


def _groups(name: str, index: SampleIndex) -> list[GroupView]:
    """Return the groups, those most behind first."""
    states = {row[0]: row[2] for row, value in index.of(g.GROUP_STATE, name).items() if value == 1}
    late, lag = index.of(g.GROUP_LAG_SECONDS, name), index.of(g.GROUP_LAG, name)
    members = index.of(g.GROUP_MEMBERS, name)
    expires: dict[str, float] = {}
    for (group, _), seconds in index.of(g.GROUP_TOPIC_EXPIRES, name).items():
        expires[group] = min(seconds, expires.get(group, math.inf))
    order = sorted(states, key=lambda state: (-late.get((state,), -1.0), -lag.get((state,), -1.0), state))
    return [
        GroupView(
            name=group,
            state=states[group],
            members=number(members.get((group,))),
            lag=number(lag.get((group,))),
            behind=("" if (group,) in lag or (group,) not in late else "at least ") + span(late.get((group,))),
            lost_in=span(expires[group]) if group in expires else "",
            path=EntityRef("group", (name, group)).path,
        )
        for group in order
    ]
