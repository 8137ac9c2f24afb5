"""How commits, and the partitions that members hold, fold into pairs of group and topic."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.catalogue import kafka_groups as c
from streamwatch.catalogue.kafka import GROUP, GROUP_PARTITION, GROUP_TOPIC
from streamwatch.collectors.columns import runs
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import ClusterSnapshot, GroupTable, Int32s, Int64s, Topology
from streamwatch.model.metric import Keys, Values


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Partitions in which a group has a commit, or which one of its members holds (shape E), sorted by pair."""

    row: Int32s
    """E: row of the topology."""
    pair: Int32s
    """E: which pair it belongs to."""
    start: Int64s
    """Where each pair that has entries begins."""
    with_entries: Int64s
    """Which pairs those are."""
    of_commit: Int32s
    """C: the entry of each commit."""
    held: npt.NDArray[np.int8]
    """E: 1 where a member holds it, 0 where none does, -1 where that is not known."""
    answered: npt.NDArray[np.bool_]
    """E: whether the coordinator returned the group's commits."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupPlan:
    """How commits fold into pairs of group and topic. Shapes: C commits that count, U pairs, G groups, E entries.

    The pairs are those in which the group has a commit, holds a partition, or asks for the topic.
    """

    order: Int32s
    """C: places in the snapshot's commits, sorted by pair."""
    row: Int32s
    """C: row of the topology."""
    pair: Int32s
    """C: which pair the commit belongs to."""
    rows: Int64s
    """The distinct rows of ``row``, sorted."""
    start: Int64s
    """Where each pair that has commits begins in the columns of shape C."""
    with_commits: Int64s
    """Which pairs those are."""
    pair_group: Int64s
    """U: index into the groups."""
    pair_topic: Int64s
    """U: index into the topics."""
    assigned: Values
    """U: partitions that some member holds; NaN while that is not known, or the group does not ask for the topic."""
    asked: npt.NDArray[np.bool_]
    """U: whether a member is known to ask for the topic, or to hold a partition of it."""
    entries: Entries
    keys: Keys
    group_keys: Keys
    state_keys: Keys
    members: Values
    idle_members: Values


def plan(now: ClusterSnapshot, topology: Topology) -> GroupPlan:
    """Return the plan for a read; it holds as long as commits, groups, topology and selection are the same objects."""
    commits, groups, topics = now.commits, now.groups.groups, max(len(topology.topics), 1)
    order = np.flatnonzero((commits.row >= 0) & (commits.group >= 0))
    order = order[now.selected[topology.topic[commits.row[order]]]]
    place = commits.group[order].astype(np.int64) * len(topology.topic) + commits.row[order]
    sorted_by = np.argsort(place, kind="stable")
    order, place = order[sorted_by], place[sorted_by]
    row = commits.row[order]
    code = commits.group[order].astype(np.int64) * topics + topology.topic[row]
    held_place, held_count, asked = _held(now, topology)
    entry_place = distinct(np.concatenate((place, held_place)))
    entry_group, entry_row = np.divmod(entry_place, max(len(topology.topic), 1))
    entry_code = entry_group * topics + topology.topic[entry_row]
    codes: Int64s = distinct(np.concatenate((entry_code, asked)))
    pair_group, pair_topic = codes // topics, codes % topics
    pair = np.searchsorted(codes, code)
    with_commits, start = runs(pair)
    assigned = np.full(len(codes), np.nan)
    assigned[np.searchsorted(codes, asked)] = 0.0
    held_codes, counts = held_count
    here = np.isin(held_codes, asked)
    assigned[np.searchsorted(codes, held_codes[here])] = counts[here]
    wants = np.zeros(len(codes), dtype=bool)
    wants[np.searchsorted(codes, asked)] = True
    entry_pair = np.searchsorted(codes, entry_code)
    with_entries, entry_start = runs(entry_pair)
    held = _unheld(now.groups)[entry_group]
    held[np.searchsorted(entry_place, held_place)] = 1
    names = [(now.cluster, group.name) for group in groups]
    return GroupPlan(
        order=order.astype(np.int32),
        row=row.astype(np.int32),
        pair=pair.astype(np.int32),
        rows=distinct(row),
        start=start,
        with_commits=with_commits,
        pair_group=pair_group,
        pair_topic=pair_topic,
        assigned=assigned,
        asked=wants,
        entries=Entries(
            row=entry_row.astype(np.int32),
            pair=entry_pair.astype(np.int32),
            start=entry_start,
            with_entries=with_entries,
            of_commit=np.searchsorted(entry_place, place).astype(np.int32),
            held=held,
            answered=commits.answered[entry_group] if len(entry_group) else np.zeros(0, dtype=bool),
        ),
        keys=Keys(
            GROUP_TOPIC,
            [(*names[g], topology.topics[t]) for g, t in zip(pair_group.tolist(), pair_topic.tolist(), strict=True)],
        ),
        group_keys=Keys(GROUP, names),
        state_keys=Keys(c.GROUP_STATE.labels, [(now.cluster, g.name, g.type, g.state) for g in groups if g.state]),
        members=_counts([group.members for group in groups]),
        idle_members=_counts([group.idle_members for group in groups]),
    )


