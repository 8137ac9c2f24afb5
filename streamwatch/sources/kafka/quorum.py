"""Whether a controller is active, as a broker finds it.

In KRaft a broker passes the question on to the controllers. Only two things say that there is none: an answer that
names no leader, and silence (which a broker may report, as a timeout) of brokers that answer everything else. Any other
error says that it is not known.
"""

import math
from dataclasses import dataclass
from typing import Final

from streamwatch.core.errors import SourceUnsupported
from streamwatch.model.kafka import Quorum
from streamwatch.model.snapshot import Problem, Reason
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM, Message, decoding
from streamwatch.sources.kafka.broker_connection import BrokerConnection, Unanswered
from streamwatch.sources.kafka.controllers import quorum_of
from streamwatch.sources.kafka.metadata import Metadata
from streamwatch.sources.kafka.problems import refusal
from streamwatch.sources.kafka.read_session import ReadSession

_LEADER_AND_ISR: Final = 4
"""The key of an API that brokers offer each other where ZooKeeper elects the controller, and nobody else does."""
_NOBODY: Final = frozenset({codes.REQUEST_TIMED_OUT, codes.LEADER_NOT_AVAILABLE})
"""No controller answered the broker, or the controllers are without a leader."""
_SETTLED: Final[frozenset[Reason]] = frozenset({"denied", "unsupported", "budget"})
"""What another broker would not answer otherwise."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one broker knows of the controllers."""

    active: float
    """Active controllers: 1 or 0; NaN where it could not say, and ``problem`` says why."""
    quorum: Quorum | None = None
    """Who the active controller is, and who follows it."""
    problem: Problem | None = None

    @property
    def final(self) -> bool:
        """Whether it is no use to ask another broker."""
        return self.active == 1 or (self.problem is not None and self.problem.reason in _SETTLED)


async def ask_quorum(session: ReadSession, connection: BrokerConnection, metadata: Metadata) -> Opinion:
    """Ask a broker whether a controller is active.

    Raises:
        SourceError: it did not answer, and that says nothing of the controllers.

    """
    try:
        version = connection.version(DESCRIBE_QUORUM)
    except SourceUnsupported as error:
        return _by_metadata(connection, metadata, error)
    data = DESCRIBE_QUORUM.request.TopicData
    partition = data.PartitionData(version=version, partition_index=0)
    topic = data(version=version, topic_name="__cluster_metadata", partitions=[partition])
    try:
        answer = await session.ask(connection, DESCRIBE_QUORUM, DESCRIBE_QUORUM.encode(version, topics=[topic]))
    except Unanswered as error:
        if error.api is not DESCRIBE_QUORUM:
            raise  # the connection was dropped for another request's sake
        if error.is_short:
            detail = f"broker {connection.name}: {error}, for which the read left hardly any time"
            return Opinion(math.nan, problem=Problem("cluster", "timeout", detail))
        return Opinion(0.0)
    message = DESCRIBE_QUORUM.decode(version, answer)
    with decoding(DESCRIBE_QUORUM):
        return _read(connection, message)


def _by_metadata(connection: BrokerConnection, metadata: Metadata, error: SourceUnsupported) -> Opinion:
    """Before KRaft the metadata names the controller; a service that is no Kafka may name none, and have one."""
    if metadata.controller_id >= 0:
        return Opinion(1.0, Quorum(metadata.controller_id))
    if _LEADER_AND_ISR in connection.offered:
        return Opinion(0.0)
    detail = f"broker {connection.name}: {error}, and Metadata names no controller: whether one is active is not known"
    return Opinion(math.nan, problem=Problem("cluster", "unsupported", detail))


def _read(connection: BrokerConnection, message: Message) -> Opinion:
    what = f"broker {connection.name}: whether a controller is active: DescribeQuorum"
    partitions = [partition for topic in message.topics for partition in topic.partitions]
    code = message.error_code or next((partition.error_code for partition in partitions if partition.error_code), 0)
    if code in _NOBODY:
        return Opinion(0.0)
    if code:
        return Opinion(math.nan, problem=refusal("cluster", code, what))
    if not partitions:
        return Opinion(math.nan, problem=Problem("cluster", "misread", f"{what}: an answer without a partition"))
    if any(partition.leader_id >= 0 for partition in partitions):
        return Opinion(1.0, quorum_of(message))
    return Opinion(0.0)
