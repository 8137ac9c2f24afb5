"""The page of metrics: written by source when a source is read, put together when somebody asks."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.agent.self_target import SelfTarget
from streamwatch.core.clock import Clock
from streamwatch.export.exposition import Exposition, RenderedExposition
from streamwatch.export.process import Process
from streamwatch.model.metric import Samples
from streamwatch.samples.hub import Hub

_OWN_SECONDS: Final = 1.0
"""The agent's own figures are not older."""


@dataclass(frozen=True, slots=True)
class _Made:
    page: RenderedExposition
    state: object
    """Of what it was made."""
    until: float
    own_until: float


class MetricsPage:
    """What ``/metrics`` shows. May be used from any thread."""

    def __init__(self, hub: Hub, own: SelfTarget, clock: Clock) -> None:
        self._hub, self._own, self._clock = hub, own, clock
        self._exposition, self._process = Exposition(), Process()
        self._lock = threading.Lock()
        self._state = object()
        """Another one after each change."""
        self._made: _Made | None = None

    def changed(self) -> None:
        """Note that the page is another."""
        self._state = object()

    def appended(self, part: str, samples: Sequence[Samples], at_ms: int) -> None:  # noqa: ARG002 - as a listener's
        """Write the lines of these samples, so that nobody who asks waits for that."""
        self.changed()
        self._exposition.prepare(samples)

    def page(self) -> RenderedExposition:
        """Return the page as it was put together last; anew only where something on it has changed."""
        made = self._made
        if made is None or not self._is_true(made):
            with self._lock:
                made = self._made
                if made is None or not self._is_true(made):
                    made = self._made = self._put_together()
        return made.page

    def _is_true(self, made: _Made) -> bool:
        return (
            made.state is self._state
            and self._clock.monotonic() < made.own_until
            and not self._hub.is_stale(made.until)
        )

    def _put_together(self) -> _Made:
        state, until, own_until = self._state, self._hub.valid_until(), self._clock.monotonic() + _OWN_SECONDS
        page = self._exposition.render([*self._hub.chosen(), *self._own.collect()], self._process.render())
        return _Made(page, state, until, own_until)
