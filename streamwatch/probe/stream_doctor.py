"""Tries what a stream's probe does: AWS tells nobody what a role may do, so one record is written, and read."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError
from streamwatch.model.finding import Finding, Verdict
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.aws.session import Account, SourceCalls

_STEP: Final = "stream probe"
_SECONDS: Final = 30.0
_TOKEN_BYTES: Final = 16
_RIGHTS: Final = ("DescribeStreamSummary", "PutRecord", "GetShardIterator", "GetRecords")


@dataclass(frozen=True, slots=True)
class ProbedStream:
    """What a stream is billed by."""

    mode: str
    """``PROVISIONED`` or ``ON_DEMAND``."""
    shards: int


NEW_STREAM: Final = ProbedStream("PROVISIONED", 1)
"""The stream that the doctor's command makes."""


def examine(config: AccountConfig, clock: Clock, finding_of: Callable[[ProbedStream], Finding]) -> Iterator[Finding]:
    """Look at the stream, and let one record through it.

    Args:
        config: whose stream, and how it is probed.
        clock: for deadlines.
        finding_of: returns what is to be said of a stream, before anything is written.

    """
    trial = _Trial(config, clock)
    try:
        stream = trial.described()
    except NotThere as error:
        command = (
            f"aws kinesis create-stream --region {config.probed_region} --stream-name {config.stream_probe.stream}"
            " --shard-count 1"
        )
        yield finding_of(NEW_STREAM)
        yield trial.finding("failed", str(error), f"make it: {command}; {policy(config)}")
        return
    except SourceError as error:
        yield trial.failed(error)
        return
    yield finding_of(stream)
    try:
        trial.write_and_read()
    except SourceError as error:
        yield trial.failed(error)
        return
    detail = (
        f"stream {config.stream_probe.stream!r}: one record was written, and read: {', '.join(_RIGHTS)} are allowed"
    )
    yield trial.finding("ok", detail)


def policy(config: AccountConfig) -> str:
    """Return what grants a probe its rights, and no more."""
    statement = {
        "Effect": "Allow",
        "Action": [f"kinesis:{operation}" for operation in _RIGHTS],
        "Resource": f"arn:aws:kinesis:{config.probed_region}:<account>:stream/{config.stream_probe.stream}",
    }
    return f"allow the agent's user or role {json.dumps(statement)}"


class _Trial:
    def __init__(self, config: AccountConfig, clock: Clock) -> None:
        self._config, self._name = config, config.stream_probe.stream
        self._calls = SourceCalls(Account(config.access, clock), clock, threading.Event().wait)
        self._deadline = clock.monotonic() + _SECONDS

    def finding(self, verdict: Verdict, detail: str, remedy: str = "") -> Finding:
        return Finding(self._config.probed_region, _STEP, verdict, detail, remedy)

    def failed(self, error: SourceError) -> Finding:
        remedy = policy(self._config) if isinstance(error, SourceDenied) else "mend what is said of the region first"
        return self.finding("failed", str(error), remedy)

    def described(self) -> ProbedStream:
        answer = self._call("DescribeStreamSummary", {"StreamName": self._name}, "StreamDescriptionSummary")
        with taken_apart("kinesis DescribeStreamSummary"):
            summary = answer["StreamDescriptionSummary"]
            mode = str(summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED"))
            return ProbedStream(mode, int(summary["OpenShardCount"]))

    def write_and_read(self) -> None:
        token = os.urandom(_TOKEN_BYTES)
        record = {"StreamName": self._name, "Data": token, "PartitionKey": token.hex()}
        put = self._call("PutRecord", record, "SequenceNumber")
        place = {
            "StreamName": self._name,
            "ShardId": put["ShardId"],
            "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "StartingSequenceNumber": put["SequenceNumber"],
        }
        iterator = self._call("GetShardIterator", place, "ShardIterator")["ShardIterator"]
        self._call("GetRecords", {"ShardIterator": iterator, "Limit": 1}, "Records")

    def _call(self, operation: str, parameters: Mapping[str, Any], wants: str) -> dict[str, Any]:
        return self._calls.call(
            "kinesis", self._config.probed_region, operation, parameters, wants=(wants,), deadline=self._deadline
        )
