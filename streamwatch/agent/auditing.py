"""The audit of a running agent, and of a single read: what is known is gathered, and what only an audit needs is asked.

An audit is made when somebody asks for one. What it asks of brokers is kept for a while, and an answer stays for a
moment: whoever asks again and again costs the clusters nothing.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import Config as SourceConfig
from streamwatch.audit.config import Ignore
from streamwatch.audit.facts import AuditFacts, ClusterFacts
from streamwatch.audit.report import answer, audit
from streamwatch.core.clock import Clock
from streamwatch.journal.question import Question
from streamwatch.model.cluster_settings import ClusterSettings
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.metric import Samples
from streamwatch.model.msk import MskSnapshot
from streamwatch.model.newest_samples import NewestSamples
from streamwatch.model.reader import ReadersSnapshot
from streamwatch.model.snapshot import Snapshot
from streamwatch.samples.hub import Hub
from streamwatch.sources.cluster_config import ClusterConfig

_SETTINGS_SECONDS: Final = 600.0
"""What brokers answered is used for so long."""
_FAILED_SECONDS: Final = 60.0
"""Where they did not answer everything, they are asked again after this."""
_ASKING_SECONDS: Final = 6.0
"""After so long no further cluster is asked: the next audit asks it."""
_FRESH_SECONDS: Final = 5.0
_SHARE: Final = 10.0
"""An audit that took long stays for so many times as long."""
_MOST_CHANGES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedSource:
    """The last read of one source, and what was asked of it for the audit."""

    name: str
    config: SourceConfig
    kind: str
    snapshot: Snapshot | None
    settings: ClusterSettings | None = None
    watched_since: float | None = None
    empty_since: Mapping[str, float]


def facts_of(sources: Sequence[AuditedSource], samples: Iterable[Samples], now: float) -> AuditFacts:
    """Return what is known, by what it is of."""
    seen = [each.snapshot for each in sources]
    names = dict.fromkeys(each.config.name for each in sources if isinstance(each.config, ClusterConfig))
    return AuditFacts(
        now=now,
        clusters=tuple(_cluster(name, [each for each in sources if each.config.name == name]) for name in names),
        streams=tuple(each for each in seen if isinstance(each, StreamsSnapshot)),
        readers=tuple(each for each in seen if isinstance(each, ReadersSnapshot)),
        connects=tuple(each for each in seen if isinstance(each, ConnectSnapshot)),
        unread=tuple(dict.fromkeys(each.name for each in sources if each.snapshot is None or not each.snapshot.is_up)),
        unread_why={
            each.name: each.snapshot.problems[0].detail
            for each in sources
            if each.snapshot is not None and not each.snapshot.is_up and each.snapshot.problems
        },
        samples=NewestSamples(samples),
    )


def _cluster(name: str, sources: Sequence[AuditedSource]) -> ClusterFacts:
    msk = next((each.snapshot for each in sources if isinstance(each.snapshot, MskSnapshot)), None)
    main = next((each for each in sources if each.kind in {"kafka", "topics"}), None)
    if main is None or not isinstance(main.snapshot, ClusterSnapshot):
        return ClusterFacts(name=name, snapshot=None, msk=msk)
    return ClusterFacts(
        name=name,
        snapshot=main.snapshot,
        settings=main.settings,
        msk=msk,
        watched_since=main.watched_since,
        empty_since=main.empty_since,
    )


class Audits:
    """Makes audits. May be used from any thread."""

    def __init__(self, hub: Hub, clock: Clock, changes: Callable[[Question], list[JournalEntry]]) -> None:
        """Begin.

        Args:
            hub: has the newest samples.
            clock: what time it is.
            changes: returns what the journal has.

        """
        self._hub, self._clock, self._changes = hub, clock, changes
        self._started = clock.now()
        self._lock = threading.Lock()
        self._fresh_until, self._answer = 0.0, dict[str, Any]()
        self._of: tuple[object, ...] = ()
        """What the answer was made for."""
        self._settings: dict[str, tuple[float, ClusterSettings]] = {}
        """Of each source: until when it is not asked again, and what it answered."""

    def answer(self, runners: Collection[TargetRunner], ignores: Sequence[Ignore]) -> dict[str, Any]:
        """Return an audit as JSON has it, as it was a moment ago at most."""
        with self._lock:
            started = self._clock.monotonic()
            of = (tuple(runner.config for runner in runners), tuple(ignores))
            if started >= self._fresh_until or of != self._of:
                self._ask(runners, started)
                asked = self._clock.monotonic()
                sources = [self._source(runner) for runner in runners]
                self._answer = answer(audit(facts_of(sources, self._hub.chosen(), self._clock.now()), ignores))
                ended = self._clock.monotonic()
                self._fresh_until, self._of = ended + max(_FRESH_SECONDS, _SHARE * (ended - asked)), of
            return self._answer

    def _ask(self, runners: Collection[TargetRunner], started: float) -> None:
        """Ask the clusters whose answers are old, for a while."""
        names = {runner.name for runner in runners}
        self._settings = {name: known for name, known in self._settings.items() if name in names}
        for runner in runners:
            last = runner.last
            if runner.settings is None or not isinstance(last, ClusterSnapshot) or not last.is_up:
                continue
            until, _ = self._settings.get(runner.name, (0.0, None))
            now = self._clock.monotonic()
            if now < until or now - started > _ASKING_SECONDS:
                continue
            known = runner.settings(last)
            lasts = _FAILED_SECONDS if known.problems else _SETTINGS_SECONDS
            self._settings[runner.name] = self._clock.monotonic() + lasts, known

    def _source(self, runner: TargetRunner) -> AuditedSource:
        settings = None
        if runner.settings is not None:
            not_asked = ClusterSettings(asked_at=0.0, problems=("it is not asked yet: the next audit does",))
            _, settings = self._settings.get(runner.name, (0.0, not_asked))
        return AuditedSource(
            name=runner.name,
            config=runner.config,
            kind=runner.kind,
            snapshot=runner.last,
            settings=settings,
            watched_since=self._started,
            empty_since=self._empty_since(runner.name) if runner.kind == "kafka" else {},
        )

    def _empty_since(self, source: str) -> dict[str, float]:
        """Return when groups lost their last member, as the journal has it."""
        changes = self._changes(Question(sources=(source,), kinds=("group.state",), limit=_MOST_CHANGES))
        newest: dict[str, JournalEntry] = {}
        for change in changes:  # the newest first
            newest.setdefault(change.subject, change)
        return {name: change.at for name, change in newest.items() if change.after == "Empty"}