def entry_keys(at: GroupPlan, topology: Topology) -> Keys:
    """Return the label sets of the entries (E)."""
    entries, names = at.entries, at.keys.rows
    named = zip(entries.pair.tolist(), topology.partition[entries.row].tolist(), strict=True)
    return Keys(GROUP_PARTITION, [(*names[pair], str(partition)) for pair, partition in named])


def fold(how: np.ufunc, values: Values, at: GroupPlan) -> Values:
    """Fold a column (C) into pairs (U); NaN for a pair without commits.

    ``np.add`` leaves a pair unknown in which one is not known; ``np.fmax`` and ``np.fmin`` take what is known.
    """
    folded = np.full(len(at.keys), np.nan)
    if len(values):
        folded[at.with_commits] = how.reduceat(values, at.start)
    return folded


def fold_entries(how: np.ufunc, values: Values, at: GroupPlan) -> Values:
    """Fold a column (E) into pairs (U); NaN for a pair without entries."""
    folded = np.full(len(at.keys), np.nan)
    if len(values):
        folded[at.entries.with_entries] = how.reduceat(values, at.entries.start)
    return folded


def by_group(how: np.ufunc, values: Values, at: GroupPlan) -> Values:
    """Fold a column (U) into groups (G), over the pairs that have commits."""
    folded = np.full(len(at.group_keys), np.nan)
    if len(at.with_commits):
        groups, start = runs(at.pair_group[at.with_commits])
        folded[groups] = how.reduceat(values[at.with_commits], start)
    return folded


def _held(now: ClusterSnapshot, topology: Topology) -> tuple[Int64s, tuple[Int64s, Values], Int64s]:
    """Return what members hold (as group * P + row), the pairs (as group * T + topic) with how many partitions are held
    in each, and the pairs that groups ask for; of the selected topics.

    Only groups whose members are known to hold what they hold now: a group that rebalances holds nothing for a moment.
    """  # noqa: D205 - three things, one sentence
    table, topics, index = now.groups, len(topology.topics), topology.topic_index
    settled = np.array([g.idle_members is not None and bool(g.members) for g in table.groups], dtype=bool)
    counted = table.assigned_row >= 0
    counted[counted] = now.selected[topology.topic[table.assigned_row[counted]]]
    if len(settled):
        counted &= settled[table.assigned_group]
    rows, owner = table.assigned_row[counted], table.assigned_group[counted].astype(np.int64)
    held, count = np.unique(owner * topics + topology.topic[rows], return_counts=True)
    asked = {
        g * topics + index[topic]
        for g, group in enumerate(table.groups)
        if settled[g]
        for topic in group.subscribed
        if topic in index and now.selected[index[topic]]
    }
    places = distinct(owner * len(topology.topic) + rows)
    return places, (held, count.astype(np.float64)), np.array(sorted(asked), dtype=np.int64)


def _unheld(table: GroupTable) -> npt.NDArray[np.int8]:
    """Return for each group (G) what its silence about a partition means: 0 nobody holds it, -1 that is not known."""
    return np.array(
        [0 if g.members == 0 or (g.members and g.idle_members is not None) else -1 for g in table.groups],
        dtype=np.int8,
    )


def _counts(values: list[int | None]) -> Values:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
