"""An event source mapping, as Lambda lists it: which function, of what, in which state, with which retries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from streamwatch.model.reader import RetryPolicy
from streamwatch.sources.msk.naming import MskName, named_by_arn

Source = Literal["kinesis", "msk", "kafka", "dynamodb", "other"]

_FUNCTION: Final = re.compile(
    r"arn:[^:]+:lambda:[^:]+:(?P<account>\d{12}):function:(?P<name>[^:]+)(?::(?P<alias>[^:]+))?"
)
_STREAM: Final = re.compile(
    r"arn:[^:]+:kinesis:[^:]+:(?P<account>\d{12}):stream/(?P<name>[^/]+)(?:/consumer/(?P<consumer>[^:]+):\d+)?"
)
_MOST_TEXT: Final = 200
_FOR_EVER: Final = -1


class MalformedMapping(ValueError):
    """A mapping that is not as the API describes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRow:
    """One mapping."""

    uuid: str
    account: str
    function: str
    alias: str
    """Or version; empty where the function itself is called."""
    source: Source
    stream: str = ""
    stream_account: str = ""
    """Another one than the function's where the stream is shared."""
    consumer: str = ""
    """The registered consumer, with enhanced fan-out."""
    cluster: str = ""
    """ARN of the MSK cluster."""
    named: MskName | None = None
    """The same, by its name."""
    bootstrap: tuple[str, ...] = ()
    topic: str = ""
    group: str = ""
    is_queue: bool = False
    """The group is a share group."""
    state: str
    state_reason: str
    result: str
    retries: RetryPolicy
    measured: frozenset[str] = frozenset()
    """Groups of its own metrics that are on."""

    @property
    def loses_silently(self) -> bool:
        """Whether it gives batches up that nobody gets and nothing counts."""
        is_limited = self.retries.attempts is not None or self.retries.record_age_seconds is not None
        return is_limited and not self.retries.destination and "EventCount" not in self.measured

    @property
    def name(self) -> str:
        """What its reader is called: one that no other mapping on the same stream has."""
        function = f"{self.function}:{self.alias}" if self.alias else self.function
        return f"{function}/{self.consumer}" if self.consumer else function


def read(mapping: Any) -> MappingRow:  # noqa: ANN401 - whatever came
    """Return a mapping.

    Raises:
        Odd: what it lacks, or has otherwise than AWS describes.

    """
    if not isinstance(mapping, Mapping):
        raise MalformedMapping(f"a mapping is no structure: {type(mapping).__name__}")
    uuid, arn = _text(mapping, "UUID"), _text(mapping, "FunctionArn")
    function = _FUNCTION.fullmatch(arn)
    if not uuid or function is None:
        raise MalformedMapping(f"mapping {uuid or 'without UUID'}: {arn[:_MOST_TEXT]!r} is no ARN of a function")
    return MappingRow(
        uuid=uuid,
        account=function["account"],
        function=function["name"],
        alias=function["alias"] or "",
        state=_text(mapping, "State"),
        state_reason=_text(mapping, "StateTransitionReason")[:_MOST_TEXT],
        result=_text(mapping, "LastProcessingResult")[:_MOST_TEXT],
        retries=_retries(mapping),
        measured=frozenset(map(str, _list(_part(mapping, "MetricsConfig"), "Metrics"))),
        **_source(mapping, uuid),
    )


def _source(mapping: Mapping[str, Any], uuid: str) -> dict[str, Any]:
    arn = _text(mapping, "EventSourceArn")
    if (stream := _STREAM.fullmatch(arn)) is not None:
        return {
            "source": "kinesis",
            "stream": stream["name"],
            "stream_account": stream["account"],
            "consumer": stream["consumer"] or "",
        }
    topics = [one for one in _list(mapping, "Topics") if isinstance(one, str)]
    servers = _list(_part(_part(mapping, "SelfManagedEventSource"), "Endpoints"), "KAFKA_BOOTSTRAP_SERVERS")
    cluster = named_by_arn(arn)
    if cluster is None and not servers:
        return {"source": "dynamodb" if arn.split(":")[2:3] == ["dynamodb"] else "other"}
    if not topics:
        raise MalformedMapping(f"mapping {uuid} on Kafka names no topic")
    own = _part(mapping, "AmazonManagedKafkaEventSourceConfig" if cluster else "SelfManagedKafkaEventSourceConfig")
    return {
        "source": "kafka" if cluster is None else "msk",
        "cluster": "" if cluster is None else arn,
        "named": cluster,
        "bootstrap": tuple(map(str, servers)),
        "topic": topics[0],
        "group": _text(own, "ConsumerGroupId") or uuid,
        "is_queue": _text(own, "ConsumptionMode").casefold() == "queue",
    }


def _retries(mapping: Mapping[str, Any]) -> RetryPolicy:
    attempts, age = _number(mapping, "MaximumRetryAttempts"), _number(mapping, "MaximumRecordAgeInSeconds")
    return RetryPolicy(
        attempts=None if attempts is None or attempts == _FOR_EVER else int(attempts),
        record_age_seconds=None if age is None or age == _FOR_EVER else age,
        bisects=mapping.get("BisectBatchOnFunctionError") is True,
        destination=_text(_part(_part(mapping, "DestinationConfig"), "OnFailure"), "Destination"),
    )


def _text(mapping: Mapping[str, Any], name: str) -> str:
    value = mapping.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedMapping(f"{name} is no text: {type(value).__name__}")
    return value


def _number(mapping: Mapping[str, Any], name: str) -> float | None:
    value = mapping.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedMapping(f"{name} is no number: {type(value).__name__}")
    return float(value)


def _part(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = mapping.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MalformedMapping(f"{name} is no structure: {type(value).__name__}")
    return value


def _list(mapping: Mapping[str, Any], name: str) -> list[Any]:
    value = mapping.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedMapping(f"{name} is no list: {type(value).__name__}")
    return value
