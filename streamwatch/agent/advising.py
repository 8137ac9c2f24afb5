"""``/api/v1/advise`` of a running agent: from the last reads, the newest samples, and the hours before."""

import threading
from collections.abc import Sequence
from typing import Final

from streamwatch.advice.advice import Advice
from streamwatch.advice.brokers import advise_brokers
from streamwatch.advice.config import Config, read_prices
from streamwatch.advice.disks import advise_disks
from streamwatch.advice.groups import advise_groups
from streamwatch.advice.instances import advise_instances
from streamwatch.advice.past import PastHours
from streamwatch.advice.readers import advise_readers
from streamwatch.advice.streams import advise_stream
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.archive.archive import Archive
from streamwatch.core.clock import Clock
from streamwatch.export.advice_api import answered
from streamwatch.http.message import Response
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.newest_samples import NewestSamples
from streamwatch.samples.hub import Hub

_FRESH_SECONDS: Final = 60.0
"""Advice rests on minutes: it is not computed more often."""


class Advising:
    """Answers. May be used from any thread."""

    def __init__(self, config: Config, hub: Hub, clock: Clock) -> None:
        """Read the prices.

        Raises:
            ConfigError: they are wrong.

        """
        self._hub, self._clock = hub, clock
        self._prices = read_prices(config)
        self._lock = threading.Lock()
        self._answer: tuple[float, object, Response] | None = None

    def answer(self, runners: Sequence[TargetRunner], archive: Archive) -> Response:
        """Answer a request."""
        with self._lock:
            now = self._clock.monotonic()
            if self._answer is None or now - self._answer[0] >= _FRESH_SECONDS or self._answer[1] is not archive:
                self._answer = now, archive, answered(self._advice(runners, archive))
            return self._answer[2]

    def _advice(self, runners: Sequence[TargetRunner], archive: Archive) -> list[Advice]:
        past = PastHours(archive.curve, self._clock.now())
        samples = NewestSamples(self._hub.chosen())
        found = advise_readers(samples, past)
        for runner in runners:
            if isinstance(runner.last, StreamsSnapshot):
                for stream in runner.last.streams or ():
                    found += advise_stream(stream, past, self._prices)
            elif isinstance(runner.last, ClusterSnapshot):
                found += advise_groups(runner.last, past)
                found += advise_disks(runner.last, past)
                found += advise_brokers(runner.last, samples, past)
                found += advise_instances(runner.last, samples, past)
        return found
