"""Consumer groups: who reads, how far behind they are, and what they are about to lose."""

import numpy as np

from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.backlog import Backlog, Methods, ages, backlog
from streamwatch.collectors.columns import known
from streamwatch.collectors.group_plan import GroupPlan, by_group, fold, plan
from streamwatch.collectors.group_states import GroupStates
from streamwatch.collectors.lag import EndOffsetHistory, Method
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import CleanupPolicy, ClusterSnapshot, Topology
from streamwatch.model.metric import Keys, Samples, Values


class GroupCollector:
    """Folds committed and end offsets into lag, in records and in seconds, and into states."""

    def __init__(self, history: EndOffsetHistory, states: GroupStates | None = None) -> None:
        self._history = history
        self._states = GroupStates(interval=history.interval) if states is None else states
        self._plan = Memo[GroupPlan]()
        self._methods = Memo[list[Keys]]()

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return the samples of groups, and of groups by topic."""
        topology = now.topology
        if topology is None:
            return []
        at = self._plan.get(lambda: plan(now, topology), now.commits, topology, now.selected)
        self._history.add(now.offsets_monotonic, topology, at.rows, now.end_offset)
        left = backlog(now, at.order, at.row)
        verdict = self._states.judge(now, topology, at, left)
        seconds, method = ages(now, self._history, left, at.order, at.row, verdict.uncertain)
        pair_lag, pair_seconds = fold(np.add, left.lag, at), fold(np.fmax, seconds, at)
        per_pair = {
            c.GROUP_TOPIC_LAG: pair_lag,
            c.GROUP_TOPIC_LAG_SECONDS: pair_seconds,
            c.GROUP_TOPIC_EXPIRES: _soonest(_expires(now, topology, at, seconds, left), at),
            c.GROUP_TOPIC_LOST: fold(np.add, left.lost, at),
            c.GROUP_TOPIC_AHEAD: fold(np.add, left.ahead, at),
            c.GROUP_TOPIC_MAX_LAG: fold(np.fmax, left.lag, at),
            c.GROUP_TOPIC_COMMITTED: fold(np.add, left.committed, at),
            c.GROUP_TOPIC_UNCOMMITTED: _uncommitted(now, topology, at),
            c.GROUP_TOPIC_UNASSIGNED: np.diff(topology.topic_start).astype(np.float64)[at.pair_topic] - at.assigned,
        }
        per_group = {
            c.GROUP_LAG: by_group(np.add, pair_lag, at),
            c.GROUP_LAG_SECONDS: by_group(np.fmax, pair_seconds, at),
            c.GROUP_MEMBERS: at.members,
            c.GROUP_IDLE_MEMBERS: at.idle_members,
        }
        return [
            *(metric.samples(at.group_keys, values) for metric, values in per_group.items()),
            c.GROUP_STATE.samples(at.state_keys, np.ones(len(at.state_keys))),
            *(metric.samples(at.keys, values) for metric, values in per_pair.items()),
            *self._by_method(at, method),
            *verdict.samples,
        ]

    def _by_method(self, at: GroupPlan, method: Methods) -> list[Samples]:
        """Count the partitions of each pair by the method that their lag in seconds is known by."""
        all_keys = self._methods.get(
            lambda: [
                Keys(c.GROUP_TOPIC_LAG_METHOD.labels, [(*row, name) for row in at.keys.rows])
                for name in (one.name.lower() for one in Method)
            ],
            at,
        )
        counts = [fold(np.add, (method == m).astype(np.float64), at) for m in Method]
        return [c.GROUP_TOPIC_LAG_METHOD.samples(k, v) for k, v in zip(all_keys, counts, strict=True)]


def _soonest(expires: Values, at: GroupPlan) -> Values:
    """Return the least of each pair (U) that is known; "never" only where that is known of all."""
    least = fold(np.fmin, expires, at)
    unknown = fold(np.maximum, np.isnan(expires).astype(np.float64), at) > 0
    least[np.isinf(least) & unknown] = np.nan
    return least


def _uncommitted(now: ClusterSnapshot, topology: Topology, at: GroupPlan) -> Values:
    """Return for each pair (U) the partitions that have records, and no commit of the group."""
    held = known(now.end_offset) - known(now.start_offset)
    records = np.where(np.isnan(held), np.nan, held > 0)
    total = np.add.reduceat(records, topology.topic_start[:-1]) if len(records) else np.zeros(0)
    committed = np.bincount(at.pair, weights=np.nan_to_num(records[at.row]), minlength=len(at.keys)).astype(np.float64)
    answered = now.commits.answered[at.pair_group] if len(at.keys) else np.zeros(0, dtype=bool)
    return np.where(answered, total[at.pair_topic] - committed, np.nan)


def _expires(now: ClusterSnapshot, topology: Topology, at: GroupPlan, seconds: Values, left: Backlog) -> Values:
    """Return, for each commit (C), the time until its first unread record may be deleted."""
    retention = known(now.retention_ms) / 1000
    retention[now.retention_ms == -1] = np.inf
    keeps = (now.cleanup_policy == CleanupPolicy.COMPACT) | (now.cleanup_policy == CleanupPolicy.NONE)
    retention[keeps] = np.inf
    retention = retention[topology.topic[at.row]]
    time_left = np.maximum(retention - seconds, 0.0)
    time_left[np.isinf(retention) & (left.lag > 0)] = np.inf
    return np.where(left.nothing, np.inf, time_left)
