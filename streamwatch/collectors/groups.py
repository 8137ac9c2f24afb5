"""Consumer groups: who reads, how far behind they are, and what they are about to lose."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch.catalogue import kafka_groups as c
from streamwatch.catalogue.kafka import GROUP, GROUP_TOPIC
from streamwatch.collectors.columns import known
from streamwatch.collectors.lag import EndOffsetHistory, Method
from streamwatch.model.kafka import ClusterSnapshot, CommitKeys, GroupTable, Int32s, Int64s, Topology
from streamwatch.model.kept import Kept
from streamwatch.model.metric import Keys, Samples, Values


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How commits fold into pairs of group and topic. Shapes: C commits that count, U pairs, G groups.

    The pairs are those in which the group has a commit, holds a partition, or asks for the topic.
    """

    order: Int64s
    """C: places in the snapshot's commits, sorted by pair."""
    row: Int64s
    """C: row of the topology."""
    pair: Int64s
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
    keys: Keys
    group_keys: Keys
    state_keys: Keys
    members: Values
    idle_members: Values


class GroupCollector:
    """Folds committed and end offsets into lag, in records and in seconds."""

    def __init__(self, history: EndOffsetHistory) -> None:
        self._history = history
        self._plan = Kept[Plan]()
        self._methods = Kept[list[Keys]]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples of groups, and of groups by topic."""
        topology, commits = now.topology, now.commits
        if topology is None:
            return []
        plan = self._plan.get(lambda: _plan(now, topology), commits, topology, now.selected)
        committed = now.committed[plan.order]
        self._history.add(now.offsets_at, topology, plan.rows, now.end_offset)
        seconds, method = self._history.ages(plan.row, committed)
        lag = np.maximum(known(now.end_offset)[plan.row] - known(committed), 0.0)
        lost = np.maximum(known(now.start_offset)[plan.row] - known(committed), 0.0)
        pair_lag, pair_seconds = _fold(np.add, lag, plan), _fold(np.maximum, seconds, plan)
        per_pair = {
            c.GROUP_TOPIC_LAG: pair_lag,
            c.GROUP_TOPIC_LAG_SECONDS: pair_seconds,
            c.GROUP_TOPIC_EXPIRES: _fold(np.minimum, _expires(now, plan, seconds, lag), plan),
            c.GROUP_TOPIC_LOST: _fold(np.add, lost, plan),
            c.GROUP_TOPIC_MAX_LAG: _fold(np.maximum, lag, plan),
            c.GROUP_TOPIC_COMMITTED: _fold(np.add, known(committed), plan),
            c.GROUP_TOPIC_UNCOMMITTED: _uncommitted(topology, commits, plan),
            c.GROUP_TOPIC_UNASSIGNED: _partitions(topology, plan) - plan.assigned,
        }
        per_group = {
            c.GROUP_LAG: _by_group(np.add, pair_lag, plan),
            c.GROUP_LAG_SECONDS: _by_group(np.maximum, pair_seconds, plan),
            c.GROUP_MEMBERS: plan.members,
            c.GROUP_IDLE_MEMBERS: plan.idle_members,
        }
        return [
            *(metric.samples(plan.group_keys, values) for metric, values in per_group.items()),
            c.GROUP_STATE.samples(plan.state_keys, np.ones(len(plan.state_keys))),
            *(metric.samples(plan.keys, values) for metric, values in per_pair.items()),
            *self._by_method(plan, method),
        ]

    def _by_method(self, plan: Plan, method: npt.NDArray[np.int8]) -> list[Samples]:
        """Count the partitions of each pair by the method that their lag in seconds is known by."""
        all_keys = self._methods.get(
            lambda: [
                Keys(c.GROUP_TOPIC_LAG_METHOD.labels, [(*row, m.name.lower()) for row in plan.keys.rows])
                for m in Method
            ],
            plan,
        )
        counts = [_fold(np.add, (method == m).astype(np.float64), plan) for m in Method]
        return [c.GROUP_TOPIC_LAG_METHOD.samples(k, v) for k, v in zip(all_keys, counts, strict=True)]


def _plan(now: ClusterSnapshot, topology: Topology) -> Plan:
    commits, groups, topics = now.commits, now.groups.groups, len(topology.topics)
    counted = np.flatnonzero((commits.row >= 0) & (commits.group >= 0))
    counted = counted[now.selected[topology.topic[commits.row[counted]]]]
    code = commits.group[counted].astype(np.int64) * topics + topology.topic[commits.row[counted]]
    order = np.argsort(code, kind="stable")
    code, counted = code[order], counted[order]
    held, held_count, asked = _held(now.groups, topology)
    asked = asked[now.selected[asked % topics]] if topics else asked
    codes = np.unique(np.concatenate((code, asked)))
    pair = np.searchsorted(codes, code)
    with_commits, start = np.unique(pair, return_index=True)
    assigned = np.full(len(codes), np.nan)
    assigned[np.searchsorted(codes, asked)] = 0.0
    here = np.isin(held, asked)
    assigned[np.searchsorted(codes, held[here])] = held_count[here]
    pair_group, pair_topic = codes // max(topics, 1), codes % max(topics, 1)
    names = [(now.cluster, group.name) for group in groups]
    row = commits.row[counted]
    return Plan(
        order=counted,
        row=row,
        pair=pair,
        rows=np.unique(row),
        start=start,
        with_commits=with_commits,
        pair_group=pair_group,
        pair_topic=pair_topic,
        assigned=assigned,
        keys=Keys(
            GROUP_TOPIC,
            [(*names[g], topology.topics[t]) for g, t in zip(pair_group.tolist(), pair_topic.tolist(), strict=True)],
        ),
        group_keys=Keys(GROUP, names),
        state_keys=Keys(c.GROUP_STATE.labels, [(now.cluster, g.name, g.type, g.state) for g in groups if g.state]),
        members=_counts([group.members for group in groups]),
        idle_members=_counts([group.idle_members for group in groups]),
    )


def _held(table: GroupTable, topology: Topology) -> tuple[Int64s, Values, Int64s]:
    """Return pairs (as group * T + topic) with the partitions held in each, and the pairs that groups ask for.

    Only groups whose members are known to hold what they hold now: a group that rebalances holds nothing for a moment.
    """
    topics, index = len(topology.topics), topology.topic_index
    settled = np.array([g.idle_members is not None and bool(g.members) for g in table.groups], dtype=bool)
    counted = table.assigned_row >= 0
    if len(settled):
        counted &= settled[table.assigned_group]
    rows, owner = table.assigned_row[counted], table.assigned_group[counted]
    held, count = np.unique(owner.astype(np.int64) * topics + topology.topic[rows], return_counts=True)
    asked = {
        g * topics + index[topic]
        for g, group in enumerate(table.groups)
        if settled[g]
        for topic in group.subscribed
        if topic in index
    }
    return held, count.astype(np.float64), np.array(sorted(asked), dtype=np.int64)


def _fold(how: np.ufunc, values: Values, plan: Plan) -> Values:
    """Fold a column (C) into pairs (U); NaN for a pair without commits, or with one that is not known."""
    folded = np.full(len(plan.keys), np.nan)
    if len(values):
        folded[plan.with_commits] = how.reduceat(values, plan.start)
    return folded


def _by_group(how: np.ufunc, values: Values, plan: Plan) -> Values:
    """Fold a column (U) into groups (G), over the pairs that have commits."""
    folded = np.full(len(plan.group_keys), np.nan)
    if len(plan.with_commits):
        groups, start = np.unique(plan.pair_group[plan.with_commits], return_index=True)
        folded[groups] = how.reduceat(values[plan.with_commits], start)
    return folded


def _partitions(topology: Topology, plan: Plan) -> Values:
    """Return how many partitions each pair's topic has (U)."""
    return np.diff(topology.topic_start).astype(np.float64)[plan.pair_topic]


def _uncommitted(topology: Topology, commits: CommitKeys, plan: Plan) -> Values:
    committed = np.bincount(plan.pair, minlength=len(plan.keys)).astype(np.float64)
    told = commits.answered[plan.pair_group] if len(plan.keys) else np.zeros(0, dtype=bool)
    return np.where(told, _partitions(topology, plan) - committed, np.nan)


def _expires(now: ClusterSnapshot, plan: Plan, seconds: Values, lag: Values) -> Values:
    """Return, for each commit (C), the time until its first uncommitted record may be deleted."""
    retention = known(now.retention_ms) / 1000
    retention[now.retention_ms == -1] = np.inf
    topic: Int32s = now.commits.topology.topic[plan.row]
    left = np.maximum(retention[topic] - seconds, 0.0)
    return np.where(lag == 0, np.inf, left)


def _counts(values: list[int | None]) -> Values:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
