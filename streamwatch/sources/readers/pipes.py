"""EventBridge Pipes that read a Kinesis stream, a topic of MSK, or one of a Kafka of somebody's own."""

from collections.abc import Mapping, Sequence
from typing import Final

from streamwatch.model.reader import Kind, RetryPolicy, State
from streamwatch.sources.msk.naming import named_by_arn
from streamwatch.sources.readers.attached import (
    Answer,
    Api,
    Described,
    Listed,
    Measure,
    account_of,
    stream_of,
)

_PAGE: Final = 100
_OWN_KAFKA: Final = "smk://"
"""How the source begins that is a Kafka of somebody's own."""
_STATES: Final[Mapping[str, State]] = {"RUNNING": "running", "STOPPED": "stopped", "DELETING": "disabled"}
"""Besides those that end in FAILED; the others are on their way: CREATING, UPDATING, STARTING, STOPPING."""


class PipesKind:
    """Pipes."""

    kind: Kind = "pipes"
    service = "pipes"
    namespace = "AWS/EventBridge/Pipes"

    @staticmethod
    def listed(api: Api) -> list[Listed]:
        """Return those that read a stream or a topic, with their states."""
        found = api.pages("ListPipes", {"Limit": _PAGE}, "Pipes", ("NextToken", "NextToken"))
        return [
            Listed(
                one["Name"], " ".join(str(one.get(part)) for part in ("DesiredState", "CurrentState", "StateReason"))
            )
            for one in found
            if _reads(one["Source"])
        ]

    @staticmethod
    def described(api: Api, listed: Listed) -> Described | None:
        """Return one as it is."""
        now = api.call("DescribePipe", {"Name": listed.name}, "Arn", "Source", "CurrentState")
        source, given = str(now["Source"]), now.get("SourceParameters") or {}
        kinesis = given.get("KinesisStreamParameters") or {}
        kafka = given.get("ManagedStreamingKafkaParameters") or given.get("SelfManagedKafkaParameters") or {}
        stream = stream_of(source)
        group = kafka.get("ConsumerGroupID")
        return Described(
            name=listed.name,
            account=account_of(now["Arn"]),
            stream=stream,
            stream_arn="" if stream is None else source,
            cluster=named_by_arn(source),
            topic=kafka.get("TopicName"),
            group=group,
            state=_state(now),
            reason=_reason(now),
            dimensions=(("PipeName", listed.name),),
            retries=_retries(kinesis) if stream else None,
            unknown=tuple(_unknown(stream, group)),
        )

    @staticmethod
    def measures(_: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it."""
        return [
            Measure("executions", "Invocations", "Sum", vital=True),
            Measure("failed_executions", "ExecutionFailed", "Sum", vital=True),
            Measure("failed_executions", "ExecutionPartiallyFailed", "Sum"),
            Measure("failed_executions", "ExecutionTimeout", "Sum"),
            Measure("throttled_executions", "ExecutionThrottled", "Sum"),
            Measure("records", "EventCount", "Sum", vital=True),
        ]


def _reads(source: str) -> bool:
    return source.startswith(_OWN_KAFKA) or stream_of(source) is not None or named_by_arn(source) is not None


def _state(now: Answer) -> State:
    state = str(now["CurrentState"])
    if now.get("DesiredState") == "STOPPED" and state in {"STOPPED", "STOPPING"}:
        return "disabled"
    return "stopped" if state.endswith("_FAILED") else _STATES.get(state, "unknown")


def _reason(now: Answer) -> str:
    words = f"it is {now['CurrentState']}, and should be {now.get('DesiredState')}"
    return f"{words}: {now['StateReason']}" if now.get("StateReason") else words


def _retries(given: Answer) -> RetryPolicy:
    """Return what becomes of a batch that fails; -1 is for ever, and so is what is not said."""
    attempts, age = given.get("MaximumRetryAttempts", -1), given.get("MaximumRecordAgeInSeconds", -1)
    return RetryPolicy(
        attempts=None if attempts < 0 else attempts,
        record_age_seconds=None if age < 0 else float(age),
        bisects=given.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
        destination=(given.get("DeadLetterConfig") or {}).get("Arn", ""),
    )


def _unknown(stream: str | None, group: str | None) -> Sequence[str]:
    if stream:
        return ["lag: a pipe has none of its own: the stream's iterator age holds it, with all others'"]
    if group:
        return ["lag: it is its consumer group's, by protocol"]
    return ["group: it has a name of AWS's choice, which AWS does not say", "lag: it is that group's"]
