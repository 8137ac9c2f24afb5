"""A check-up of the streams of one account: who the agent is, each right that it needs, and the policy it lacks."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.clock import Clock
from streamwatch.errors import SourceDenied, SourceError
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.errors import NotThere
from streamwatch.sources.aws.session import Accounts, Caller
from streamwatch.sources.kinesis.config import Config

_DEADLINE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Step:
    """One call that the agent makes, and the right that it needs."""

    service: str
    operation: str
    right: str
    given: dict[str, Any]
    wants: tuple[str, ...]


def examine(config: Config, clock: Clock) -> Iterator[Finding]:
    """Check each region, step by step; a stream that is there is taken as the example."""
    caller = Caller(Accounts(clock).get(config.access), clock, threading.Event().wait)
    for region in config.regions:
        yield from _Checkup(config, region, caller, clock).run()


class _Checkup:
    def __init__(self, config: Config, region: str, caller: Caller, clock: Clock) -> None:
        self._config, self._region, self._caller, self._clock = config, region, caller, clock
        self._deadline = clock.monotonic() + _DEADLINE_SECONDS

    def run(self) -> Iterator[Finding]:
        identity = _Step("sts", "GetCallerIdentity", "", {}, ("Account", "Arn"))
        answer, finding = self._try(identity)
        yield finding if answer is None else self._ok("credentials", f"{answer['Arn']} in account {answer['Account']}")
        if answer is None:
            return
        listing, finding = self._try(_Step("kinesis", "ListStreams", "kinesis:ListStreams", {}, ("StreamNames",)))
        names = [] if listing is None else [one for one in listing["StreamNames"] if self._config.streams.admits(one)]
        told = f"{len(names)} streams to look at" + (f", {names[0]} is the example" if names else "")
        yield finding if listing is None else self._ok("ListStreams", told)
        for step in self._steps(names[0] if names else None, answer["Account"]):
            yield self._try(step)[1]
        if not names:
            hint = "is this the right account and region, and does `streams.allow` fit?"
            yield Finding(self._region, "streams", "warning", "no stream to try the other rights on", hint)
        elif self._config.probe.enabled:
            yield from self._probe(names[0])

    def _steps(self, stream: str | None, account: str) -> Iterator[_Step]:
        yield _Step("kinesis", "DescribeLimits", "kinesis:DescribeLimits", {}, ("ShardLimit",))
        if self._config.streams.tags:
            given: dict[str, Any] = {"ResourceTypeFilters": ["kinesis:stream"]}
            yield _Step("resourcegroupstaggingapi", "GetResources", "tag:GetResources", given, ())
        if stream is not None:
            name = {"StreamName": stream}
            arn = {"StreamARN": f"arn:{self._partition()}:kinesis:{self._region}:{account}:stream/{stream}"}
            for operation, of, wants in (
                ("DescribeStreamSummary", name, ("StreamDescriptionSummary",)),
                ("ListShards", name, ("Shards",)),
                ("ListStreamConsumers", arn, ("Consumers",)),
            ):
                yield _Step("kinesis", operation, f"kinesis:{operation}", of, wants)
        if self._config.cloudwatch.enabled:
            yield _Step(
                "cloudwatch", "GetMetricData", "cloudwatch:GetMetricData", self._query(), ("MetricDataResults",)
            )

    def _partition(self) -> str:
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self._region.rpartition("-")[0].rpartition("-")[0], "aws")

    def _query(self) -> dict[str, Any]:
        now = self._clock.now()
        metric = {"Namespace": "AWS/Kinesis", "MetricName": "IncomingRecords"}
        return {
            "MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
            "StartTime": datetime.fromtimestamp(now - 300, UTC),
            "EndTime": datetime.fromtimestamp(now, UTC),
        }

    def _probe(self, stream: str) -> Iterator[Finding]:
        given = {"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
        right = "kinesis:GetShardIterator"
        answer, finding = self._try(_Step("kinesis", "GetShardIterator", right, given, ("ShardIterator",)))
        yield finding
        if answer is not None:
            read = {"ShardIterator": answer["ShardIterator"], "Limit": 1}
            yield self._try(_Step("kinesis", "GetRecords", "kinesis:GetRecords", read, ("Records",)))[1]

    def _try(self, step: _Step) -> tuple[dict[str, Any] | None, Finding]:
        name = step.operation if step.right else "credentials"
        try:
            answer = self._caller.call(
                step.service, self._region, step.operation, step.given, wants=step.wants, deadline=self._deadline
            )
        except NotThere as error:
            return None, Finding(self._region, name, "warning", str(error), "it may have gone a moment ago: try again")
        except SourceDenied as error:
            return None, Finding(self._region, name, "failed", str(error), _remedy(step.right))
        except SourceError as error:
            hint = "check the region, the network, and `access.endpoint_url`"
            return None, Finding(self._region, name, "failed", str(error), hint)
        return answer, self._ok(name, "allowed")

    def _ok(self, step: str, detail: str) -> Finding:
        return Finding(self._region, step, "ok", detail)


def _remedy(right: str) -> str:
    if not right:
        return "check the access key, its secret, the session token and this machine's clock"
    statement = {"Effect": "Allow", "Action": right, "Resource": "*"}
    return f"add to the policy of the agent's user or role: {json.dumps(statement)}"
