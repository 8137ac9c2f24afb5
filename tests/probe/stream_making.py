"""A probe of a stream of the reference AWS, in a hurry."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamwatch.agent.config import parse
from streamwatch.collectors.probe import StreamProbeCollector
from streamwatch.core.clock import SystemClock
from streamwatch.model.metric import Samples
from streamwatch.model.probe import Measured, StreamProbeSnapshot
from streamwatch.probe.stream_source import StreamProbeSource
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.stream import Stream
from streamwatch.sources.account_config import AccountConfig
from tests.waiting import wait_for

STREAM = "streamwatch-probe"
PLACE = ("123456789012", "us-east-1", STREAM)


def account(url: str, probe: str = "", more: str = "") -> AccountConfig:
    """Return an account of which the stream is probed."""
    text = f"""
kinesis:
  - name: mine
    regions: [us-east-1]
    access: {{endpoint_url: '{url}', access_key_id: a, secret_access_key: b}}
    stream_probe: {{enabled: true, interval: 500ms{probe}}}
    {more}
"""
    return parse(text, "test", Path()).kinesis[0]


@dataclass
class ProbedStreams:
    """An AWS, and the probe of its stream."""

    aws: ReferenceAws
    source: StreamProbeSource

    def break_(self, fault: str, **parameters: Any) -> None:
        """Break something of AWS, or heal it."""
        self.aws.do(lambda cloud, now: faults.apply(cloud, now, fault, parameters))

    def read(self) -> StreamProbeSnapshot:
        return self.source.read()

    @property
    def measured(self) -> Measured:
        return self.read().measured

    def samples(self) -> list[Samples]:
        return StreamProbeCollector().collect(self.read())

    def lost(self) -> set[tuple[str, str]]:
        return set(self.measured.failures)

    def wait_for_success(self, more: int = 3) -> None:
        """Wait until more records went through than until now."""
        before = self.measured.successes
        wait_for(lambda: self.measured.successes >= before + more, 180, "records go through")

    def wait_for_loss(self, stage: str, cause: str, more: int = 2) -> None:
        """Wait until more were lost by this cause than until now, and check that nothing is counted twice."""

        def lost() -> int:
            found: Any = self.measured.failures
            return int(found.get((stage, cause), 0))

        before = lost()
        wait_for(lambda: lost() >= before + more, 180, f"{stage}: {cause}")
        now = self.measured
        assert now.attempts == now.successes + sum(now.failures.values())

    def stream(self) -> Stream:
        return self.aws.do(lambda cloud, _: cloud.kinesis().streams[STREAM])


@contextmanager
def probing(probe: str = "", shards: int = 1, aws: ReferenceAws | None = None) -> Iterator[ProbedStreams]:
    """Make the stream, and probe it; in an AWS of its own, or as another agent."""
    if aws is not None:
        with _probing(aws, probe) as seen:
            yield seen
        return
    with ReferenceAws() as made:
        if shards:
            make_stream(made, shards)
        with _probing(made, probe) as seen:
            yield seen


@contextmanager
def _probing(aws: ReferenceAws, probe: str) -> Iterator[ProbedStreams]:
    source = StreamProbeSource("mine/probe", account(aws.url, probe), SystemClock())
    try:
        yield ProbedStreams(aws, source)
    finally:
        source.close()


def make_stream(aws: ReferenceAws, shards: int = 1) -> None:
    aws.do(lambda cloud, now: cloud.kinesis().create(STREAM, "PROVISIONED", shards, now))
