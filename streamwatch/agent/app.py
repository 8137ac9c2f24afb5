"""The composition root: from a configuration to an agent that runs. The only module that knows everything."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from streamwatch.agent import archiving
from streamwatch.agent.advising import Advising
from streamwatch.agent.alerting import Alerting, groups
from streamwatch.agent.archiving import AgentArchive
from streamwatch.agent.config import AgentShare, Config
from streamwatch.agent.journaling import JOB, SECONDS, AgentJournal
from streamwatch.agent.metrics_page import MetricsPage
from streamwatch.agent.pacing import pace_of
from streamwatch.agent.self_target import Jobs, Reloads, Responses, ScrapedTarget, SelfTarget
from streamwatch.agent.status import status
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import Config as SourceConfig
from streamwatch.agent.targets import Target, TargetFactory, precedence
from streamwatch.core.clock import Clock
from streamwatch.core.errors import StreamWatchError
from streamwatch.core.memory import GIVE_BACK_SECONDS, give_back
from streamwatch.core.schedule import Job, Schedule
from streamwatch.export import audit_api
from streamwatch.export.advice_api import PATH as ADVISE
from streamwatch.export.alertmanager_api import PREFIX as ALERTMANAGER
from streamwatch.export.endpoints import Health, compressed, endpoints
from streamwatch.export.events_api import PATH as EVENTS
from streamwatch.export.events_api import EventsApi
from streamwatch.export.prometheus_api import PREFIX
from streamwatch.export.remote_write.service import RemoteWriteService
from streamwatch.export.restart_api import PATH as MAY_RESTART
from streamwatch.export.web_page import runbooks
from streamwatch.export.web_page.addresses import FLOW, FLOW_JSON, PLACES
from streamwatch.http.guard import WRITES
from streamwatch.http.message import Request, Response
from streamwatch.http.server import READS, PathHandler, Server
from streamwatch.model.snapshot import Snapshot
from streamwatch.pair.document import PATH as PEER
from streamwatch.rules.config import Config as RulesConfig
from streamwatch.rules.config import runbooks_folder
from streamwatch.rules.group import RuleChange
from streamwatch.rules.rule import RuleGroup
from streamwatch.samples.hub import Hub
from streamwatch.settings.types import Secret
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.cluster_config import ClusterConfig

if TYPE_CHECKING:
    from streamwatch.agent.answers import Answers

log = logging.getLogger(__name__)

_HUNG_INTERVALS = 5
"""A job that has not begun a run for so many intervals hangs: restarting the process is what helps."""


class App:
    """The agent. ``start``, ``reload`` and ``stop`` are called from one thread at a time."""

    def __init__(
        self, config: Config, clock: Clock, load: Callable[[], Config] | None = None, share: AgentShare | None = None
    ) -> None:
        """Wire everything; nothing runs before ``start``.

        Args:
            config: what to do.
            clock: what time it is.
            load: reads the configuration again, for ``reload``; None where there is no file.
            share: which of the sources are watched; all by default.

        Raises:
            RuleError: the rules are wrong.

        """
        self.config = config
        self._clock = clock
        self._load = load
        self._share = share or AgentShare()
        self._started = clock.monotonic()
        self._own, self._reloads = SelfTarget(), Reloads()
        self._hub = Hub(clock, ScrapedTarget(self._own))
        self._metrics = MetricsPage(self._hub, self._own, clock)
        self._factory = self._new_factory(config)
        self._schedule = Schedule(clock)
        self._journal = AgentJournal(config, clock)
        self._archive = AgentArchive(config, self._hub, clock)
        self._alerting = self._new_alerting(config, groups(config.rules))
        self._hub.subscribe(self._alerting.evaluator)
        self._hub.subscribe(self._archive)
        self._hub.subscribe(self._metrics)
        self._remote_write = RemoteWriteService(self._schedule, clock, self._hub.all_samples)
        self._runners: Mapping[str, TargetRunner] = {}
        """Never changed, but replaced: many threads look while a reload is under way."""
        self._events = EventsApi(self._journal.journal.changes, self._source_names)
        self._advising = Advising(config.advise, self._hub, clock)
        self._runbooks = runbooks.Runbooks(runbooks_folder())
        self._server = self._serve(config)
        for name, component in (
            ("schedule", Jobs(self._schedule)),
            ("server", Responses(self._responses)),
            ("reloads", self._reloads),
            ("rules", self._alerting),
            ("archive", self._archive),
            ("remote write", self._remote_write),
        ):
            self._own.put(name, component)

    @property
    def address(self) -> str:
        """The host and port that are listened on."""
        return self._server.address

    def start(self) -> None:
        """Listen, and begin to watch.

        Raises:
            ExportError: the address cannot be had.

        """
        self._server.start()
        self._journal.start(self.config, self._alerting)
        self._schedule.add(Job(JOB, SECONDS, self._journal.run))
        for config in self._sources(self.config):
            self._add_targets(config)
        self._alerting.start(self._server.url)
        self._archive.start()
        self._schedule.add(Job(archiving.JOB, archiving.SECONDS, self._archive_now))
        self._schedule.add(Job("memory", GIVE_BACK_SECONDS, give_back))
        self._remote(self.config)
        self._schedule.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End everything; what does not end by itself within the timeout is left to the end of the process."""
        hanging = self._schedule.stop(timeout_seconds / 4)
        self._remote_write.stop(timeout_seconds / 4)
        self._journal.leave()
        self._alerting.stop(timeout_seconds / 2)
        self._archive.stop(timeout_seconds / 4)
        for name, runner in self._runners.items():
            if name not in hanging:
                runner.close()
        self._server.stop(timeout_seconds / 4)

    def reload(self) -> None:
        """Take a new configuration, all or nothing; sources whose part did not change go on as they are.

        Raises:
            StreamWatchError: the new one is refused, and nothing has changed.

        """
        try:
            self._take(self.config if self._load is None else self._load())
        except StreamWatchError:
            self._reloads.refused += 1
            self._metrics.changed()
            raise
        self._reloads.taken += 1
        self._metrics.changed()
        log.info("configuration taken", extra={"sources": ", ".join(sorted(self._runners))})

    def health(self) -> Health:
        """Return which sources are not read any more, though it is time."""
        now, reasons = self._clock.monotonic(), []
        for name, count in self._schedule.counts().items():
            runner = self._runners.get(name)
            if runner and now - count.last_started > _HUNG_INTERVALS * runner.interval:
                reasons.append(f"job {name!r} has not begun for {now - count.last_started:.0f}s: it hangs")
        return Health(tuple(reasons))

    def working(self) -> Health:
        """Return what hangs of all that must run: sources are read, and rules evaluated."""
        is_deciding = not self.config.rules.enabled or self._alerting.evaluator.is_well
        return Health((*self.health().reasons, *(() if is_deciding else ("rules are not evaluated: they hang",))))

    def ready(self) -> Health:
        """Return which sources were not read yet."""
        waiting = [name for name, runner in self._runners.items() if runner.last is None]
        return Health(tuple(f"source {name!r}: the first read has not ended yet" for name in waiting))

    def _new_factory(self, config: Config) -> TargetFactory:
        """Return what makes targets; which clusters are read from their brokers may change with every reload."""
        return TargetFactory(self._clock, config.export.compatibility, lambda: self.config.sources)

    def _take(self, config: Config) -> None:
        wanted_rules, advising = groups(config.rules), Advising(config.advise, self._hub, self._clock)
        if config.listen != self.config.listen:
            self._move(config)
        else:
            self._server.reload_tls()
        wanted = {source.name: source for source in self._sources(config)}
        renamed = config.export != self.config.export
        if renamed:
            self._factory = self._new_factory(config)
        self._factory.renew()
        stale = [
            name for name, runner in self._runners.items() if renamed or wanted.get(runner.config.name) != runner.config
        ]
        for name in stale:
            self._schedule.remove(name, timeout_seconds=1.0)
            runner = self._runners[name]
            self._runners = {other: each for other, each in self._runners.items() if other != name}
            runner.close()
            self._hub.remove(name)
        for name in {source.name for source in self._sources(self.config)} - wanted.keys():
            self._hub.end(name)
            self._archive.archive.forget_part(name)
        for name, source in wanted.items():
            if name not in self._runners:
                self._add_targets(source)
        if _without_files(config.rules) == _without_files(self.config.rules) and config.ha == self.config.ha:
            self._alerting.take(wanted_rules, config.notify, self._server.url)
        else:
            before = self._alerting
            self._journal.leave()
            before.stop(1.0)
            self._alerting = self._new_alerting(config, wanted_rules)
            self._hub.subscribe(self._alerting.evaluator, instead_of=before.evaluator)
            self._own.put("rules", self._alerting)
            self._alerting.start(self._server.url)
        self._take_archive(config)
        self._advising = advising
        self._remote(config)
        self._journal.take(config, self._alerting, self._runners)
        self.config = config

    def _take_archive(self, config: Config) -> None:
        """Archive as the new configuration says; what the file has goes on."""
        before = self._archive
        if before.wanted != (config.archive, config.rules.state):
            before.stop(1.0)
            self._archive = AgentArchive(config, self._hub, self._clock)
            self._hub.subscribe(self._archive, instead_of=before)
            self._own.put("archive", self._archive)
            self._archive.start()

    def _remote(self, config: Config) -> None:
        instance = config.rules.instance or str(config.listen.address)
        state = None if config.rules.state is None else Path(config.rules.state)
        self._remote_write.take(config.remote_write, {"job": config.rules.job, "instance": instance}, state)

    def _sources(self, config: Config) -> tuple[SourceConfig, ...]:
        """Return those that this agent watches."""
        sources = self._share.of(config.sources)
        if not sources:
            counts = {"share": f"{self._share.index}/{self._share.count}", "sources": len(config.sources)}
            log.warning("nothing to watch: there are more agents than sources", extra=counts)
        return sources

    def _move(self, config: Config) -> None:
        """Listen as the new configuration says; as before, where that cannot be."""
        self._server.stop()
        server = self._serve(config)
        try:
            server.start()
        except StreamWatchError:
            self._server = self._serve(self.config)
            self._server.start()
            raise
        self._server = server

    def _serve(self, config: Config) -> Server:
        routes = endpoints(
            page=self._metrics.page,
            health=self.health,
            ready=self.ready,
            status=self._status,
            home=self._home,
            reload=self.reload if self._load and config.listen.reload else None,
            prefixes=(
                PathHandler(FLOW, self._flow),
                *(PathHandler(path, self._entity, below=below) for path, below in PLACES.items()),
                PathHandler(FLOW_JSON, self._flow),
                PathHandler(EVENTS, lambda request: compressed(self._events.answer(request), request)),
                PathHandler(MAY_RESTART, self._may_restart),
                PathHandler(audit_api.PATH, self._audit),
                PathHandler(ADVISE, lambda request: compressed(self._advise(), request)),
                PathHandler(PEER, self._answer_peer, ("POST",), is_guarded=True, token=self._peer_token),
                PathHandler(PREFIX, self._answer, below=self._alerting.names(PREFIX)),
                PathHandler(runbooks.PREFIX, self._runbooks.answer, below=("ALERT",)),
                PathHandler(
                    ALERTMANAGER,
                    self._answer,
                    (*READS, *WRITES),
                    below=self._alerting.names(ALERTMANAGER),
                    is_guarded=True,
                ),
            ),
        )
        return Server(config.listen, routes)

    def _source_names(self) -> Collection[str]:
        """Return the names of the sources that are configured; those of a part of one are named after it."""
        return {*self._runners, *(source.name for source in self.config.sources)}

    def _peer_token(self) -> Secret | None:
        return None if self.config.ha is None else self.config.ha.token

    @cached_property
    def _answers(self) -> "Answers":
        """What answers people. Who asks first at the same time as another may get one of his own, once."""
        from streamwatch.agent.answers import Answers  # noqa: PLC0415 - 4 MB, of which who is only scraped has no use

        return Answers(self._hub, self._clock, self._journal, lambda: self._archive.archive, self._schedule.wake)

    def _responses(self) -> Mapping[int, int]:
        return self._server.counts()  # a reload may have put another in its place

    def _status(self) -> str:
        matters = self._answers.home.lines(self._runners.values(), self._alerting, self._server.url)
        return status(self._runners, self._schedule.counts(), self._clock.monotonic() - self._started, matters)

    def _home(self) -> Response:
        return self._answers.home.page(self._runners.values(), self._alerting, self._server.url)

    def _entity(self, request: Request) -> Response:
        return compressed(
            self._answers.entities.answer(
                request, self._runners.values(), self._alerting, self._archive, self._server.url
            ),
            request,
        )

    def _audit(self, request: Request) -> Response:
        found = audit_api.answered(
            request, lambda: self._answers.audits.answer(self._runners.values(), self.config.audit.ignore)
        )
        return compressed(found, request)

    def _flow(self, request: Request) -> Response:
        return compressed(self._answers.flow.answer(request.path, self._runners.values()), request)

    def _may_restart(self, request: Request) -> Response:
        return self._answers.restarts.answer(request, tuple(self._runners.values()))

    def _advise(self) -> Response:
        return self._advising.answer(tuple(self._runners.values()), self._archive.archive)

    def _answer(self, request: Request) -> Response:
        return self._alerting.answer(request)  # a reload may have put another in its place

    def _answer_peer(self, request: Request) -> Response:
        return self._alerting.answer_peer(request)  # as above

    def _archive_now(self) -> None:
        """Take what is still known, and which incidents go on, of whom a reload has put there."""
        self._archive.run()
        self._alerting.look_at_incidents()

    def _new_alerting(self, config: Config, wanted: Sequence[RuleGroup]) -> Alerting:
        pace = partial(pace_of, lambda: self._archive.archive)  # a reload may put another in its place
        return Alerting(config, wanted, self._hub, self._clock, self._journal.recent, self._decided, pace)

    def _decided(self, changes: Sequence[RuleChange]) -> None:
        self._archive.decided(changes)  # a reload may have put another in its place

    def _add_targets(self, config: SourceConfig) -> None:
        chooser = precedence(config)
        for target in self._factory.targets(config, self._waker(config.name)):
            runner = TargetRunner(config, target, self._clock, self._hub, self._looker(config, target))
            self._hub.add(target.name, target.kind, config.name, chooser)
            self._runners = {**self._runners, target.name: runner}
            self._schedule.add(Job(target.name, target.interval, runner.run))

    def _looker(self, config: SourceConfig, target: Target) -> Callable[[Snapshot], None] | None:
        """Return what notes the changes of a source; None where another one sees them, too."""
        is_second = target.kind == "topics" and isinstance(config, ClusterConfig) and config.protocol
        if is_second or target.kind == "probe":
            return None
        slow = {ClusterConfig: "topic_settings_interval", AccountConfig: "describe_interval"}.get(
            type(config), "interval"
        )
        return partial(self._journal.journal.look, target.name, repr(config), getattr(config, slow))

    def _waker(self, name: str) -> Callable[[], None]:
        return lambda: self._schedule.wake(name)


def _without_files(rules: RulesConfig) -> RulesConfig:
    """Return how rules are decided, without which."""
    return replace(rules, pack=True, files=(), severities={})
