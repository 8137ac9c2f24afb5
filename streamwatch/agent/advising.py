"""``/api/v1/advise`` of a running agent: from the last reads, the newest samples, and the hours before."""

import threading
from collections.abc import Sequence
from typing import Final

from streamwatch.advice.config import Config, read_prices
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.archive.archive import Archive
from streamwatch.core.clock import Clock
from streamwatch.export.advice_api import answered
from streamwatch.http.message import Response
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
                self._answer = now, archive, self._advice(runners, archive)
            return self._answer[2]

    def _advice(self, runners: Sequence[TargetRunner], archive: Archive) -> Response:
        from streamwatch.advice.every import every_advice  # noqa: PLC0415 - only who is asked for advice pays for it

        samples, now = NewestSamples(self._hub.chosen()), self._clock.now()
        return answered(every_advice([runner.last for runner in runners], samples, archive.curve, now, self._prices))
