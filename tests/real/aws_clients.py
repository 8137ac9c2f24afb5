"""Independent clients of AWS, each doing the same: what AWS lets them do, the reference must too."""

import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from tests.real import artefacts

_HERE: Final = Path(__file__).parent
_SECONDS: Final = 60


class AwsClient(Protocol):
    """A client of one endpoint with one access key."""

    def act(self, what: str, *given: Any) -> Any:
        """Do one of the acts, the same for each client, and return its answer.

        stream(name, values): make a stream of two shards, wait for it, put, and return all that is read back.
        missing(name): the error of a stream that is not there.
        throttled(name, size): put a record twice; the error of the second.
        metrics(name, start, end): the stream's metrics, then the times and values of its IncomingRecords.
        whoami(): the caller's ARN, from STS.
        refused(): the errors of Kinesis, CloudWatch and STS.
        subscribe(arn, count): register a consumer, and return what is pushed to it of the first shard.
        """


class Program:
    """A program that gets the endpoint, the key and the act as JSON."""

    def __init__(self, url: str, key: str, secret: str, command: list[str], environment: dict[str, str]) -> None:
        self._to, self._command = (url, key, secret), command
        self._environment = _plain() | environment

    def act(self, what: str, *given: Any) -> Any:
        command = [*self._command, json.dumps([*self._to, what, *given])]
        return json.loads(_run(command, self._environment))


def boto(url: str, key: str, secret: str) -> AwsClient:
    """boto3 as of 2024: of CloudWatch's protocols it knows that of queries and XML only."""
    python = artefacts.python("boto3-of-2024")
    return Program(url, key, secret, [str(python), str(_HERE / "aws_boto.py")], {})


def aiobotocore(url: str, key: str, secret: str) -> AwsClient:
    """botocore's descriptions over another HTTP client and other parsers."""
    python = artefacts.python("aiobotocore")
    return Program(url, key, secret, [str(python), str(_HERE / "aws_aio.py")], {})


def javascript(url: str, key: str, secret: str) -> AwsClient:
    """The SDK for JavaScript."""
    modules = artefacts.node_modules("aws-sdk")
    command = [artefacts.program("node"), str(_HERE / "aws_client.js")]
    return Program(url, key, secret, command, {"NODE_PATH": str(modules)})


class CommandLine:
    """The AWS command line."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        python = artefacts.python("awscli")
        self._command = [str(python), "-m", "awscli", "--endpoint-url", url, "--output", "json"]
        self._environment = _plain() | {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def act(self, what: str, *given: Any) -> Any:
        acts: dict[str, Callable[..., Any]] = {
            "stream": self._stream,
            "missing": self._missing,
            "throttled": self._throttled,
            "metrics": self._metrics,
            "whoami": lambda: self._aws("sts", "get-caller-identity")["Arn"],
            "refused": self._refused,
        }
        return acts[what](*given)

    def _aws(self, *words: str) -> Any:
        said = _run([*self._command, *words], self._environment)
        return json.loads(said) if said.strip() else None

    def _refusal(self, *words: str) -> str:
        ran = subprocess.run(
            [*self._command, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        found = re.search(r"An error occurred \((\w+)\)", ran.stderr)
        return found[1] if found else f"no refusal: {ran.stdout}{ran.stderr}"

    def _stream(self, name: str, values: list[str]) -> list[str]:
        self._aws("kinesis", "create-stream", "--stream-name", name, "--shard-count", "2")
        self._aws("kinesis", "wait", "stream-exists", "--stream-name", name)
        records = json.dumps([{"Data": value, "PartitionKey": value} for value in values])
        assert (
            self._aws("kinesis", "put-records", "--stream-name", name, "--records", records)["FailedRecordCount"] == 0
        )
        read: list[str] = []
        for shard in self._aws("kinesis", "list-shards", "--stream-name", name)["Shards"]:
            start = ("--shard-id", shard["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
            place = self._aws("kinesis", "get-shard-iterator", "--stream-name", name, *start)["ShardIterator"]
            got = self._aws("kinesis", "get-records", "--shard-iterator", place)["Records"]
            read += [base64.b64decode(one["Data"]).decode() for one in got]
        return read

    def _missing(self, name: str) -> str:
        return self._refusal("kinesis", "describe-stream-summary", "--stream-name", name)

    def _throttled(self, name: str, size: int) -> str:
        with tempfile.NamedTemporaryFile("w", prefix="record") as data:  # an argument cannot be so long
            data.write("x" * size)
            data.flush()
            record = ("--stream-name", name, "--partition-key", "k", "--data", f"file://{data.name}")
            self._aws("kinesis", "put-record", *record)
            return self._refusal("kinesis", "put-record", *record)

    def _metrics(self, name: str, start: float, end: float) -> list[Any]:
        stream = f"Name=StreamName,Value={name}"
        listed = self._aws("cloudwatch", "list-metrics", "--namespace", "AWS/Kinesis", "--dimensions", stream)[
            "Metrics"
        ]
        dimensions = [{"Name": "StreamName", "Value": name}]
        metric = {"Namespace": "AWS/Kinesis", "MetricName": "IncomingRecords", "Dimensions": dimensions}
        query = [{"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}]
        span = ("--start-time", str(int(start)), "--end-time", str(int(end)))
        asked = ("get-metric-data", "--metric-data-queries", json.dumps(query), *span)
        data = self._aws("cloudwatch", *asked)["MetricDataResults"][0]
        return [[one["MetricName"] for one in listed], data["Timestamps"], data["Values"]]

    def _refused(self) -> list[str]:
        calls = (("kinesis", "list-streams"), ("cloudwatch", "list-metrics"), ("sts", "get-caller-identity"))
        return [self._refusal(*call) for call in calls]


def _plain() -> dict[str, str]:
    """This machine's environment without what it says about AWS, and without instances to ask for credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"}


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


CLIENTS: Final[Mapping[str, Callable[[str, str, str], AwsClient]]] = {
    "AWS command line": CommandLine,
    "boto3 of 2024": boto,
    "aiobotocore": aiobotocore,
    "SDK for JavaScript": javascript,
}
