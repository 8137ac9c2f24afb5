"""Advice on a consumer group: how many members it needs, and when it will have read what waits."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamwatch.advice.advice import Advice
from streamwatch.advice.past import STEP_SECONDS, PastHours, span
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import ClusterSnapshot, Group
from streamwatch.model.metric import Values

DRAIN_SECONDS: Final = 3600.0
"""What waits is to be read within this."""
KEEPS_UP_SECONDS: Final = 60.0
"""A lag that is read in so short a time is what every group has between two commits."""
_WINDOW_SECONDS: Final = 1800.0
_LEAST_SECONDS: Final = 300.0
_STANDS_SECONDS: Final = 300.0
"""A group whose positions have not moved for so long reads nothing now, whatever it read before."""
_EARLY_SECONDS: Final = 120.0
"""Of one that committed all the while before, it is said so early."""
_LEAST_MOVED: Final = 12
"""In so many steps positions must have moved, for how often it commits to be known: two minutes."""
_GAPS: Final = 3.0
"""Who has committed nothing for so many times as long as ever before in the hour does not only commit seldom."""
_WAITED_STEPS: Final = 6
_WAITED: Final = 0.25
"""So much of what waits has waited for a minute: the rest may have come all at once, a moment ago."""
_NEARLY: Final = 0.8
"""Of those minutes are to be known: offsets are read a moment apart."""
_MOST_MEMBERS: Final = 1000
_NOTHING: Final = 0.05
"""Whoever reads less of what comes reads nothing, as far as offsets that were read a moment apart can say."""


@dataclass(frozen=True, slots=True)
class CommitPause:
    """For how long a group's positions have not moved, and how they moved in the hour before that."""

    seconds: float
    moved: int
    """In so many steps."""
    gap: float
    """The most seconds in which they did not, between two of those."""


@dataclass(frozen=True, slots=True)
class GroupLoad:
    """What a group has to do, and does, in a window in which its members were as many as now."""

    members: int
    partitions: int
    """That it reads."""
    worst_share: float
    """Of the records that wait, those in the partition that has most of them."""
    lag: float
    """Records, now."""
    produced: float
    """Records a second in its topics."""
    consumed: float
    """Records a second that it reads."""
    seconds: float
    """How long the window is."""
    standing: CommitPause | None = None
    """How its positions have not moved in the last minutes of it, where they have not: it reads nothing now."""


def drain_seconds(load: GroupLoad, members: int) -> float:
    """Return in how long so many members will have read what waits; infinite where they fall behind.

    Each reads as fast as one does now. Whoever has most partitions, or the partition with most of the lag, is last.
    """
    count = math.ceil(load.partitions / members)
    others = (1 - load.worst_share) / max(1, load.partitions - 1)
    share = max(count / load.partitions, load.worst_share + (count - 1) * others)
    left = load.consumed / load.members - count / load.partitions * load.produced
    return share * load.lag / left if left > 0 else math.inf


def members_needed(load: GroupLoad) -> int | None:
    """Return the fewest members that will have read what waits within the hour; None where no number does."""
    most = min(load.partitions, _MOST_MEMBERS)
    return next((count for count in range(1, most + 1) if drain_seconds(load, count) <= DRAIN_SECONDS), None)


def advise_groups(now: ClusterSnapshot, past: PastHours) -> list[Advice]:
    """Return what is to be done about each group that somebody runs."""
    if now.topology is None:
        return []
    reads = _reads(now)
    return [
        _advise(now.cluster, group, reads.get(at, _Reads()), past)
        for at, group in enumerate(now.groups.groups)
        if group.members and group.type in {"classic", "consumer"}
    ]


@dataclass(frozen=True, slots=True)
class _Reads:
    """What a group reads."""

    partitions: int = 0
    topics: tuple[str, ...] = ()
    worst_share: float = 0.0


