"""What the tests let aiobotocore do: python aws_aio.py JSON, where JSON is [url, key, secret, what, ...].

Runs in an environment of its own, so it stands on nothing of ours.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

URL, KEY, SECRET, WHAT, *REST = json.loads(sys.argv[1])


def client(service: str) -> Any:
    return get_session().create_client(
        service,
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=AioConfig(retries={"total_max_attempts": 1}),
    )


async def refusal(call: Awaitable[Any]) -> str:
    try:
        await call
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "nothing was refused"


async def stream(name: str, values: list[str]) -> list[str]:
    async with client("kinesis") as kinesis:
        await kinesis.create_stream(StreamName=name, ShardCount=2)
        exists = kinesis.get_waiter("stream_exists")
        await exists.wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        records = [{"Data": value.encode(), "PartitionKey": value} for value in values]
        assert (await kinesis.put_records(StreamName=name, Records=records))["FailedRecordCount"] == 0
        shards = (await kinesis.list_shards(StreamName=name))["Shards"]
        starts = [
            {"StreamName": name, "ShardId": one["ShardId"], "ShardIteratorType": "TRIM_HORIZON"} for one in shards
        ]
        iterators = await asyncio.gather(*(kinesis.get_shard_iterator(**start) for start in starts))
        got = await asyncio.gather(*(kinesis.get_records(ShardIterator=one["ShardIterator"]) for one in iterators))
    return [one["Data"].decode() for page in got for one in page["Records"]]


async def missing(name: str) -> str:
    async with client("kinesis") as kinesis:
        return await refusal(kinesis.describe_stream_summary(StreamName=name))


async def throttled(name: str, size: int) -> str:
    record = {"StreamName": name, "PartitionKey": "k", "Data": b"x" * size}
    async with client("kinesis") as kinesis:
        await kinesis.put_record(**record)
        return await refusal(kinesis.put_record(**record))


async def metrics(name: str, start: float, end: float) -> list[Any]:
    dimensions = [{"Name": "StreamName", "Value": name}]
    metric = {"Namespace": "AWS/Kinesis", "MetricName": "IncomingRecords", "Dimensions": dimensions}
    query = {"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    async with client("cloudwatch") as cloudwatch:
        listed = (await cloudwatch.list_metrics(Namespace="AWS/Kinesis", Dimensions=dimensions))["Metrics"]
        got = await cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=start, EndTime=end)
    data = got["MetricDataResults"][0]
    return [[one["MetricName"] for one in listed], [at.timestamp() for at in data["Timestamps"]], data["Values"]]


async def whoami() -> str:
    async with client("sts") as sts:
        return str((await sts.get_caller_identity())["Arn"])


async def refused() -> list[str]:
    async with client("kinesis") as kinesis, client("cloudwatch") as cloudwatch, client("sts") as sts:
        calls = (kinesis.list_streams(), cloudwatch.list_metrics(), sts.get_caller_identity())
        return [await refusal(call) for call in calls]


async def subscribe(arn: str, count: int) -> list[str]:
    start = {"ShardId": "shardId-000000000000", "StartingPosition": {"Type": "TRIM_HORIZON"}}
    read: list[str] = []
    async with client("kinesis") as kinesis:
        made = await kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="aio")
        consumer, status = made["Consumer"]["ConsumerARN"], ""
        while status != "ACTIVE":
            told = await kinesis.describe_stream_consumer(ConsumerARN=consumer)
            status = told["ConsumerDescription"]["ConsumerStatus"]
            await asyncio.sleep(0.1)
        answer = await kinesis.subscribe_to_shard(ConsumerARN=consumer, **start)
        async for event in answer["EventStream"]:
            read += [one["Data"].decode() for one in event["SubscribeToShardEvent"]["Records"]]
            if len(read) >= count:
                break
        answer["EventStream"].close()
    return read


ACTS: dict[str, Callable[..., Any]] = {
    one.__name__: one for one in (stream, missing, throttled, metrics, whoami, refused, subscribe)
}
print(json.dumps(asyncio.run(ACTS[WHAT](*REST))))  # noqa: T201 - the answer
