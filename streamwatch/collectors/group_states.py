"""The states of groups in partitions, followed from read to read, and which topics groups want."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.backlog import Backlog
from streamwatch.collectors.columns import known
from streamwatch.collectors.following import Following, PairNumbers, TopicNumbers, owners, partition_keys
from streamwatch.collectors.group_plan import GroupPlan, entry_keys, fold_entries
from streamwatch.collectors.states import BLANK, CommitRead, GroupPartitionState, Memory, States, Thresholds, advance
from streamwatch.collectors.stuck import StuckKeys
from streamwatch.core.memo import Memo
from streamwatch.model.kafka import Bools, ClusterSnapshot, Int64s, Topology
from streamwatch.model.metric import Keys, Samples, Values

_KEEP_SECONDS: Final = 3600.0
"""What was seen of a group is remembered for so long while its coordinator does not answer."""
_GONE_SECONDS: Final = 600.0
"""And for so long once the group, or its topic, is no more, as far as reads show all that there are: where they come
and go all the time, an hour of them is many times what there is, and each read moves it."""
_SWEEP_SECONDS: Final = 60.0
_MOST_STEP_SECONDS: Final = 60.0
"""Between two reads no more counts as watched: the agent, or the cluster, may have stood still."""


class _Wants(NamedTuple):
    """What is remembered of groups and topics: shape U each, monotonic seconds."""

    asked_at: Values
    moved_at: Values


_UNWANTED: Final = _Wants(float("-inf"), float("-inf"))  # type: ignore[arg-type]  # one number a column


class GroupVerdict(NamedTuple):
    """What one read of a cluster's groups comes to."""

    state: States
    """E: of each entry of the plan."""
    uncertain: Values
    """C: up to which offset what a commit of the plan leaves unread may be no record; NaN where there is no doubt."""
    wanted: Bools
    """U: whether the group wants the topic."""
    samples: list[Samples]


class GroupStates:
    """Follows the groups of one cluster; partitions and groups may come and go."""

    def __init__(self, stalled_after: float = 600.0, wanted_for: float = 86400.0, interval: float = 15.0) -> None:
        """Begin.

        Args:
            stalled_after: seconds that a position stands while records come, until it is stalled.
            wanted_for: seconds that a topic stays wanted when no member asks for it any more, and no commit moves.
            interval: seconds between two reads.

        """
        self._thresholds = Thresholds(stalled_after, interval)
        self._wanted_for = wanted_for
        self._topics = TopicNumbers()
        self._pairs = PairNumbers()
        self._keys = Memo[tuple[Int64s, Int64s]]()
        self._memory = Following(BLANK, _KEEP_SECONDS)
        self._wants = Following(_UNWANTED, _KEEP_SECONDS)
        self._state_keys = Memo[list[Keys]]()
        self._stuck = StuckKeys()
        self._at = self._swept_at = float("-inf")
        self._watched = 0.0
        """For how many seconds reads have shown all groups and topics, in all."""
        self.last: tuple[GroupPlan, States] | None = None
        """The plan and the states (E) of the last read."""

    def judge(self, now: ClusterSnapshot, topology: Topology, plan: GroupPlan, left: Backlog) -> GroupVerdict:
        """Return the verdict on one read.

        Args:
            now: the read.
            topology: its topology.
            plan: of its commits and of what members hold.
            left: what the plan's commits (C) leave unread.

        """
        before, at = self._at, max(now.offsets_monotonic, self._at)
        self._at = at
        is_whole = now.groups_complete and not now.lacks_topics
        self._watched += min(at - before, _MOST_STEP_SECONDS) if is_whole else 0.0
        pair_keys, keys = self._keys.get(lambda: self._keyed(plan, topology), plan)
        memory = self._memory.follow(keys, at, self._watched)
        wants = self._wants.follow(pair_keys, at, self._watched)
        if is_whole and at - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = at
            self._sweep(now, topology)
        lately = self._thresholds.held
        alive = _alive(plan, wants, at, lately, self._wanted_for)[plan.entries.pair]
        alive &= plan.entries.held < 1
        seen = _seen(now, plan, left, alive)
        state, moved = advance(memory, seen, at, self._thresholds)
        wants = _Wants(
            asked_at=np.where(plan.asked, at, wants.asked_at),
            moved_at=np.where(fold_entries(np.maximum, moved.astype(np.float64), plan) == 1, at, wants.moved_at),
        )
        self._wants.columns = wants
        wanted = at - np.maximum(wants.asked_at, wants.moved_at) <= self._wanted_for
        self.last = plan, state
        samples = [
            c.GROUP_TOPIC_WANTED.samples(plan.keys, wanted.astype(np.float64)),
            c.GROUP_TOPIC_UNCOMMITTED_RECORDS.samples(plan.keys, _unread(plan, memory, state)),
            *self._counts(plan, state),
            *self._stuck.samples(now, topology, plan, seen, memory, state, at),
        ]
        return GroupVerdict(state, memory.uncertain[plan.entries.of_commit], wanted, samples)

    def uncertain(self, commits: int) -> Values:
        """Return ``GroupVerdict.uncertain`` of the last read, for so many commits in the order of the snapshot."""
        found = np.full(commits, np.nan)
        if self.last is not None:
            plan, _ = self.last
            found[plan.order] = self._memory.columns.uncertain[plan.entries.of_commit]
        return found

    def _sweep(self, now: ClusterSnapshot, topology: Topology) -> None:
        """Forget what was seen of groups and topics that are no more."""
        if not len(self._memory.away) and not len(self._wants.away):
            return
        topics = [*self._topics.of(topology).tolist(), *self._topics.named(now.unseen_topics)]
        there = self._pairs.among({group.name for group in now.groups.groups} | now.sought_groups, topics)
        before = self._watched - _GONE_SECONDS
        self._memory.forget(~np.isin(owners(self._memory.away), there), before)
        self._wants.forget(~np.isin(self._wants.away, there), before)

    def _keyed(self, plan: GroupPlan, topology: Topology) -> tuple[Int64s, Int64s]:
        numbers = self._topics.of(topology)
        pairs = self._pairs.of([row[1] for row in plan.keys.rows], numbers[plan.pair_topic])
        entries = plan.entries
        return pairs, partition_keys(pairs[entries.pair], topology.partition[entries.row].astype(np.int64))

    def _counts(self, plan: GroupPlan, state: States) -> list[Samples]:
        """Count the partitions of each pair by state; those in which there are none are left out."""
        all_keys = self._state_keys.get(
            lambda: [
                Keys(c.GROUP_TOPIC_STATE.labels, [(*row, name) for row in plan.keys.rows])
                for name in (one.name.lower() for one in GroupPartitionState)
            ],
            plan,
        )
        pairs, size = plan.entries.pair, len(plan.keys)
        samples = []
        for one, keys in zip(GroupPartitionState, all_keys, strict=True):
            counts = np.bincount(pairs[state == one], minlength=size).astype(np.float64)
            counts[counts == 0] = np.nan
            samples.append(c.GROUP_TOPIC_STATE.samples(keys, counts))
        return samples


