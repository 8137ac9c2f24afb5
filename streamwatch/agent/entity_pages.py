"""The pages of single clusters, brokers, groups, topics, streams and readers: each made when somebody asks."""

import threading
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from streamwatch import __version__
from streamwatch.agent.alerting import Alerting
from streamwatch.agent.archiving import AgentArchive
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.core.clock import Clock
from streamwatch.export.web_page.addresses import EntityRef, entity_at
from streamwatch.export.web_page.alerts import Alerts, alerts
from streamwatch.export.web_page.charts import Window
from streamwatch.export.web_page.entity import EntityView, KnownOfEntity, entity_view, window_of
from streamwatch.export.web_page.sample_index import Read
from streamwatch.http.message import Request, Response, text_response
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.reader import ReadersSnapshot
from streamwatch.samples.hub import Hub
from streamwatch.sources.cluster_config import ClusterConfig

if TYPE_CHECKING:
    from streamwatch.export.web_page.render import Renderer

_FRESH_SECONDS: Final = 1.0
_SHARE: Final = 10.0
"""A page that took long to make is shown for so many times as long."""
_MOST_MADE: Final = 50
_MOST_ALERTS: Final = 20
_MOST_CHANGES: Final = 1_000
_NO_PAGE: Final = "nothing is known of this: the agent's page, /, lists what there is"


class EntityPages:
    """Answers below ``/cluster/``, ``/stream/``, ``/connect/`` and at ``/reader``. May be used from any thread."""

    def __init__(self, hub: Hub, clock: Clock, changes: Callable[[Question], list[JournalEntry]]) -> None:
        self._hub, self._clock, self._changes = hub, clock, changes
        self._lock = threading.Lock()
        self._renderer: Renderer | None = None
        self._made: dict[tuple[EntityRef, Window], tuple[float, Response]] = {}
        """What was made, and until when it is fresh."""

    def answer(
        self, request: Request, runners: Iterable[TargetRunner], alerting: Alerting, archive: AgentArchive, url: str
    ) -> Response:
        """Return the page at an address; one that was made a moment ago, where there is."""
        ref = entity_at(request.path, request.query)
        if ref is None:
            return text_response(HTTPStatus.NOT_FOUND, _NO_PAGE)
        try:
            window = window_of(parse_qs(request.query, errors="replace").get("window", [""])[-1])
        except ValueError as error:
            return text_response(HTTPStatus.BAD_REQUEST, str(error))
        with self._lock:
            started = self._clock.monotonic()
            made = self._made.get((ref, window))
            if made is None or started >= made[0]:
                view = self._view(ref, window, tuple(runners), alerting, archive, url)
                if view is None:
                    return text_response(HTTPStatus.NOT_FOUND, _NO_PAGE)
                response, ended = self._rendered(view), self._clock.monotonic()
                made = ended + max(_FRESH_SECONDS, _SHARE * (ended - started)), response
                self._made = {key: each for key, each in self._made.items() if each[0] > ended}
                if len(self._made) < _MOST_MADE:
                    self._made[ref, window] = made
            return made[1]

    def _rendered(self, view: EntityView) -> Response:
        from streamwatch.export.web_page.render import Renderer  # noqa: PLC0415 - only who is looked at pays for the templates

        if self._renderer is None:
            self._renderer = Renderer()
        return self._renderer.entity(view)

    def _view(  # noqa: PLR0913, PLR0917 - what a page is made of
        self,
        ref: EntityRef,
        window: Window,
        runners: Sequence[TargetRunner],
        alerting: Alerting,
        archive: AgentArchive,
        url: str,
    ) -> EntityView | None:
        now, of = self._clock.now(), [runner for runner in runners if _may_know(runner, ref)]
        parts = {runner.config.name for runner in of}
        shown = self._alerts(ref, alerting, now, url)
        current = self._hub.current()
        known = KnownOfEntity(
            version=__version__,
            now=now,
            reads=[Read(each.name, each.config.name, each.kind, each.interval, each.last) for each in of],
            samples=[samples for name in parts if name in current for samples in current[name].samples],
            past=archive.archive,
            alerts=shown.firing,
            more_alerts=shown.more,
            marks=archive.archive.marks.since(now - window.seconds),
            incidents=alerting.book.past(),
            changes=self._changed(ref, now - window.seconds, [runner.name for runner in of if _may_tell(runner, ref)]),
        )
        return entity_view(ref, known, window)

    def _alerts(self, ref: EntityRef, alerting: Alerting, now: float, url: str) -> Alerts:
        every = alerting.alerts()
        own = [alert for alert in every if ref.concerns(alert.labels)]
        if not own:
            return Alerts((), 0, ())
        names = {alert.fingerprint: alert.name for alert in every}
        standing = alerting.notifications.standing(every, [alert for alert in own if alert.state == "firing"])
        reasons = {each.alert.fingerprint: each.reasons(names) for each in standing}
        notified, channels = alerting.notifications.alert_groups(), alerting.notifications.channels
        return alerts(own, notified, channels, now, url, reasons, _MOST_ALERTS, links=alerting.links)

    def _changed(self, ref: EntityRef, since: float, sources: Sequence[str]) -> list[JournalEntry]:
        """Return what changed of its kind, the newest first."""
        if not sources:
            return []
        kinds = () if ref.kind == "cluster" else (ref.kind,)
        return self._changes(Question(since=since, sources=sources, kinds=kinds, limit=_MOST_CHANGES))


def _may_tell(runner: TargetRunner, ref: EntityRef) -> bool:
    """Say whether a source may have seen changes of this: not one of another account, or of readers of another kind."""
    row = ref.row
    if ref.kind == "reader" and runner.kind != row["kind"]:
        return False
    match runner.last:
        case ReadersSnapshot(readers=known) if ref.kind == "reader" and known:
            accounts = {reader.account for reader in known}
        case StreamsSnapshot(streams=known) if known:
            accounts = {stream.account for stream in known}
        case _:
            return True
    return not row["aws_account"] or row["aws_account"] in accounts


def _may_know(runner: TargetRunner, ref: EntityRef) -> bool:
    """Say whether a source may know something of this."""
    if ref.kind == "stream":
        return runner.kind == "kinesis"
    if ref.kind == "reader":
        return True
    is_connect = ref.kind in {"connect", "connector"}
    return runner.config.name == ref.entity[0] and (
        runner.kind == "connect" if is_connect else isinstance(runner.config, ClusterConfig)
    )
