"""What every handler is given, and what they share."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from streamwatch.reference.kafka.acls import AclOperation, ResourceType
from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.cluster import Cluster
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import Topic
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kafka.wire import Answer, Body, KafkaRequest
from streamwatch.reference.timers import Later

T = TypeVar("T")

Reply = Answer | Later[Answer] | None
"""What a handler gives: an answer, one that comes later, or none at all (produce with acks=0)."""

Handler = Callable[["Context"], Reply]

CLUSTER: Final = "kafka-cluster"
"""The name of the resource of type cluster."""
NO_ID: Final = uuid.UUID(int=0)
NOT_CONTROLLER: Final = "This is not the correct controller for this cluster."
MALFORMED: Final = (
    "This most likely occurs because of a request being malformed by the client library or the message was sent to an "
    "incompatible broker. See the broker logs for more details."
)
"""What Kafka says of INVALID_REQUEST where nothing better is known."""


@dataclass(slots=True)
class Context:
    """One request, who sent it, and the broker that it came to."""

    site: Site
    broker: Broker
    request: KafkaRequest
    listener: str
    principal: str
    host: str
    now: float
    injected: Code = Code.NONE
    """A fault: this answer is to be an error."""

    @property
    def cluster(self) -> Cluster:
        """The model."""
        return self.site.cluster

    @property
    def body(self) -> Body:
        """The request's fields."""
        return self.request.body

    @property
    def version(self) -> int:
        """The request's version."""
        return self.request.version

    def may(self, operation: AclOperation, kind: ResourceType, name: str) -> bool:
        """Whether the principal has a right."""
        return self.site.acls.allowed(self.principal, self.host, operation, kind, name)

    def may_topic(self, operation: AclOperation, name: str) -> bool:
        """Whether the principal has a right on a topic."""
        return self.may(operation, ResourceType.TOPIC, name)

    def may_cluster(self, operation: AclOperation) -> bool:
        """Whether the principal has a right on the cluster."""
        return self.may(operation, ResourceType.CLUSTER, CLUSTER)

    def operations(self, kind: ResourceType, name: str) -> set[int]:
        """Return what the principal may do, as the bits of authorized_operations."""
        return {int(one) for one in self.site.acls.operations_on(self.principal, self.host, kind, name)}

    def topic(self, name: str, topic_id: uuid.UUID | None = None) -> Topic | Code:
        """Find a topic by its id where the request has one, by its name otherwise."""
        if not name and topic_id and topic_id != NO_ID:
            return self.cluster.topics_by_id.get(topic_id, Code.UNKNOWN_TOPIC_ID)
        return self.cluster.topics.get(name, Code.UNKNOWN_TOPIC_OR_PARTITION)


def by_topic(rows: Iterable[tuple[T, Any]]) -> Iterator[tuple[T, list[Any]]]:
    """Group (topic, partition's answer) by topic, in the order in which topics come first."""
    grouped: dict[T, list[Any]] = {}
    for topic, row in rows:
        grouped.setdefault(topic, []).append(row)
    yield from grouped.items()


def gathered(answers: Sequence[Later[T]], then: Callable[[list[T]], Answer]) -> Later[Answer]:
    """Return the answer that is made of several when the last of them is there."""
    whole: Later[Answer] = Later()

    def look(_: T | None = None) -> None:
        if all(answer.done for answer in answers):
            whole.settle(then([answer.answer for answer in answers if answer.answer is not None]))

    for each in answers:
        each.then(look)
    look()
    return whole


def is_elsewhere(context: Context) -> bool:
    """Whether only another broker, the controller of a cluster with ZooKeeper, does what is asked for."""
    controller = context.cluster.controller.leader
    return not context.cluster.spec.kraft and controller is not None and controller != context.broker.id


def on_controller(context: Context, do: Callable[[float], Answer]) -> Reply:
    """Do what only the controller can; where there is none, the client waits until there is one."""
    if context.cluster.controller.is_active and not context.broker.is_isolated:
        return do(context.now)
    whole: Later[Answer] = Later()
    site = context.site
    context.cluster.controller.when_active().then(lambda _: whole.settle(do(site.clock())))
    return whole
