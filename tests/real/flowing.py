"""The data-flow map of real servers, by an agent whose reads a test makes: it knows between which two a record came."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Final, Self

from streamwatch.agent.config import Config
from streamwatch.agent.flow_page import FlowPage
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import TargetFactory, precedence
from streamwatch.core.clock import SystemClock
from streamwatch.export.web_page.addresses import FLOW_JSON
from streamwatch.samples.history import MINUTE_MS, History
from streamwatch.samples.hub import Hub

_PACE_SECONDS: Final = 0.7


@dataclass
class Mapped:
    """Reads all sources of a configuration when it is asked for the map, as a context manager."""

    config: Config
    before_each: Callable[[], object]
    """Called before each read."""
    reads: list[float] = field(default_factory=list)
    """When the Kafka cluster was read, in seconds since 1970."""
    last: dict[str, Any] = field(default_factory=dict)
    """The map as it was read last."""

    def __enter__(self) -> Self:
        self._clock = SystemClock()
        self._hub, factory = Hub(self._clock), TargetFactory(self._clock, ())
        self._hub.keep_in(History(keep_ms=60 * MINUTE_MS))
        self._runners: list[TargetRunner] = []
        for part in self.config.sources:
            for target in factory.targets(part, lambda: None):
                self._hub.add(target.name, target.kind, part.name, precedence(part))
                self._runners.append(TargetRunner(part, target, self._clock, self._hub))
        return self

    def __exit__(self, *why: object) -> None:
        for runner in self._runners:
            runner.close()

    def read(self) -> dict[str, Any]:
        """Return the map after one more read, about a second after the one before."""
        Event().wait(_PACE_SECONDS)
        self.before_each()
        for runner in self._runners:
            runner.run()
            if runner.kind == "kafka" and runner.last is not None:
                self.reads.append(runner.last.taken_at)
        self.last = json.loads(FlowPage(self._hub, self._clock).answer(FLOW_JSON, self._runners).body)["data"]
        return self.last

    def edge(self, source: str, target: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Return an edge of the map as it is now, if it is there and as it should be."""
        found = [one for one in self.read()["edges"] if (one["source"], one["target"]) == (source, target)]
        return found[0] if found and fits(found[0]) else None

    def between(self, at: float) -> float:
        """Return how far apart the two reads were between which something happened: so far off its time may be."""
        before = max((one for one in self.reads if one <= at), default=at)
        after = min((one for one in self.reads if one > at), default=at)
        return after - before
