"""What DescribeQuorum returns about the controllers: who is active, and how far each replica of their log is behind."""

import math

from streamwatch.model.kafka import Quorum, QuorumReplica
from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM, Message, decoding


def quorum_of(message: Message) -> Quorum | None:
    """Return the controllers' quorum; None where the answer names no active controller.

    Raises:
        SourceMisread: the answer decodes to what cannot be.

    """
    with decoding(DESCRIBE_QUORUM):
        for partition in (partition for topic in message.topics for partition in topic.partitions):
            if partition.leader_id >= 0 and not partition.error_code:
                return Quorum(
                    leader=partition.leader_id,
                    epoch=partition.leader_epoch,
                    high_watermark=partition.high_watermark,
                    replicas=_replicas(partition),
                )
    return None


def _replicas(partition: Message) -> tuple[QuorumReplica, ...]:
    """Return voters and observers; of a node that is there with two directories (KIP-853), the one that has more."""
    found: dict[tuple[int, bool], QuorumReplica] = {}
    for states, voter in ((partition.current_voters, True), (partition.observers, False)):
        for state in states:
            caught_up = getattr(state, "last_caught_up_timestamp", -1)  # not before version 1 (Kafka 3.3)
            at = caught_up / 1000 if caught_up is not None and caught_up >= 0 else math.nan
            replica = QuorumReplica(state.replica_id, voter, state.log_end_offset, at)
            other = found.get((replica.id, voter))
            if other is None or other.log_end_offset < replica.log_end_offset:
                found[replica.id, voter] = replica
    return tuple(found.values())