def _reads(now: ClusterSnapshot) -> Mapping[int, _Reads]:
    """Return the partitions in which each group has a commit, by the place of the group."""
    topology, commits = now.topology, now.commits
    if topology is None:
        return {}
    found: dict[int, _Reads] = {}
    there = np.flatnonzero((commits.row >= 0) & (now.committed >= 0))
    there = there[np.argsort(commits.group[there], kind="stable")]
    numbers, starts = np.unique(commits.group[there], return_index=True)
    for at, mine in zip(numbers.tolist(), np.split(there, starts[1:]) if len(there) else (), strict=True):
        rows = commits.row[mine]
        ends, committed = now.end_offset[rows], now.committed[mine]
        lags = np.where(ends >= 0, np.maximum(ends - committed, 0), 0)
        worst = float(lags.max() / lags.sum()) if lags.sum() else 0.0
        topics = tuple(topology.topics[topic] for topic in distinct(topology.topic[rows]).tolist())
        found[at] = _Reads(len(rows), topics, worst)
    return found


def _advise(cluster: str, group: Group, reads: _Reads, past: PastHours) -> Advice:
    labels = {"kafka_cluster": cluster, "group": group.name}
    if not reads.partitions:
        action = "not known: the group has committed nothing"
        return Advice(about="group", labels=labels, question="members", state="unknown", action=action)
    load = _load(cluster, group, reads, past)
    if isinstance(load, str):
        return Advice(about="group", labels=labels, question="members", state="unknown", action=load)
    state, action, sure = _judged(load)
    return Advice(
        about="group",
        labels=labels,
        question="members",
        state="do" if state else "fine",
        action=action,
        sum=_sum(load),
        data=(
            _data(len(reads.topics), load.seconds),
            *((f"{g.GROUP_TOPIC_COMMITTED.name} over {span(load.standing.seconds)}",) if load.standing else ()),
        ),
        sure=sure,
    )


def _data(topics: int, seconds: float) -> str:
    names = f"{g.GROUP_LAG.name}, {g.GROUP_MEMBERS.name}, {k.TOPIC_END_OFFSET.name} of {topics} topics"
    return f"{names} over {span(seconds)}"


def _load(cluster: str, group: Group, reads: _Reads, past: PastHours) -> GroupLoad | str:
    """Return what a group does; in words where that is not known."""
    entity = (cluster, group.name)
    members = past.hour("group", g.GROUP_MEMBERS, entity)
    lag = past.hour("group", g.GROUP_LAG, entity)
    others = np.flatnonzero(~np.isnan(members) & (members != group.members))
    start = max(len(lag) - int(_WINDOW_SECONDS / STEP_SECONDS), int(others[-1]) + 1 if len(others) else 0)
    known = start + np.flatnonzero(~np.isnan(lag[start:]))
    seconds = float(known[-1] - known[0]) * STEP_SECONDS if len(known) else 0.0
    if seconds < _LEAST_SECONDS:
        since = " with as many members as now" if len(others) else ""
        return f"not known yet: {span(seconds)} of history{since}, needs {span(_LEAST_SECONDS)}"
    produced = 0.0
    for topic in reads.topics:
        rates = past.hour("topic", k.TOPIC_END_OFFSET, (cluster, topic))[known[0] : known[-1] + 1]
        if np.isnan(rates).all():
            return f"not known: how much is written to topic {topic}"
        produced += float(np.nanmean(rates))
    grown = (float(lag[known[-1]]) - float(lag[known[0]])) / seconds
    load = GroupLoad(
        members=group.members or 0,
        partitions=reads.partitions,
        worst_share=reads.worst_share,
        lag=float(lag[known[-1]]),
        produced=produced,
        consumed=max(0.0, produced - grown),
        seconds=seconds,
    )
    if _keeps_up(load):
        return load
    has_waited = bool(lag[-1 - _WAITED_STEPS] >= _WAITED * load.lag)
    standing = _standing(past.hour("group", g.GROUP_TOPIC_COMMITTED, entity), has_waited=has_waited)
    return load if standing is None else replace(load, consumed=0.0, standing=standing)


def _standing(read: Values, *, has_waited: bool) -> CommitPause | None:
    """Return how positions stand; None where they move, or may only be committed seldom.

    Args:
        read: records a second that are committed, by steps of the last hour; NaN where that is not known.
        has_waited: whether what waits has for a minute.

    """
    known, moved = np.flatnonzero(~np.isnan(read)), np.flatnonzero(read > 0)
    if not len(known):
        return None
    last = int(moved[-1]) if len(moved) else int(known[0]) - 1
    gap = (int(np.diff(moved).max()) - 1) * STEP_SECONDS if len(moved) > 1 else 0.0
    found = CommitPause((int(known[-1]) - last) * STEP_SECONDS, len(moved), gap)
    return found if _is_long(read) or (has_waited and _is_early(found, read)) else None


