"""The model of a Kafka cluster: brokers, topics, replication, controller. It does no I/O; time is passed in."""

import copy

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.cluster_state import ClusterState, Meters
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.controller import Controller
from streamwatch.reference.kafka.log_dir import LogDir
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.kafka.replication import Replication
from streamwatch.reference.kafka.spec import Spec


class _NoMeters:
    def replicated(self, follower: int, leader: int, size: int, now: float) -> None:
        pass


class Cluster(ClusterState):
    """Everything that the brokers of one cluster know. Every argument ``now`` is in Unix seconds and never falls."""

    def __init__(self, spec: Spec, now: float, meters: Meters | None = None) -> None:
        super().__init__(spec, meters or _NoMeters())
        self.replication = Replication(self, self)
        self.controller = Controller(self, self.replication, spec.controller_ids)
        self.replication.start(now)
        self.controller.start(now)
        self.timers.at(now + self.settings.seconds("log.retention.check.interval.ms"), self._retain)

    # What leaders and followers ask for (see Decisions)

    def alter_isr(self, partition: Partition, isr: tuple[int, ...], now: float) -> bool:
        """Let the controller decide on an ISR; return whether it changed it."""
        return self.controller.alter_isr(partition, isr, now)

    def follow_up(self, partition: Partition, now: float) -> None:
        """Let the controller end a move when everything new is in sync."""
        self.controller.follow_up(partition, now)

    def has_room(self, broker: int, volume: LogDir, size: int, now: float) -> bool:
        """Return whether so many bytes fit; a volume that is full goes offline, as Kafka's do."""
        if not volume.is_online:
            return False
        if size <= volume.free:
            return True
        self.fail_dir(self.brokers[broker], volume, now, "is full")
        return False

    def fail_dir(self, broker: Broker, volume: LogDir, now: float, why: str = "failed") -> None:
        """A log directory goes offline: its replicas are gone, and with the last directory the broker."""
        if not volume.is_online:
            return
        volume.is_online = False
        self.record_event(now, f"{volume.path} of broker {broker.id} {why}")
        if not any(one.is_online for one in broker.dirs):
            self.stop(broker, now)
            return
        for partition in tuple(broker.partitions):
            if partition.replicas[broker.id].volume is volume and self.controller.is_active:
                self.controller.withdraw(partition, broker.id, now)

    # What happens to a broker

    def stop(self, broker: Broker, now: float, *, gracefully: bool = False) -> None:
        """End a broker's process: at once (kill -9), or after it has handed over what it leads."""
        if not broker.is_running:
            return
        if gracefully and self.controller.is_active and broker.is_connected:
            self.controller.fence(broker, now)
            broker.stale = None
        broker.is_running = broker.is_frozen = False
        self.record_event(now, f"broker {broker.id} {'stopped' if gracefully else 'died'}")
        self._unheard(broker, now)

    def start(self, broker: Broker, now: float) -> None:
        """Start a broker again, on its old data."""
        if broker.is_running:
            return
        broker.is_running = True
        broker.epoch += 1
        self.record_event(now, f"broker {broker.id} started")
        for volume in broker.dirs:
            volume.is_online = volume.is_online or volume.free > 0
        if self.controller.is_active:
            self.controller.fence(broker, now)  # its new registration ends the old one, which may not have ended yet
        self._on_switch(broker, now)

    def freeze(self, broker: Broker, now: float) -> None:
        """Let a broker do nothing, with its connections open (SIGSTOP)."""
        broker.is_frozen = True
        self.record_event(now, f"broker {broker.id} froze")
        self._unheard(broker, now)

    def thaw(self, broker: Broker, now: float) -> None:
        """Let a frozen broker go on."""
        broker.is_frozen = False
        self.record_event(now, f"broker {broker.id} thawed")
        self._on_switch(broker, now)

    def isolate(self, broker: Broker, now: float) -> None:
        """Cut a broker off from the other brokers and the controller; clients still reach it."""
        broker.is_isolated = True
        broker.stale = {partition: copy.copy(partition.state) for partition in self.partitions()}
        self.record_event(now, f"broker {broker.id} is isolated")
        self._unheard(broker, now)

    def reconnect(self, broker: Broker, now: float) -> None:
        """End an isolation."""
        broker.is_isolated = False
        self.record_event(now, f"broker {broker.id} is reconnected")
        self._on_switch(broker, now)

    def _unheard(self, broker: Broker, now: float) -> None:
        self.switched.append(broker)
        broker.lost = broker.lost or (self.controller.end(now), now)
        self.controller.broker_lost(broker, now)
        if not self.spec.kraft:
            self.controller.stop_voter(broker.id, now)

    def _on_switch(self, broker: Broker, now: float) -> None:
        self.switched.append(broker)
        if not broker.is_connected:
            return
        broker.lost = None
        if not self.spec.kraft:
            self.controller.start_voter(broker.id, now)
        self.controller.broker_back(broker, now)
        if not broker.is_fenced:
            for each in self.brokers:
                self.replication.resume(each, now)

    def delete_records(self, partition: Partition, offset: int, now: float, *, with_segments: bool = False) -> int:
        """Move the start of a partition's log; return where it starts."""
        leader = partition.leader
        if leader is None:
            raise RequestRefused(Code.NOT_LEADER_OR_FOLLOWER, "there is no leader")
        leader.log.delete_before(offset, with_segments=with_segments)
        leader.settle()
        for replica in partition.replicas.values():
            if replica is not leader and replica.log.end >= offset:
                replica.log.delete_before(offset, with_segments=with_segments)
                replica.settle()
        self.replication.changed(partition, now)
        return leader.log.start

    def _retain(self, now: float) -> None:
        """Delete what is older or larger than the topics keep."""
        for topic in self.topics.values():
            if "delete" not in self.setting(topic, "cleanup.policy"):
                continue
            keep_ms, keep_bytes = (int(self.setting(topic, name)) for name in ("retention.ms", "retention.bytes"))
            oldest = int(now * 1000) - keep_ms if keep_ms >= 0 else None
            for partition in topic.partitions:
                leader = partition.leader
                if leader is not None and leader.log.size:
                    start = leader.log.retained_from(oldest, keep_bytes if keep_bytes >= 0 else None)
                    if start > leader.log.start:
                        self.delete_records(partition, min(start, leader.high_watermark), now, with_segments=True)
        self.timers.at(now + self.settings.seconds("log.retention.check.interval.ms"), self._retain)
