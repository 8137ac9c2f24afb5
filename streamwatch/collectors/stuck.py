"""The partitions that somebody has to look at, one by one: where a group stands in them, and since when."""

from typing import Final

import numpy as np

from streamwatch.catalogue import kafka_groups as c
from streamwatch.collectors.group_plan import GroupPlan
from streamwatch.collectors.states import CommitRead, GroupPartitionState, Memory, States
from streamwatch.model.kafka import ClusterSnapshot, Int64s, Topology
from streamwatch.model.metric import Keys, Samples

_MOST: Final = 200
"""So many are named, those that wait longest."""
_NAMED: Final = (GroupPartitionState.STALLED, GroupPartitionState.UNCOMMITTED, GroupPartitionState.AHEAD)


class StuckKeys:
    """Names stuck partitions; the label sets are the same object while the same are stuck."""

    def __init__(self) -> None:
        self._plan: GroupPlan | None = None
        self._index: Int64s = np.zeros(0, dtype=np.int64)
        self._states: States = np.zeros(0, dtype=np.int8)
        self._keys = Keys(c.GROUP_PARTITION_STUCK_OFFSET.labels, ())

    def samples(  # noqa: PLR0913, PLR0917 - what a verdict rests on
        self,
        now: ClusterSnapshot,
        topology: Topology,
        plan: GroupPlan,
        seen: CommitRead,
        memory: Memory,
        state: States,
        at: float,
    ) -> list[Samples]:
        """Return the offsets at which groups stand, and since when; arguments as of ``GroupStates.judge``."""
        index = np.flatnonzero(np.isin(state, _NAMED))
        if len(index) > _MOST:
            index = np.sort(index[np.argsort(memory.since[index], kind="stable")[:_MOST]])
        keys = self._of(plan, topology, index, state[index])
        first = np.where(state == GroupPartitionState.UNCOMMITTED, seen.start, np.where(state == GroupPartitionState.AHEAD, seen.committed, seen.position))  # fmt: skip  # noqa: E501
        since = now.offsets_at - (at - memory.since[index])
        return [
            c.GROUP_PARTITION_STUCK_OFFSET.samples(keys, first[index]),
            c.GROUP_PARTITION_STUCK_SINCE.samples(keys, since),
        ]

    def _of(self, plan: GroupPlan, topology: Topology, index: Int64s, states: States) -> Keys:
        same = plan is self._plan and np.array_equal(index, self._index) and np.array_equal(states, self._states)
        if not same:
            self._plan, self._index, self._states = plan, index, states
            entries, names = plan.entries, plan.keys.rows
            self._keys = Keys(
                c.GROUP_PARTITION_STUCK_OFFSET.labels,
                [
                    (*names[pair], str(partition), GroupPartitionState(state).name.lower())
                    for pair, partition, state in zip(
                        entries.pair[index].tolist(),
                        topology.partition[entries.row[index]].tolist(),
                        states.tolist(),
                        strict=True,
                    )
                ],
            )
        return self._keys
