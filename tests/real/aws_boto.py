"""What the tests let boto3 do: python aws_boto.py JSON, where JSON is [url, key, secret, what, ...].

Runs in environments of other versions than ours, so it stands on nothing of ours.
"""

import json
import sys
from collections.abc import Callable
from threading import Event
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL, KEY, SECRET, WHAT, *REST = json.loads(sys.argv[1])


def client(service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}),
    )


def refusal(call: Callable[..., Any], **given: Any) -> str:
    try:
        call(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "nothing was refused"


def stream(name: str, values: list[str]) -> list[str]:
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    records = [{"Data": value.encode(), "PartitionKey": value} for value in values]
    assert kinesis.put_records(StreamName=name, Records=records)["FailedRecordCount"] == 0
    read: list[str] = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        start = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        got = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**start)["ShardIterator"])
        read += [one["Data"].decode() for one in got["Records"]]
    return read


def missing(name: str) -> str:
    return refusal(client("kinesis").describe_stream_summary, StreamName=name)


def throttled(name: str, size: int) -> str:
    kinesis = client("kinesis")
    record = {"StreamName": name, "PartitionKey": "k", "Data": b"x" * size}
    kinesis.put_record(**record)
    return refusal(kinesis.put_record, **record)


def metrics(name: str, start: float, end: float) -> list[Any]:
    cloudwatch = client("cloudwatch")
    dimensions = [{"Name": "StreamName", "Value": name}]
    listed = cloudwatch.list_metrics(Namespace="AWS/Kinesis", Dimensions=dimensions)["Metrics"]
    metric = {"Namespace": "AWS/Kinesis", "MetricName": "IncomingRecords", "Dimensions": dimensions}
    query = {"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    data = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=start, EndTime=end)["MetricDataResults"][0]
    return [[one["MetricName"] for one in listed], [at.timestamp() for at in data["Timestamps"]], data["Values"]]


def whoami() -> str:
    return str(client("sts").get_caller_identity()["Arn"])


def refused() -> list[str]:
    calls = (("kinesis", "list_streams"), ("cloudwatch", "list_metrics"), ("sts", "get_caller_identity"))
    return [refusal(getattr(client(service), call)) for service, call in calls]


def subscribe(arn: str, count: int) -> list[str]:
    kinesis = client("kinesis")
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="boto")["Consumer"]["ConsumerARN"]
    while kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        Event().wait(0.1)
    start = {"ShardId": "shardId-000000000000", "StartingPosition": {"Type": "TRIM_HORIZON"}}
    read: list[str] = []
    for event in kinesis.subscribe_to_shard(ConsumerARN=consumer, **start)["EventStream"]:
        read += [one["Data"].decode() for one in event["SubscribeToShardEvent"]["Records"]]
        if len(read) >= count:
            break
    return read


ACTS: dict[str, Callable[..., Any]] = {
    one.__name__: one for one in (stream, missing, throttled, metrics, whoami, refused, subscribe)
}
print(json.dumps(ACTS[WHAT](*REST)))  # noqa: T201 - the answer
