"""Firehose: delivery streams that read a Kinesis stream or a topic of MSK."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from streamwatch.model.reader import Kind, State
from streamwatch.sources.aws.page_tokens import PageTokens
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

_TYPES: Final = ("KinesisStreamAsSource", "MSKAsSource")
_PAGE: Final = 100
_STATES: Final[Mapping[str, tuple[State, str]]] = {
    "ACTIVE": ("running", "it is ACTIVE"),
    "CREATING": ("unknown", "it is CREATING"),
    "DELETING": ("disabled", "it is DELETING"),
}
_OUTLETS: Final = {
    # Firehose brings records to S3 first, and Redshift copies them from there: CloudWatch says so, too.
    "RedshiftDestinationDescription": "S3",
    "AmazonopensearchserviceDestinationDescription": "AmazonOpenSearchService",
    "ElasticsearchDestinationDescription": "Elasticsearch",
    "AmazonOpenSearchServerlessDestinationDescription": "AmazonOpenSearchServerless",
    "SplunkDestinationDescription": "Splunk",
    "HttpEndpointDestinationDescription": "HttpEndpoint",
    "SnowflakeDestinationDescription": "Snowflake",
    "IcebergDestinationDescription": "Iceberg",
    "ExtendedS3DestinationDescription": "S3",
    "S3DestinationDescription": "S3",
}
"""What CloudWatch calls a destination; where several are described, the first of these is it."""
_BY_LOG_APPEND_TIME: Final = "freshness: right only where the topic's message.timestamp.type is LogAppendTime"


class FirehoseKind:
    """Delivery streams."""

    kind: Kind = "firehose"
    service = "firehose"
    namespace = "AWS/Firehose"

    @staticmethod
    def listed(api: Api) -> list[Listed]:
        """Return the names of those that read a stream or a topic."""
        return [Listed(name) for of in _TYPES for name in _names(api, of)]

    @staticmethod
    def described(api: Api, listed: Listed) -> Described | None:
        """Return one as it is."""
        given = {"DeliveryStreamName": listed.name}
        now = api.call("DescribeDeliveryStream", given, "DeliveryStreamDescription")["DeliveryStreamDescription"]
        source = now.get("Source", {})
        kinesis, msk = source.get("KinesisStreamSourceDescription"), source.get("MSKSourceDescription")
        if kinesis is None and msk is None:
            return None
        state, reason = _state(now)
        outlet, destination = _destination(now["Destinations"])
        return Described(
            name=listed.name,
            account=account_of(now["DeliveryStreamARN"]),
            stream=None if kinesis is None else stream_of(kinesis["KinesisStreamARN"]),
            stream_arn="" if kinesis is None else kinesis["KinesisStreamARN"],
            cluster=None if msk is None else named_by_arn(msk["MSKClusterARN"]),
            topic=None if msk is None else msk["TopicName"],
            state=state,
            reason=reason,
            dimensions=(("DeliveryStreamName", listed.name),),
            outlet=outlet,
            buffer_seconds=_buffer(destination),
            unknown=tuple(_unknown(outlet, is_of_topic=msk is not None)),
        )

    @staticmethod
    def measures(described: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it."""
        reads = _OF_KINESIS if described.topic is None else _OF_MSK
        if not described.outlet:
            return reads
        outlet = f"DeliveryTo{described.outlet}"
        return [
            *reads,
            Measure("success_ratio", f"{outlet}.Success", "Average", vital=True),
            Measure("freshness_seconds", f"{outlet}.DataFreshness", "Maximum", vital=True),
            Measure("failed_records", "FailedConversion.Records", "Sum"),
            *([Measure("failed_records", f"{outlet}.FailedRowCount", "Sum")] if described.outlet == "Iceberg" else []),
        ]


_OF_KINESIS: Final = (
    Measure("lag_seconds", "KinesisMillisBehindLatest", "Maximum", 0.001, vital=True),
    Measure("records", "DataReadFromKinesisStream.Records", "Sum", vital=True),
    Measure("throttled_calls", "ThrottledGetRecords", "Sum"),
    Measure("throttled_calls", "ThrottledGetShardIterator", "Sum"),
)
_OF_MSK: Final = (
    Measure("lag_records", "KafkaOffsetLag", "Maximum", vital=True),
    Measure("records", "DataReadFromSource.Records", "Sum"),
    Measure("backpressured", "DataReadFromSource.Backpressured", "Maximum"),
    Measure("failed_records", "FailedValidation.Records", "Sum"),
)


def _names(api: Api, of: str) -> list[str]:
    """Return the names of one type, page by page: this API says that there is more, and goes on after a name."""
    found: list[str] = []
    given: Answer = {"Limit": _PAGE, "DeliveryStreamType": of}
    tokens = PageTokens(f"firehose ListDeliveryStreams in {api.region}")
    while True:
        answer = api.call("ListDeliveryStreams", given, "DeliveryStreamNames", "HasMoreDeliveryStreams")
        names = [str(one) for one in answer["DeliveryStreamNames"]]
        found += names
        if not names or not answer["HasMoreDeliveryStreams"]:
            break
        tokens.follow(names[-1])
        given["ExclusiveStartDeliveryStreamName"] = names[-1]
    return found


def _state(now: Answer) -> tuple[State, str]:
    status = str(now["DeliveryStreamStatus"])
    failure = now.get("FailureDescription") or {}
    state, reason = _STATES.get(status, ("stopped", f"it is {status}"))
    if not failure:
        return state, reason
    return state, f"{reason}: {failure.get('Type', '')}: {failure.get('Details', '')}"


def _destination(destinations: Sequence[Answer]) -> tuple[str, dict[str, Any]]:
    """Return what CloudWatch calls it, and its description; empty where it is of a kind that nobody knows yet."""
    for member, outlet in _OUTLETS.items():
        for one in destinations:
            if member in one:
                return outlet, one[member]
    return "", {}


def _unknown(outlet: str, *, is_of_topic: bool) -> Iterable[str]:
    if is_of_topic:
        yield _BY_LOG_APPEND_TIME
        yield "group: AWS does not say which it reads with"
    if not outlet:
        yield "delivery: its destination is of a kind that this version does not know"


def _buffer(destination: Mapping[str, Any]) -> float | None:
    hints = destination.get("BufferingHints") or destination.get("S3DestinationDescription", {}).get("BufferingHints")
    return float(hints["IntervalInSeconds"]) if hints and "IntervalInSeconds" in hints else None
