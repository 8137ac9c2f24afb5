"""The controller: who is alive, who leads, who is in sync, where replicas move. Without it nothing of that changes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.cluster_state import ClusterState
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import NO_LEADER, Partition
from streamwatch.reference.kafka.replication import Replication
from streamwatch.reference.timers import Later, Timer

_FAILOVER_SECONDS: Final = 1.5
"""From a controller's death to the next one's first decision (controller.quorum.fetch.timeout.ms and an election)."""
_NOTHING_SECONDS: Final = 0.5
"""So often the active controller writes a record that says nothing (metadata.max.idle.interval.ms)."""
_REBALANCE_SECONDS: Final = 300.0
_IMBALANCE: Final = 0.1
"""From this share of partitions on that a broker does not lead though it should (leader.imbalance.per.broker...)."""


_NEVER_FETCHED: Final = (-1, -0.001)
"""Of who does not run at an election: the new controller knows neither offset nor time, and says -1 of both."""


@dataclass(slots=True)
class Voter:
    """A member of the controllers' quorum."""

    id: int
    is_running: bool = True
    lost: tuple[int, float] | None = None
    """How far it was in the metadata log when it was last heard of, and when that was."""


class Controller:
    """The quorum of controllers, and what its leader decides. In ZooKeeper mode the voters are the brokers."""

    def __init__(self, state: ClusterState, replication: Replication, voters: Sequence[int]) -> None:
        self._state = state
        self._replication = replication
        self.voters = {each: Voter(each) for each in voters}
        self.leader: int | None = voters[0]
        self.epoch = 1
        self.offset = 0
        """How many records were decided on; see ``end``."""
        self._began = 0.0
        self.elections = 0
        self.unclean_elections = 0
        self._lost: dict[int, Timer] = {}
        self._waiting: list[Later[bool]] = []

    def start(self, now: float) -> None:
        """Begin the metadata log, and to give leadership back to preferred leaders, every five minutes."""
        self._began = now
        self._state.timers.at(now + _REBALANCE_SECONDS, self._rebalance)

    def end(self, now: float) -> int:
        """Return the end of the metadata log: it rises with every decision, and twice a second without one."""
        return self.offset + int((now - self._began) / _NOTHING_SECONDS)

    def append_records(self, records: int) -> None:
        """Add records to the metadata log, for what was decided elsewhere."""
        self.offset += records

    @property
    def is_active(self) -> bool:
        """Whether there is one that decides."""
        return self.leader is not None

    def when_active(self) -> Later[bool]:
        """Return the answer for a request that must be forwarded to the controller."""
        if self.is_active:
            return Later.now(answer=True)
        self._waiting.append(Later())
        return self._waiting[-1]

    # The quorum

    def stop_voter(self, voter: int, now: float) -> None:
        """A controller dies; if it was the active one, the next takes over a moment later, if most are left."""
        self.voters[voter].is_running = False
        self.voters[voter].lost = (self.end(now), now)
        if self.leader == voter:
            self.leader = None
            self._state.record_event(now, f"controller {voter} is gone")
        if not self._has_majority:
            self.leader = None
        self._state.timers.at(now + _FAILOVER_SECONDS, self._elect_controller)

    def start_voter(self, voter: int, now: float) -> None:
        """A controller is back."""
        self.voters[voter].is_running = True
        self.voters[voter].lost = None
        self._state.timers.at(now + _FAILOVER_SECONDS, self._elect_controller)

    @property
    def _has_majority(self) -> bool:
        running = sum(voter.is_running for voter in self.voters.values())
        return running * 2 > len(self.voters) if self._state.spec.kraft else running > 0

    def _elect_controller(self, now: float) -> None:
        if self.leader is not None or not self._has_majority:
            return
        self.leader = min(voter.id for voter in self.voters.values() if voter.is_running)
        self.epoch += 1
        for voter in (voter for voter in self.voters.values() if not voter.is_running):
            voter.lost = _NEVER_FETCHED
        self._state.record_event(now, f"controller {self.leader} is active")
        self._take_over(now)
        for each in self._state.brokers:
            self._replication.resume(each, now)
        waiting, self._waiting = self._waiting, []
        for later in waiting:
            later.settle(answer=True)

    def _take_over(self, now: float) -> None:
        """Look after what happened while nobody decided."""
        for broker in self._state.brokers.values():
            if broker.is_connected:
                self.broker_back(broker, now)
            elif not broker.is_fenced:
                self.broker_lost(broker, now)
        for partition in self._state.partitions():
            if partition.state.leader == NO_LEADER:
                self.elect(partition, now)

    # Brokers

    def broker_lost(self, broker: Broker, now: float) -> None:
        """A broker's heartbeats do not come any more: it is fenced when its session ends."""
        session = self._state.settings.seconds("broker.session.timeout.ms")
        self._forget_loss(broker)
        self._lost[broker.id] = self._state.timers.at(now + session, lambda then: self.fence(broker, then))

    def broker_back(self, broker: Broker, now: float) -> None:
        """A broker's heartbeats come again."""
        self._forget_loss(broker)
        if not self.is_active:
            return
        if broker.is_fenced:
            broker.is_fenced = False
            self._changed()
            self._state.record_event(now, f"broker {broker.id} is registered")
        for partition in tuple(broker.partitions):
            if partition.state.leader == NO_LEADER:
                self.elect(partition, now)
        self.send_metadata(broker, now)

    def send_metadata(self, broker: Broker, now: float) -> None:
        """A broker gets all metadata: it leads no more what others lead."""
        broker.stale = None
        for partition in broker.partitions:
            if partition.deposed.pop(broker.id, None) is not None:
                self._replication.changed(partition, now)

    def _forget_loss(self, broker: Broker) -> None:
        timer = self._lost.pop(broker.id, None)
        if timer is not None:
            timer.cancel()

    def fence(self, broker: Broker, now: float) -> None:
        """Take a broker for dead: it leaves every ISR in which others are left, and others lead."""
        self._forget_loss(broker)
        if not self.is_active or broker.is_fenced:
            return
        broker.is_fenced = True
        self._changed()
        self._state.record_event(now, f"broker {broker.id} is fenced")
        if broker.is_running and broker.stale is None:
            broker.stale = {partition: copy.copy(partition.state) for partition in broker.partitions}
        for partition in tuple(broker.partitions):
            self.withdraw(partition, broker.id, now)

    def withdraw(self, partition: Partition, broker: int, now: float) -> None:
        """Take a replica out of the ISR, and the leadership from it."""
        state = partition.state
        others = tuple(each for each in state.isr if each != broker)
        was_leader = state.leader == broker
        if others and others != state.isr:
            state.isr = others
            state.epoch += 1
        if was_leader:
            self.elect(partition, now)
        else:
            self._replication.behind.add(partition)
            self._replication.advance(partition, now)

    # Leaders

    def is_eligible(self, partition: Partition, broker: int) -> bool:
        """Whether a replica could lead: its broker and its disk are there."""
        replica = partition.replicas.get(broker)
        return replica is not None and not self._state.brokers[broker].is_fenced and replica.volume.is_online

    def elect(self, partition: Partition, now: float, *, unclean: bool | None = None) -> bool:
        """Choose a leader among the ISR; among all replicas where that is allowed. Return whether there is one."""
        if not self.is_active:
            return False
        state = partition.state
        fit = [each for each in state.replicas if self.is_eligible(partition, each)]
        clean = [each for each in fit if each in state.isr]
        if clean:
            self.lead(partition, clean[0], now)
            return True
        may = self._state.setting(partition.topic, "unclean.leader.election.enable") == "true"
        if fit and (may if unclean is None else unclean):
            self.unclean_elections += 1
            state.isr = (fit[0],)
            self.lead(partition, fit[0], now)
            return True
        self.lead(partition, NO_LEADER, now)
        return False

    def lead(self, partition: Partition, broker: int, now: float) -> None:
        """Make a replica the leader, in a new epoch; -1 for nobody."""
        state, old = partition.state, partition.state.leader
        if old == broker == NO_LEADER:
            return
        if old != NO_LEADER and self._state.brokers[old].is_running and not self._state.brokers[old].is_connected:
            partition.deposed[old] = state.leader_epoch
        state.leader = broker
        state.leader_epoch += 1
        state.epoch += 1
        self.elections += 1
        self._changed()
        for replica in partition.replicas.values():
            replica.known_end = -1
        partition.deposed.pop(broker, None)
        self._replication.failed(partition, now)
        leader = partition.leader
        if leader is not None:
            leader.reconciled_epoch = state.leader_epoch
            for replica in partition.replicas.values():
                replica.caught_up_at = now
        self._replication.changed(partition, now)
        self._replication.advance(partition, now)
        self._state.leader_changed(partition)

    def elect_preferred(self, partition: Partition, now: float) -> Code:
        """Give the leadership to the first replica, if it is in sync."""
        preferred = partition.state.replicas[0]
        if partition.state.leader == preferred:
            return Code.ELECTION_NOT_NEEDED
        if preferred not in partition.state.isr or not self.is_eligible(partition, preferred):
            return Code.PREFERRED_LEADER_NOT_AVAILABLE
        self.lead(partition, preferred, now)
        return Code.NONE

    def _rebalance(self, now: float) -> None:
        self._state.timers.at(now + _REBALANCE_SECONDS, self._rebalance)
        if not self.is_active:
            return
        for broker in self._state.brokers.values():
            preferred = [partition for partition in broker.partitions if partition.state.replicas[0] == broker.id]
            astray = [one for one in preferred if one.state.leader != broker.id]
            if len(astray) > _IMBALANCE * len(preferred):
                for partition in astray:
                    self.elect_preferred(partition, now)

    # The ISR

    def alter_isr(self, partition: Partition, isr: tuple[int, ...], now: float) -> bool:
        """Decide what a leader asks for (AlterPartition); return whether it was done."""
        leader = partition.leader
        if leader is None or not self.is_active or not self._state.brokers[leader.broker].is_connected:
            return False
        partition.state.isr = isr
        partition.state.epoch += 1
        self._changed()
        self._replication.advance(partition, now)
        return True

    # Moving replicas

    def reassign(self, partition: Partition, target: tuple[int, ...], now: float) -> None:
        """Begin to move a partition to other brokers: it has both until the new ones are in sync."""
        state = partition.state
        origin = tuple(each for each in state.replicas if each not in state.adding)
        state.adding = tuple(each for each in target if each not in origin)
        state.removing = tuple(each for each in origin if each not in target)
        for each in set(state.replicas) - {*target, *origin}:
            self._drop(partition, each)
        state.replicas = (*target, *state.removing)
        for each in state.adding:
            if each not in partition.replicas:
                self._state.brokers[each].add_replica(partition, now)
        state.epoch += 1
        self._changed()
        self._replication.changed(partition, now)
        self.follow_up(partition, now)

    def cancel(self, partition: Partition, now: float) -> Code:
        """Stop a move: the partition stays where it was."""
        state = partition.state
        if not (state.adding or state.removing):
            return Code.NO_REASSIGNMENT_IN_PROGRESS
        kept = tuple(each for each in state.replicas if each not in state.adding)
        for each in state.adding:
            self._drop(partition, each)
        state.replicas, state.adding, state.removing = kept, (), ()
        state.epoch += 1
        if state.leader not in kept:
            self.elect(partition, now)
        self._changed()
        return Code.NONE

    def follow_up(self, partition: Partition, now: float) -> None:
        """End a move when everything new is in sync."""
        state = partition.state
        target = tuple(each for each in state.replicas if each not in state.removing)
        if not (state.adding or state.removing) or not set(target) <= set(state.isr) or not self.is_active:
            return
        state.isr = tuple(each for each in state.isr if each in target)
        gone, state.replicas, state.adding, state.removing = state.removing, target, (), ()
        if state.leader not in target:
            self.elect(partition, now)
        for each in gone:
            self._drop(partition, each)
        state.epoch += 1
        self._changed()
        self._replication.changed(partition, now)
        self._state.record_event(now, f"{partition.topic.name}-{partition.index} is on {list(target)} now")

    def _drop(self, partition: Partition, broker: int) -> None:
        partition.state.isr = tuple(each for each in partition.state.isr if each != broker) or partition.state.isr
        if broker in partition.replicas:
            self._state.brokers[broker].remove_replica(partition)

    def _changed(self) -> None:
        self.offset += 1
        self._state.changes += 1
