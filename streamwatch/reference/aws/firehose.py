"""Firehose as far as watching it needs: delivery streams that read a Kinesis stream for real, or a topic by numbers.

Left out: what is delivered, transformations, encryption, tags, and to change anything by its API.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

Parameters = dict[str, Any]
_LISTED: Final = 10


@dataclass(slots=True)
class Hose:
    """One delivery stream, to S3; ``live`` lets it do what is due."""

    name: str
    arn: str
    metrics: Metrics
    made: float
    poller: StreamPoller | None = None
    """Reads its Kinesis stream; None of one that reads a topic."""
    stream_arn: str = ""
    cluster_arn: str = ""
    topic: str = ""
    buffer_seconds: int = 60
    status: str = "ACTIVE"
    failure: tuple[str, str] | None = None
    stalled: bool = False
    """Whether it reads nothing."""
    refused: bool = False
    """Whether its bucket takes nothing."""
    offset_lag: float = 0.0
    """Records of its topic that it has not read."""
    _waiting: list[float] = field(default_factory=list)
    """When the records arrived that are read and not delivered."""
    _delivered_at: float = 0.0

    @property
    def type(self) -> str:
        """As the API has it."""
        return "MSKAsSource" if self.poller is None else "KinesisStreamAsSource"

    def live(self, now: float) -> None:
        """Read, deliver if it is time, and tell CloudWatch."""
        if self.status != "ACTIVE":
            return
        if self.poller is not None and not self.stalled:
            records = self.poller.poll(now)
            self._waiting += [one["ApproximateArrivalTimestamp"] for one in records]
            self._put("DataReadFromKinesisStream.Records", len(records), now)
            self._put("ThrottledGetRecords", self.poller.refused, now)
            self._put("KinesisMillisBehindLatest", self.poller.lag(now) * 1000, now)
        elif self.poller is None:
            self._put("KafkaOffsetLag", self.offset_lag, now)
            self._put("DataReadFromSource.Backpressured", float(self.refused), now)
        if self._waiting and now - self._delivered_at >= self.buffer_seconds:
            self._deliver(now)

    def _deliver(self, now: float) -> None:
        self._delivered_at = now
        self._put("DeliveryToS3.Success", 0.0 if self.refused else 1.0, now)
        self._put("DeliveryToS3.DataFreshness", now - min(self._waiting), now)
        if not self.refused:
            self._put("DeliveryToS3.Records", len(self._waiting), now)
            self._waiting.clear()

    def _put(self, name: str, value: float, now: float) -> None:
        self.metrics.put("AWS/Firehose", name, (("DeliveryStreamName", self.name),), value, "None", now)

    def described(self) -> Parameters:
        """Return it as the API describes it."""
        if self.poller is not None:
            source = {"KinesisStreamSourceDescription": {"KinesisStreamARN": self.stream_arn}}
        else:
            source = {"MSKSourceDescription": {"MSKClusterARN": self.cluster_arn, "TopicName": self.topic}}
        s3 = {"BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": self.buffer_seconds}}
        described: Parameters = {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn,
            "DeliveryStreamStatus": self.status,
            "DeliveryStreamType": self.type,
            "VersionId": "1",
            "CreateTimestamp": self.made,
            "Source": source,
            "HasMoreDestinations": False,
            "Destinations": [{"DestinationId": "destinationId-1", "ExtendedS3DestinationDescription": s3}],
        }
        if self.failure is not None:
            described["FailureDescription"] = {"Type": self.failure[0], "Details": self.failure[1]}
        return described


class Firehose:
    """One account's delivery streams in one region."""

    def __init__(self, account: str, region: str, metrics: Metrics) -> None:
        self.account, self.region, self._metrics = account, region, metrics
        self.hoses: dict[str, Hose] = {}

    def of_stream(self, name: str, poller: StreamPoller, now: float, buffer_seconds: int = 60) -> Hose:
        """Make a delivery stream that reads a Kinesis stream."""
        arn = f"arn:aws:kinesis:{self.region}:{self.account}:stream/{poller.stream}"
        self.hoses[name] = found = Hose(
            name, self._arn(name), self._metrics, now, poller, arn, buffer_seconds=buffer_seconds
        )  # fmt: skip
        return found

    def of_topic(self, name: str, cluster_arn: str, topic: str, now: float) -> Hose:
        """Make a delivery stream that reads a topic of MSK."""
        self.hoses[name] = found = Hose(
            name, self._arn(name), self._metrics, now, cluster_arn=cluster_arn, topic=topic
        )  # fmt: skip
        return found

    def _arn(self, name: str) -> str:
        return f"arn:aws:firehose:{self.region}:{self.account}:deliverystream/{name}"


def listed(firehose: Firehose, parameters: Parameters) -> Parameters:
    """ListDeliveryStreams."""
    of, after = parameters.get("DeliveryStreamType"), parameters.get("ExclusiveStartDeliveryStreamName", "")
    most = parameters.get("Limit", _LISTED)
    names = [name for name, one in sorted(firehose.hoses.items()) if of in {None, one.type} and name > after]
    return {"DeliveryStreamNames": names[:most], "HasMoreDeliveryStreams": len(names) > most}


def describe(firehose: Firehose, parameters: Parameters) -> Parameters:
    """DescribeDeliveryStream."""
    name = parameters["DeliveryStreamName"]
    found = firehose.hoses.get(name)
    if found is None:
        why = f"Firehose {name} under account {firehose.account} not found."
        raise ServiceError("ResourceNotFoundException", why)
    return {"DeliveryStreamDescription": found.described()}
