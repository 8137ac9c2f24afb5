"""SubscribeToShard on the wire: an event stream, its first message the answer itself."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from botocore.model import OperationModel

from streamwatch.reference.aws import cbor, eventstream, shapes
from streamwatch.reference.aws.shapes import Wire
from streamwatch.reference.kinesis.operations.records import describe_child, describe_record
from streamwatch.reference.kinesis.subscriptions import Subscription

_POLL_SECONDS: Final = 0.05
"""How long a record may wait before it is pushed; AWS says about 70 ms."""


async def events(
    subscription: Subscription, clock: Callable[[], float], protocol: str, kind: str, model: OperationModel
) -> AsyncGenerator[bytes, None]:
    """Yield the messages until the five minutes, or the shard, are over; a reader who leaves ends it."""
    wire: Wire = "cbor" if protocol == "cbor" else "json"
    shape: Any = model.output_shape
    write = shapes.writer(shape.members["EventStream"].members["SubscribeToShardEvent"], wire)
    yield eventstream.event("initial-response", _dumped({}, wire), kind)
    try:
        while not subscription.is_over(clock()):
            found = subscription.next_event(clock())
            if found is None:
                await asyncio.sleep(_POLL_SECONDS)
                continue
            found["Records"] = [describe_record(one, None) for one in found["Records"]]
            if "ChildShards" in found:
                found["ChildShards"] = [describe_child(one) for one in found["ChildShards"]]
            yield eventstream.event("SubscribeToShardEvent", _dumped(write(found), wire), kind)
    finally:
        subscription.end()


def _dumped(value: Any, wire: Wire) -> bytes:  # noqa: ANN401 - an event
    return cbor.dumps(value) if wire == "cbor" else json.dumps(value).encode()
