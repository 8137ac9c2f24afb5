"""A check-up of the streams of one account: who the agent is, each right that it needs, and the policy it lacks."""

import threading
from collections.abc import Iterator, Mapping

from streamwatch.core.clock import Clock
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.aws.trial import Trial, TrialCall, newest_point
from streamwatch.sources.kinesis.config import Config


def examine(config: Config, clock: Clock) -> Iterator[Finding]:
    """Check each region, step by step; a stream that is there is taken as the example."""
    caller = SourceCalls(Accounts(clock).get(config.access), clock, threading.Event().wait)
    for region in config.regions:
        yield from _Checkup(config, Trial(region, caller, clock), clock).run()


class _Checkup:
    def __init__(self, config: Config, trial: Trial, clock: Clock) -> None:
        self._config, self._trial, self._clock = config, trial, clock

    def run(self) -> Iterator[Finding]:
        trial, kcl = self._trial, self._config.readers.kcl
        has_credentials, who = trial.identity()
        yield who
        if not has_credentials:
            return
        listing, finding = trial.attempt(TrialCall("kinesis", "ListStreams", {}, ("StreamNames",)))
        names = [] if listing is None else [one for one in listing["StreamNames"] if self._config.streams.admits(one)]
        detail = f"{len(names)} streams to look at" + (f", {names[0]} is the example" if names else "")
        yield finding if listing is None else trial.finding("ListStreams", "ok", detail)
        if listing is None and who.verdict != "ok":  # nothing answers here
            return
        summaries = () if listing is None else listing.get("StreamSummaries", ())
        arns = {summary["StreamName"]: summary["StreamARN"] for summary in summaries}
        for step in self._steps(names[0] if names else None, arns):
            yield trial.attempt(step)[1]
        if listing is not None and not listing["StreamNames"]:
            hint = "is this the right account?"
            yield trial.finding("streams", "warning", f"no streams in {trial.region}; wrong region?", hint)
        elif not names:
            hint = "does `streams.allow` fit?"
            yield trial.finding("streams", "warning", "no stream to try the other rights on", hint)
        elif self._config.probe.enabled or (kcl.enabled and kcl.probe.enabled):
            yield from self._probe(names[0])

    def _steps(self, stream: str | None, arns: Mapping[str, str]) -> Iterator[TrialCall]:
        yield TrialCall("kinesis", "DescribeLimits", {}, ("ShardLimit",))
        if self._config.consumers_per_stream is None:
            yield TrialCall("kinesis", "DescribeAccountSettings", {}, ("MinimumThroughputBillingCommitment",))
        if self._config.streams.tags:
            yield TrialCall("resourcegroupstaggingapi", "GetResources", {"ResourceTypeFilters": ["kinesis:stream"]})
        if stream is not None:
            name = {"StreamName": stream}
            yield TrialCall("kinesis", "DescribeStreamSummary", name, ("StreamDescriptionSummary",))
            yield TrialCall("kinesis", "ListShards", name, ("Shards",))
            if stream in arns:
                yield TrialCall("kinesis", "ListStreamConsumers", {"StreamARN": arns[stream]}, ("Consumers",))
        if self._config.cloudwatch.enabled:
            yield newest_point("AWS/Kinesis", "IncomingRecords", "Sum", self._clock.now(), {})

    def _probe(self, stream: str) -> Iterator[Finding]:
        params = {"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
        answer, finding = self._trial.attempt(TrialCall("kinesis", "GetShardIterator", params, ("ShardIterator",)))
        yield finding
        if answer is not None:
            read = {"ShardIterator": answer["ShardIterator"], "Limit": 1}
            yield self._trial.attempt(TrialCall("kinesis", "GetRecords", read, ("Records",)))[1]
