"""Lambda as far as its event source mappings need it: which there are, and what their API tells of each."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Answer = dict[str, Any]
_LISTED: Final = 100
FOR_EVER: Final = -1


@dataclass(slots=True, kw_only=True)
class EventSourceMapping:
    """One mapping, as Lambda describes it."""

    uuid: str
    function_arn: str
    made: float
    source: Answer
    """``EventSourceArn``, ``Topics``, ``SelfManagedEventSource`` and the like."""
    state: str = "Enabled"
    reason: str = "USER_INITIATED"
    result: str = "No records processed"
    attempts: int = FOR_EVER
    record_age: int = FOR_EVER
    bisects: bool = False
    destination: str = ""
    measured: tuple[str, ...] = ()
    """``EventCount``, ``ErrorCount``, ``KafkaMetrics``: what it was switched on to measure by itself."""
    batch_size: int = 100

    @property
    def function(self) -> str:
        """The function's name."""
        return self.function_arn.split(":")[6]

    def described(self) -> Answer:
        """Return what the API tells of it."""
        on_failure = {"OnFailure": {"Destination": self.destination}} if self.destination else {}
        return {
            "UUID": self.uuid,
            "FunctionArn": self.function_arn,
            "LastModified": self.made,
            "State": self.state,
            "StateTransitionReason": self.reason,
            "LastProcessingResult": self.result,
            "BatchSize": self.batch_size,
            "ParallelizationFactor": 1,
            "MaximumRetryAttempts": self.attempts,
            "MaximumRecordAgeInSeconds": self.record_age,
            "BisectBatchOnFunctionError": self.bisects,
            "DestinationConfig": on_failure,
            "MetricsConfig": {"Metrics": list(self.measured)},
            **self.source,
        }


@dataclass(slots=True)
class Function:
    """The function behind it."""

    fails: bool = False
    """Every call fails."""
    is_throttled: bool = False
    """It has no concurrency left: calls are refused."""
    records_a_call: int = 10_000
    """It takes no more records in the time between two polls."""
    takes_poison: bool = False
    """It was repaired: no record fails any more."""


@dataclass(slots=True)
class Lambda:
    """The mappings of one account and region."""

    account: str
    region: str
    mappings: dict[str, EventSourceMapping] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    """Those that modelled pollers call, by name."""
    odd: list[Answer] = field(default_factory=list)
    """What is listed besides, of any form: a version of the API that nobody knows yet."""

    def add(self, function: str, source: Answer, now: float, **fields: Any) -> EventSourceMapping:  # noqa: ANN401 - fields
        """Make a mapping of a function, which may be named with an alias."""
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{function}"
        made = EventSourceMapping(uuid=str(uuid.uuid4()), function_arn=arn, made=now, source=source, **fields)
        self.mappings[made.uuid] = made
        return made


def listed(house: Lambda, parameters: Mapping[str, Any]) -> Answer:
    """ListEventSourceMappings: 100 a page at most, whatever was asked for."""
    most = min(int(parameters.get("MaxItems", _LISTED)), _LISTED)
    every = [one.described() for one in house.mappings.values()] + house.odd
    wanted = [
        one
        for one in every
        if parameters.get("EventSourceArn") in {None, one.get("EventSourceArn")}
        and str(parameters.get("FunctionName", "")) in str(one.get("FunctionArn", ""))
    ]
    start = int(parameters["Marker"]) if str(parameters.get("Marker", "")).isdigit() else 0
    answer: Answer = {"EventSourceMappings": wanted[start : start + most]}
    return answer | ({"NextMarker": str(start + most)} if len(wanted) > start + most else {})
