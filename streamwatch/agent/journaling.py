"""The journal within the agent: what it looks at besides the sources, and its job."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Final

from streamwatch import __version__
from streamwatch.agent.alerting import Alerting
from streamwatch.agent.config import Config
from streamwatch.core.clock import Clock
from streamwatch.journal.journal import Journal
from streamwatch.journal.own import SilenceRow
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.rules.rule import RuleGroup

JOB: Final = "journal"
SECONDS: Final = 5.0
_PRUNE_SECONDS: Final = 600.0
_RECENT_SECONDS: Final = 86_400.0
_MOST_RECENT: Final = 200
_SILENCES_SECONDS: Final = 7 * 86_400.0
"""Silences that ended longer ago are not looked at."""


class AgentJournal:
    """The journal, wired. ``run`` is a job's work."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.journal = Journal(config.journal, clock)
        self._clock = clock
        self._alerting: Alerting | None = None
        self._pruned_at = clock.monotonic()
        self._recent: tuple[JournalEntry, ...] = ()
        self._watched: frozenset[str] | None = None
        """None before the first reload: none has left."""

    def recent(self) -> tuple[JournalEntry, ...]:
        """Return what changed in the last day, the newest first, as of some seconds ago: it is asked of no disk."""
        return self._recent

    def start(self, config: Config, alerting: Alerting) -> None:
        """Begin to write: the agent started, with this configuration."""
        self._alerting = alerting
        self.journal.take(alerting.state)
        self.journal.start(__version__, sections(config, alerting.wanted))
        self._refresh()

    def take(self, config: Config, alerting: Alerting, watched: Collection[str]) -> None:
        """Take another configuration, what has the state file now, and the names of the targets that are watched."""
        self._watched = frozenset(watched)
        if alerting is not self._alerting:
            self._alerting = alerting
            self.journal.take(alerting.state)
        self.journal.config = config.journal
        self.journal.take_configuration(__version__, sections(config, alerting.wanted))

    def leave(self) -> None:
        """Write what was seen, and leave the state file alone: it is closed next."""
        self.journal.close()

    def run(self) -> None:
        """Look at silences, read what changed of late, and forget what is too old."""
        if self._alerting is not None:
            rows = self._alerting.notifications.silences(self._clock.now() - _SILENCES_SECONDS)
            self.journal.look_at_silences(
                SilenceRow(str(each.number), ", ".join(each.matchers), each.until, each.by, each.comment, each.updated)
                for each in rows
            )
        if self._watched is not None:
            self.journal.forget_others(self._watched)
        if self._clock.monotonic() - self._pruned_at >= _PRUNE_SECONDS:
            self._pruned_at = self._clock.monotonic()
            self.journal.maintain()
        self._refresh()

    def _refresh(self) -> None:
        since = self._clock.now() - _RECENT_SECONDS
        self._recent = tuple(self.journal.changes(Question(since=since, limit=_MOST_RECENT)))


def sections(config: Config, rules: tuple[RuleGroup, ...]) -> Mapping[str, str]:
    """Return the parts of a configuration by name, each as a text that is another one when the part is."""
    found: dict[str, object] = {f"source {source.name}": source for source in config.sources}
    found |= {f"remote_write {each.name}": each for each in config.remote_write}
    found |= {
        name: getattr(config, name) for name in ("listen", "notify", "export", "journal", "archive", "audit", "log")
    }
    found |= {"rules": (config.rules, rules)}
    return {name: hashlib.sha256(repr(part).encode()).hexdigest()[:16] for name, part in found.items()}
