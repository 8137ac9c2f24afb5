"""Runs one target: reads its source, collects, and appends to the hub."""

import logging
from collections.abc import Callable

from streamwatch.agent.targets import Config, Target
from streamwatch.catalogue import agent as c
from streamwatch.collectors.cap import cap, count
from streamwatch.core.clock import Clock
from streamwatch.model.metric import Samples
from streamwatch.model.snapshot import Snapshot
from streamwatch.samples.hub import Hub

log = logging.getLogger(__name__)

_VALID_INTERVALS = 2.5
"""A read counts for so many intervals when no other follows it: a job that hangs must not look healthy for ever."""
_LEAST_VALID_SECONDS = 10.0
"""It counts for so long at least: a read that is a few seconds late on a busy machine does not take its source off the
page."""


class TargetRunner:
    """Reads one source, collects, and appends. ``run`` is a job's work; one at a time."""

    def __init__(
        self, config: Config, target: Target, clock: Clock, hub: Hub, look: Callable[[Snapshot], None] | None = None
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            config: the part of the configuration that it comes from.
            target: what is read.
            clock: what time it is.
            hub: what the samples are appended to.
            look: is called with each snapshot, to note what changed; it raises nothing.

        """
        self.config = config
        """The part of the configuration that it comes from."""
        self.name, self.kind, self.interval = target.name, target.kind, target.interval
        self.settings = target.settings
        """Asks a Kafka cluster what only an audit needs to know; None where it cannot be asked."""
        self.last: Snapshot | None = None
        """The last snapshot; None before the first."""
        self._clock = clock
        self._source = target.source
        self._collectors = target.collectors
        self._about = target.about
        self._max_series = target.max_series
        self._hub = hub
        self._failed: dict[str, str] = {}
        self._look = look

    def run(self) -> None:
        """Read once, and append what is known; nothing of an earlier read stays when this one breaks."""
        name, valid = self.name, max(_VALID_INTERVALS * self.interval, _LEAST_VALID_SECONDS)
        try:
            now = self._source.read()
            samples = self.collect(now)
        except BaseException:
            down = [c.SOURCE_UP.sample(0.0, source=name)]
            self._hub.append(name, down, at=self._clock.now(), valid_seconds=valid)
            raise
        self._hub.append(name, samples, at=now.taken_at, valid_seconds=valid)
        self._log(now)
        self.last = now
        if self._look is not None:
            self._look(now)

    def collect(self, now: Snapshot) -> list[Samples]:
        """Return all samples of a snapshot, within the cap, and what there is to say about the source itself."""
        samples: list[Samples] = []
        for name, collector in self._collectors.items():
            up = 1.0
            try:
                samples += collector.collect(now)
                self._failed.pop(name, None)
            except Exception as error:  # a bug in one collector costs its own share only
                up = 0.0
                if self._failed.get(name) != str(error):
                    log.exception(
                        "collector %s: failed: the others go on; please report this", name, extra={"source": self.name}
                    )
                self._failed[name] = str(error)
            samples.append(c.COLLECTOR_UP.sample(up, source=self.name, collector=name))
        kept, dropped = cap(samples, self._max_series)
        return [
            *(each for collector in self._about for each in collector.collect(now)),
            c.SERIES.sample(count(kept), source=self.name),
            c.SERIES_DROPPED.sample(dropped, source=self.name),
            *kept,
        ]

    def close(self) -> None:
        """Drop the connections."""
        self._source.close()

    def _log(self, now: Snapshot) -> None:
        was, is_up = self.last is not None and self.last.is_up, now.is_up
        if is_up and not was:
            log.info("source up", extra={"source": self.name, "seconds": round(now.read_seconds, 3)})
        elif not is_up and (was or self.last is None):
            why = now.problems[0].detail if now.problems else "unknown"
            log.warning("source down", extra={"source": self.name, "reason": why})
        log.debug(
            "read",
            extra={"source": self.name, "seconds": round(now.read_seconds, 3), "problems": len(now.problems)},
        )
