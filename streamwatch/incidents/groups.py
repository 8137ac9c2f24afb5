"""Causes with a group of consumers: its members, its rebalances, and where it stands."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.words import counted, listed, rounded, span
from streamwatch.incidents.incident import Cause, CauseKind, Effects, Scope
from streamwatch.incidents.known import Known
from streamwatch.incidents.pace import CommitStop, GroupPace

LATE: Final = frozenset(
    {
        "KafkaGroupLagging", "KafkaGroupLaggingLong", "KafkaGroupDrainLong", "KafkaGroupDataExpiring",
        "KafkaGroupDataLost",
    }
)  # fmt: skip
"""What follows where a group does not read, or not enough."""
_NO_MEMBER: Final = frozenset({"KafkaGroupGone", "LambdaGroupWithoutMembers", "KafkaGroupPartitionsUnread"})
_STUCK: Final = frozenset({"KafkaGroupStuck", "KafkaGroupRebalancing"})
_READS: Final = frozenset({"reading", "late"})
_GOES_ON: Final = frozenset({"reading", "late", "idle", "stopped"})
"""States of partitions in which no transaction holds a group: it reads on, has read all, or nobody reads."""
_MOST_EVIDENCE: Final = 5
_ONE_PARTITION: Final = 0.8
"""With so much of what a group has not read in one partition, that one is what is the matter."""
_AS_BEFORE: Final = 1.25
_MORE: Final = 1.5
"""Up to the one, as much comes as before; from the other on, more does. Between them neither is said."""
_LEAST_STEPS: Final = 6
"""So long what came before must be known, where more is said to come now."""
_UNDECIDED_SECONDS: Final = 60.0
"""A transaction that is open for so long may be what a group waits for."""
_MOST_SLOW: Final = 200
"""Of so many groups it is looked up how they read."""


def members(known: Known) -> Iterator[Cause]:
    """A group has no members any more, and what it should read waits."""
    for scope in known.scopes("group", "KafkaGroupGone", "LambdaGroupWithoutMembers"):
        _, cluster, group = scope
        if known.value(g.GROUP_MEMBERS, cluster, group) != 0:
            continue  # they are back, as the alert looks back over an hour; or nobody says how many there are
        lag = known.value(g.GROUP_LAG, cluster, group)
        evidence = [] if lag is None else [f"{counted(lag, 'record')} wait for it"]
        yield Cause(
            "members_lost",
            scope,
            f"Group {group} of {cluster} has lost all its members",
            (f"group {group} has no member", *evidence),
            "KafkaGroupGone",
            (Effects(scope, _NO_MEMBER | LATE | _STUCK),),
            _partitions(known, scope, "stopped"),
        )


def stuck(known: Known) -> Iterator[Cause]:
    """A group has its members, and its position stands: everywhere, or at single records."""
    for scope in known.scopes("group", "KafkaGroupStuck"):
        if all(alert.state == "pending" for alert in known.about(scope, frozenset({"KafkaGroupStuck"}))):
            continue  # the others may stand, too, or its members have only just come: this is not known yet
        _, cluster, group = scope
        states = _states(known, scope)
        stalled, reads = states.get("stalled", 0.0), sum(states.get(state, 0.0) for state in _READS)
        places = sorted(
            (f"partition {row[1]} of {row[0]} stands at offset {offset:.0f}" if offset == offset else "")  # noqa: PLR0124 - NaN
            for row, offset in known.values(g.GROUP_PARTITION_STUCK_OFFSET, cluster, group).items()
            if row[2] == "stalled"
        )
        evidence = (
            *places[:_MOST_EVIDENCE],
            f"it stands in {counted(stalled, 'partition')}, and reads {counted(reads, 'other')}",
        )
        effects = (Effects(scope, LATE | {"KafkaGroupStuck"}),)
        kind, words = _standing(stalled, reads, places)
        sentence = f"Group {group} of {cluster} {words}"
        yield Cause(kind, scope, sentence, evidence, "KafkaGroupStuck", effects, stalled or None)


def _standing(stalled: float, reads: float, places: Sequence[str]) -> tuple[CauseKind, str]:
    """Return what it is that stands, and how: at one record, in what one member may hold, or everywhere."""
    if stalled == 1 and reads:
        return "stuck_record", f"cannot pass a record: {places[0] if places else '1 partition'}, the others are read"
    if not stalled:
        return "reader_stands", "has stood still, though records come and its members are there"
    if reads:
        return "reader_stands", f"stands still in {counted(stalled, 'partition')}, and reads {counted(reads, 'other')}"
    return "reader_stands", "reads nothing, though its members are there"


def rebalances(known: Known) -> Iterator[Cause]:
    """A group rebalances again and again."""
    for scope in known.scopes("group", "KafkaGroupRebalancing"):
        _, cluster, group = scope
        states = [row[1] for row in known.values(g.GROUP_STATE, cluster, group)]
        count = known.value(g.GROUP_MEMBERS, cluster, group)
        evidence = [f"it is in state {state} now" for state in states[:1]]
        evidence += [] if count is None else [f"it has {counted(count, 'member')}"]
        yield Cause(
            "rebalances",
            scope,
            f"Group {group} of {cluster} rebalances again and again",
            tuple(evidence),
            "KafkaGroupRebalancing",
            (Effects(scope, LATE | {"KafkaGroupRebalancing", "KafkaGroupPartitionsUnread"}),),
        )


def slow(known: Known) -> Iterator[Cause]:
    """A group falls behind: it stopped committing, reads too slowly, has fewer members, or gets more than it did."""
    for scope in known.scopes("group", *sorted(LATE))[:_MOST_SLOW]:
        _, cluster, group = scope
        if not known.value(g.GROUP_MEMBERS, cluster, group) or not all(known.values(k.BROKER_UP, cluster).values()):
            continue
        wanted = [row[0] for row, is_wanted in known.values(g.GROUP_TOPIC_WANTED, cluster, group).items() if is_wanted]
        pace, states = known.pace(cluster, group, wanted), _states(known, scope)
        if isinstance(pace, CommitStop):
            if not _has_to_wait(known, scope, wanted):
                yield _stopped(pace, scope)
            continue
        if states.get("stalled") or _is_in_one_partition(known, scope, states):
            continue
        found = None if pace is None else _too_slow(pace, f"{group} of {cluster}")
        if found is not None:
            kind, sentence, evidence = found
            yield Cause(kind, scope, sentence, evidence, "KafkaGroupLagging", (Effects(scope, LATE),))


def _has_to_wait(known: Known, scope: Scope, topics: Sequence[str]) -> bool:
    """Say whether a group may read nothing by no fault of its members: in a rebalance, or behind a transaction."""
    states = {row[1] for row in known.values(g.GROUP_STATE, *scope[1:])}
    undecided = (known.value(k.TOPIC_UNDECIDED_SECONDS, scope[1], topic) or 0.0 for topic in topics)
    return bool(states - {"Stable"}) or any(seconds >= _UNDECIDED_SECONDS for seconds in undecided)


def _stopped(stop: CommitStop, scope: Scope) -> Cause:
    """Return that a group commits nothing: it stands, long before it is stalled."""
    sentence = f"Group {scope[2]} of {scope[1]} has stopped committing, though records come and its members are there"
    evidence = (f"it has committed nothing for {span(stop.seconds)}",)
    return Cause(
        "reader_stands", scope, sentence, evidence, "KafkaGroupStuck", (Effects(scope, LATE | {"KafkaGroupStuck"}),)
    )


def _too_slow(pace: GroupPace, group: str) -> tuple[CauseKind, str, tuple[str, ...]] | None:
    """Return what is the matter where a group reads less than comes, with what shows it; None where both may be."""
    rates = f"{rounded(pace.read)} of {rounded(pace.comes)} records a second"
    came = f"before it fell behind, {rounded(pace.came)} records a second came"
    if pace.comes >= _MORE * pace.came and pace.steps_before >= _LEAST_STEPS:
        return (
            "producers",
            f"Producers write more than group {group} reads: {rounded(pace.comes)} records a second",
            (
                f"it reads {rates}",
                came,
            ),
        )
    if pace.comes > _AS_BEFORE * pace.came:
        return None
    fewer = f"{pace.members:.0f} instead of {pace.members_before:.0f}"
    if pace.members < pace.members_before:
        return (
            "members_lost",
            f"Group {group} has fewer members, {fewer}, and does not keep up",
            (
                f"it reads {rates}",
                came,
            ),
        )
    return (
        "slow_reader",
        f"Group {group} reads more slowly than records come: {rates}",
        (
            came,
            *((f"it has {counted(pace.members, 'member')}, as before",) if pace.members == pace.members_before else ()),
        ),
    )


def _is_in_one_partition(known: Known, scope: Scope, states: Mapping[str, float]) -> bool:
    """Say whether one of several partitions has nearly all that a group has not read."""
    lag = sum(known.values(g.GROUP_TOPIC_LAG, *scope[1:]).values())
    most = max(known.values(g.GROUP_TOPIC_MAX_LAG, *scope[1:]).values(), default=0.0)
    return sum(states.values()) > 1 and most >= _ONE_PARTITION * lag > 0


def transactions(known: Known) -> Iterator[Cause]:
    """A transaction that is not ended holds back who reads committed data."""
    names = frozenset({"KafkaTransactionHanging", "KafkaTransactionLong"})
    for scope in known.scopes("topic", *sorted(names)):
        _, cluster, topic = scope
        undecided = known.value(k.TOPIC_UNDECIDED_RECORDS, cluster, topic)
        evidence = [] if undecided is None else [f"{counted(undecided, 'record')} are not decided"]
        groups = [
            row[0]
            for row, wanted in known.values(g.GROUP_TOPIC_WANTED, cluster).items()
            if row[1] == topic and wanted and _may_be_held(known, cluster, row[0], topic)
        ]
        yield Cause(
            "transaction",
            scope,
            f"An open transaction holds back who reads committed data of {topic} of {cluster}",
            tuple(evidence),
            "KafkaTransactionHanging",
            (Effects(scope, names | LATE), *(Effects(("group", cluster, group), LATE) for group in groups[:1000])),
        )


def _may_be_held(known: Known, cluster: str, group: str, topic: str) -> bool:
    """Say whether a transaction may hold a group: it has members, and is not known to read on in all it has there."""
    states = {row[0] for row, count in known.values(g.GROUP_TOPIC_STATE, cluster, group, topic).items() if count}
    return known.value(g.GROUP_MEMBERS, cluster, group) != 0 and not (states and states <= _GOES_ON)


def evidence(known: Known, scope: Scope) -> Iterator[str]:
    """Yield what is known of a group that is late, where its cause is not."""
    _, cluster, group = scope
    states = _states(known, scope)
    words = [
        f"{state} in {counted(count, 'partition')}"
        for state, count in sorted(states.items())
        if count and state != "idle"
    ]
    if words:
        yield f"group {group} is {listed(words)}"
    lag = sum(known.values(g.GROUP_TOPIC_LAG, cluster, group).values())
    most = max(known.values(g.GROUP_TOPIC_MAX_LAG, cluster, group).values(), default=0.0)
    if lag and most:
        yield f"{counted(most, 'record')} of {lag:,.0f} that it has not read are in one partition"


def _states(known: Known, scope: Scope) -> dict[str, float]:
    """Return in how many partitions a group is in which state, over its topics."""
    counts: dict[str, float] = {}
    for (_, state), count in known.values(g.GROUP_TOPIC_STATE, *scope[1:]).items():
        counts[state] = counts.get(state, 0.0) + count
    return counts


def _partitions(known: Known, scope: Scope, state: str) -> float | None:
    return _states(known, scope).get(state)
