"""Registered consumers (enhanced fan-out), and their subscriptions."""

from typing import Any, Final

from streamwatch.reference.kinesis import page_tokens
from streamwatch.reference.kinesis.account import Answer, Kinesis, Parameters
from streamwatch.reference.kinesis.errors import in_use, invalid, no_consumer, too_many
from streamwatch.reference.kinesis.operations.records import position
from streamwatch.reference.kinesis.operations.shards import find
from streamwatch.reference.kinesis.stream import Consumer, Stream
from streamwatch.reference.kinesis.subscriptions import Subscription

_MOST_CREATING: Final = 5
_LISTED: Final = 100


def register(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """RegisterStreamConsumer."""
    stream, name = kinesis.find(parameters, now), parameters["ConsumerName"]
    if name in stream.consumers:
        raise in_use(f"Consumer {name} under stream {stream.name} already exists for account {kinesis.account}.")
    creating = sum(consumer.status == "CREATING" for consumer in stream.consumers.values())
    quotas = kinesis.quotas
    most = quotas.advantage_consumers if kinesis.has_advantage(stream) else quotas.consumers
    if len(stream.consumers) >= most or creating >= _MOST_CREATING:
        raise too_many(f"Stream {stream.name} under account {kinesis.account} has as many consumers as it may.")
    consumer = Consumer(name, f"{stream.arn}/consumer/{name}:{int(now)}", now)
    stream.consumers[name] = consumer

    def ready(_: float) -> None:
        consumer.status = "ACTIVE"

    kinesis.timers.at(now + kinesis.quotas.create_seconds, ready)
    return {"Consumer": _description(consumer)}


def deregister(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DeregisterStreamConsumer."""
    stream, consumer = _find(kinesis, parameters, now)
    consumer.status = "DELETING"

    def gone(_: float) -> None:
        stream.consumers.pop(consumer.name, None)
        for key in [key for key in kinesis.subscriptions if key[0] == consumer.arn]:
            kinesis.subscriptions.pop(key).end()

    kinesis.timers.at(now + kinesis.quotas.update_seconds, gone)
    return {}


def describe(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """DescribeStreamConsumer."""
    stream, consumer = _find(kinesis, parameters, now)
    return {"ConsumerDescription": _description(consumer) | {"StreamARN": stream.arn}}


def listed(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """ListStreamConsumers."""
    stream = kinesis.find(parameters, now)
    token = parameters.get("NextToken")
    (after,) = [""] if token is None else page_tokens.read(token, 1, now)
    names = sorted(name for name in stream.consumers if name > after)
    most = parameters.get("MaxResults", _LISTED)
    answer: Answer = {"Consumers": [_description(stream.consumers[name]) for name in names[:most]]}
    if len(names) > most:
        answer["NextToken"] = page_tokens.write([names[most - 1]], now)
    return answer


def subscribe(kinesis: Kinesis, parameters: Parameters, now: float) -> Subscription:
    """SubscribeToShard; the events are asked of the subscription that this returns."""
    stream, consumer = kinesis.consumer(parameters["ConsumerARN"], now)
    if consumer.status != "ACTIVE":
        raise in_use(f"Consumer {consumer.name} is not ACTIVE, instead in state {consumer.status}")
    shard = find(kinesis, stream, parameters["ShardId"])
    start = parameters["StartingPosition"]
    after = position(stream, shard, start["Type"], start.get("SequenceNumber"), start.get("Timestamp"), now)
    made = Subscription(stream, consumer, shard, after, now)
    kinesis.take_over(consumer, shard, made, now)
    return made


def _find(kinesis: Kinesis, parameters: Parameters, now: float) -> tuple[Stream, Consumer]:
    if "ConsumerARN" in parameters:
        return kinesis.consumer(parameters["ConsumerARN"], now)
    name = parameters.get("ConsumerName", "")
    if not name or "StreamARN" not in parameters:
        raise invalid("Either ConsumerARN, or both StreamARN and ConsumerName are required.")
    stream = kinesis.find(parameters, now)
    if name not in stream.consumers:
        raise no_consumer(name)
    return stream, stream.consumers[name]


def _description(consumer: Consumer) -> dict[str, Any]:
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": consumer.status,
        "ConsumerCreationTimestamp": consumer.made,
    }


OPERATIONS: Final = {
    "RegisterStreamConsumer": register,
    "DeregisterStreamConsumer": deregister,
    "DescribeStreamConsumer": describe,
    "ListStreamConsumers": listed,
}
