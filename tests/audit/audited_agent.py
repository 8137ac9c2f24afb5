"""What of the agent an audit needs, on a clock of the caller's: sources, hub, journal, and the audit itself."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from streamwatch.agent.auditing import Audits
from streamwatch.agent.config import Config
from streamwatch.agent.state import open_state
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import TargetFactory, precedence
from streamwatch.core.clock import Clock
from streamwatch.journal.config import Config as JournalConfig
from streamwatch.journal.journal import Journal
from streamwatch.journal.question import Question
from streamwatch.samples.hub import Hub
from tests.audit.labels import Finding

_SLOW_SECONDS: Final = 30.0
_MOST_CHANGES: Final = 10_000


class AuditedAgent:
    """Sources that are read when the caller says so; what follows is as in the agent that runs."""

    def __init__(self, config: Config, clock: Clock, wait: Callable[[float], None] | None = None) -> None:
        """Begin; nothing is read yet.

        Args:
            config: what is watched.
            clock: what time it is.
            wait: lets seconds pass for calls of AWS that are paced; None lets them wait themselves.

        """
        self._clock, self._hub = clock, Hub(clock)
        self._state = open_state(None, lambda _: None, clock)
        self._journal = Journal(JournalConfig(), clock)
        self._journal.take(self._state)
        factory, self._read_at = TargetFactory(clock, watched=lambda: config.sources), dict[str, float]()
        self.runners: list[TargetRunner] = []
        for part in config.sources:
            for target in factory.targets(part, lambda: None):
                source: Any = target.source
                if wait is not None:
                    source._caller.wait = wait
                look = partial(self._journal.look, target.name, repr(part), _SLOW_SECONDS)
                self.runners.append(TargetRunner(part, target, clock, self._hub, look))
                self._hub.add(target.name, target.kind, part.name, precedence(part))
        self._audits = Audits(self._hub, clock, self._journal.changes)

    def read(self) -> None:
        """Read what is due."""
        for runner in self.runners:
            at = self._clock.monotonic()
            if at - self._read_at.get(runner.name, float("-inf")) >= runner.interval:
                self._read_at[runner.name] = at
                runner.run()

    def audit(self) -> dict[str, Any]:
        """Return what an audit says now."""
        self._state.write(lambda _: None)  # what changed is in the journal
        return self._audits.answer(self.runners, ())

    def changed(self) -> frozenset[str]:
        """Return the kinds of all changes in the journal."""
        self._state.write(lambda _: None)
        return frozenset(change.kind for change in self._journal.changes(Question(limit=_MOST_CHANGES)))

    def close(self) -> None:
        """End it."""
        for runner in self.runners:
            runner.close()
        self._state.close()


def findings(shown: dict[str, Any]) -> list[Finding]:
    """Return what an audit found, in order; what is there twice is so here, too."""
    return sorted((each["finding"], each["severity"], each["target"]) for each in shown["findings"])