class PartitionStates:
    """Tells the state of each partition of a group, one series each."""

    def __init__(self, groups: GroupStates) -> None:
        self._groups = groups
        self._keys = Memo[Keys]()
        self._cached: dict[GroupPartitionState, tuple[Int64s, Keys, Keys]] = {}

    def samples(self, topology: Topology) -> list[Samples]:
        """Return what the states of the last read are."""
        if self._groups.last is None:
            return []
        plan, state = self._groups.last
        keys = self._keys.get(lambda: entry_keys(plan, topology), plan)
        found = [self._of(one, np.flatnonzero(state == one), keys) for one in GroupPartitionState]
        return [c.GROUP_PARTITION_STATE.samples(some, np.ones(len(some))) for some in found]

    def _of(self, state: GroupPartitionState, index: Int64s, keys: Keys) -> Keys:
        """Return the label sets of the entries in one state; the same object while they are the same entries."""
        cached = self._cached.get(state)
        if cached is not None and cached[1] is keys and np.array_equal(cached[0], index):
            return cached[2]
        name = state.name.lower()
        made = Keys(c.GROUP_PARTITION_STATE.labels, [(*keys.rows[i], name) for i in index.tolist()])
        self._cached[state] = index, keys, made
        return made


def _alive(plan: GroupPlan, wants: _Wants, at: float, lately: float, wanted_for: float) -> Bools:
    """Return for each pair (U) whether somebody reads it although no member is known to hold its partitions.

    A group without members whose commits move is read by consumers that assign themselves. Of one whose members are
    there, and hold nobody knows what, a topic counts whose commits moved.
    """
    groups = len(plan.members)
    moved_at = np.full(groups, -np.inf)
    np.maximum.at(moved_at, plan.pair_group, wants.moved_at)
    members, idle = plan.members[plan.pair_group], plan.idle_members[plan.pair_group]
    settled = (members > 0) & ~np.isnan(idle)
    moves = at - moved_at[plan.pair_group] <= lately
    has_members = (members > 0) & (at - wants.moved_at <= wanted_for)
    return ~settled & (moves | has_members)


def _seen(now: ClusterSnapshot, plan: GroupPlan, left: Backlog, alive: Bools) -> CommitRead:
    """Return what the state machine has to know of each entry (E)."""
    entries = plan.entries
    never = entries.answered.copy()
    never[entries.of_commit] = False

    def spread(values: Values) -> Values:
        spread_out = np.full(len(entries.row), np.nan)
        spread_out[entries.of_commit] = values
        return spread_out

    return CommitRead(
        committed=spread(left.committed),
        never=never,
        completed=spread(np.nan_to_num(left.completed)),
        start=known(now.start_offset)[entries.row],
        end=known(now.end_offset)[entries.row],
        stable=known(now.stable_offset)[entries.row],
        position=spread(left.position),
        limit=spread(left.limit),
        held=entries.held,
        alive=alive,
    )


def _unread(plan: GroupPlan, memory: Memory, state: npt.NDArray[np.int8]) -> Values:
    """Return for each pair (U) the records that came to partitions since they are uncommitted; NaN without entries."""
    these = np.flatnonzero(state == GroupPartitionState.UNCOMMITTED)
    came = np.maximum(memory.end[these] - memory.base[these], 0.0)
    sums = np.bincount(plan.entries.pair[these], weights=came, minlength=len(plan.keys))
    folded = np.full(len(plan.keys), np.nan)
    folded[plan.entries.with_entries] = sums[plan.entries.with_entries]
    return folded
