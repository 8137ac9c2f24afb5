"""The archive within the agent: what it takes, and when; its file; and the alerts that are marked in it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamwatch.agent.config import Config
from streamwatch.archive.archive import Archive
from streamwatch.archive.keeper import ArchiveKeeper
from streamwatch.archive.marks import AlertMark
from streamwatch.archive.rings import LEVELS
from streamwatch.core.clock import Clock
from streamwatch.model.alert import WATCHDOG_SEVERITY
from streamwatch.model.metric import Samples
from streamwatch.rules.group import RuleChange
from streamwatch.samples.hub import Hub

log = logging.getLogger(__name__)

JOB: Final = "archive"
SECONDS: Final = LEVELS[0].seconds / 2
"""No step goes by without a run, however late one is."""


class AgentArchive:
    """The archive, wired: it takes what sources append, and ``run``, a job's work, what is still valid of it."""

    def __init__(self, config: Config, hub: Hub, clock: Clock) -> None:
        self._hub, self._clock = hub, clock
        self.wanted = config.archive, config.rules.state
        """What it was made for."""
        self._failed: dict[str, str] = {}
        """What was logged, by part."""
        self.archive = Archive(config.archive.memory, clock)
        state = config.rules.state if config.archive.memory else None
        self._keeper = None if state is None else ArchiveKeeper(self.archive, Path(state), clock)

    def start(self) -> None:
        """Read the file, and begin to write it."""
        if self._keeper is not None:
            self._keeper.start()

    def stop(self, timeout_seconds: float) -> None:
        """Write what is new."""
        if self._keeper is not None:
            self._keeper.stop(timeout_seconds)

    def appended(self, part: str, samples: Sequence[Samples], at_ms: int) -> None:
        """Take what is known of a part now; raises nothing: a bug here must not cost the read."""
        self._take(part, samples, at_ms / 1000)

    def run(self) -> None:
        """Take what is still known of every part of which nothing was taken in this step."""
        for name, part in self._hub.current().items():
            if not self.archive.has_step(name):
                self._take(name, part.samples, self._clock.now())

    def _take(self, part: str, samples: Sequence[Samples], at: float) -> None:
        try:
            self.archive.take(part, samples, at)
            self._failed.pop(part, None)
        except Exception as error:
            if self._failed.get(part) != str(error):
                log.exception("archive: samples cannot be taken: please report this: %s", part)
            self._failed[part] = str(error)

    def decided(self, changes: Sequence[RuleChange]) -> None:
        """Note which alerts began and ended to fire."""
        now, marks = self._clock.now(), list[AlertMark]()
        for each in changes:
            before, after, labels = each.change.before, each.change.after, each.change.labels
            fired, fires = (alert is not None and alert.state == "firing" for alert in (before, after))
            if fired != fires and labels.get("severity") != WATCHDOG_SEVERITY:
                marks.append(AlertMark(now, "fires" if fires else "resolved", dict(labels)))
        self.archive.marks.add(marks)

    def collect(self) -> list[Samples]:
        """Return what there is to say about the archive, and its file."""
        return [*self.archive.collect(), *(() if self._keeper is None else self._keeper.collect())]