def _is_long(read: Values) -> bool:
    """Say whether nothing was read in the last minutes, of which nearly all are known."""
    last = read[-int(_STANDS_SECONDS / STEP_SECONDS) :]
    known = np.flatnonzero(~np.isnan(last))
    if not len(known) or (known[-1] - known[0] + 1) * STEP_SECONDS < _NEARLY * _STANDS_SECONDS:
        return False
    return not last[known].any()


def _is_early(standing: CommitPause, read: Values) -> bool:
    """Say whether a group that committed all the while has stopped to."""
    last = read[-int(_EARLY_SECONDS / STEP_SECONDS) :]
    return (
        standing.seconds >= max(_EARLY_SECONDS, _GAPS * standing.gap)
        and standing.moved >= _LEAST_MOVED
        and int(np.count_nonzero(~np.isnan(last))) >= _NEARLY * len(last)
    )


def _keeps_up(load: GroupLoad) -> bool:
    return load.lag <= KEEPS_UP_SECONDS * load.consumed


def _judged(load: GroupLoad) -> tuple[bool, str, str]:
    """Return whether something is to be done, what, and how sure that is."""
    if _keeps_up(load):
        return False, f"nothing: it keeps up, {load.lag:,.0f} records behind", "measured"
    if load.consumed <= _NOTHING * load.produced:
        action = "find out why its members read nothing: more of them would not help"
        return True, action, "measured" if load.standing is None else _sure(load.standing)
    sure = "likely: a new member reads as fast as one does now, and records come as now"
    today, needed = drain_seconds(load, load.members), members_needed(load)
    if today <= DRAIN_SECONDS:
        return False, f"nothing: it will have caught up in {span(today)}", sure
    if needed is not None:
        done = span(drain_seconds(load, needed))
        return True, f"run {needed} members instead of {load.members}: it will have caught up in {done}", sure
    best = min(_counts(load), key=lambda count: drain_seconds(load, count))
    wanted = math.ceil(_wanted(load) / (load.consumed / load.members))
    limit = f"{load.partitions} partitions are too few for an hour: {wanted} members would be needed"
    if load.worst_share > 1 / load.partitions * 2:
        limit += f", and one partition has {load.worst_share:.0%} of the lag: spread its keys"
    if best == load.members:
        return True, f"read faster, or have more partitions: {limit}", sure
    done = span(drain_seconds(load, best))
    return True, f"run {best} members instead of {load.members}: it will have caught up in {done}; {limit}", sure


def _sure(standing: CommitPause) -> str:
    """Return how sure it is that a group reads nothing, which commits nothing: it may commit seldom."""
    if standing.moved and standing.gap >= standing.seconds:
        return f"a guess: it has committed nothing for {span(standing.gap)} before, too, and may commit seldom"
    if standing.seconds >= _NEARLY * _STANDS_SECONDS:
        return "measured"
    before = f"was never without a commit for more than {span(standing.gap)}" if standing.gap else "did at each read"
    return f"likely: it has stopped committing, and before that {before}"


def _counts(load: GroupLoad) -> Iterable[int]:
    """Return numbers of members that may help: from now on up to one for each partition."""
    return range(load.members, max(load.members, min(load.partitions, _MOST_MEMBERS)) + 1)


def _wanted(load: GroupLoad) -> float:
    """Return the records a second that would drain the group within an hour."""
    return load.produced + load.lag / DRAIN_SECONDS


def _sum(load: GroupLoad) -> str:
    today, standing = drain_seconds(load, load.members), load.standing
    since = ""
    if standing is not None:
        since = f"; nothing committed for {'' if standing.moved else 'at least '}{span(standing.seconds)}"
    return (
        f"{load.lag:,.0f} records wait, {load.produced:,.1f} a second come, {load.members} members on"
        f" {load.partitions} partitions read {load.consumed:,.1f} a second: drained"
        f" {'never' if math.isinf(today) else f'in {span(today)}'}; within an hour needs"
        f" {_wanted(load):,.1f} a second{since}"
    )
