"""The composition root: from a configuration to an agent that runs. The only module that knows everything."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from streamwatch import __version__
from streamwatch.agent.config import Config, Share
from streamwatch.agent.deciding import Deciding, groups
from streamwatch.agent.metrics_page import MetricsPage, everything
from streamwatch.agent.self_target import Jobs, Reloads, Responses, SelfTarget
from streamwatch.agent.status import status
from streamwatch.agent.target import Watch
from streamwatch.agent.targets import Config as SourceConfig
from streamwatch.agent.targets import Wiring, trust
from streamwatch.catalogue.agent import UP
from streamwatch.core.clock import Clock
from streamwatch.core.errors import StreamWatchError
from streamwatch.core.schedule import Job, Schedule
from streamwatch.export.alertmanager_api import PREFIX as ALERTMANAGER
from streamwatch.export.endpoints import Health, endpoints
from streamwatch.export.prometheus_api import PREFIX
from streamwatch.export.remote_write.service import Remoting
from streamwatch.export.web_page import runbooks
from streamwatch.export.web_page.sample_index import Read
from streamwatch.export.web_page.view import view
from streamwatch.http.guard import WRITES
from streamwatch.http.message import Request, Response
from streamwatch.http.server import READS, Route, Server
from streamwatch.model.metric import Samples
from streamwatch.rules.config import Config as RulesConfig
from streamwatch.rules.config import runbooks_folder
from streamwatch.rules.rule import Group
from streamwatch.samples.hub import Hub

if TYPE_CHECKING:
    from streamwatch.export.web_page.render import Renderer

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_HUNG_INTERVALS = 5
"""A job that has not begun a run for so many intervals hangs: restarting the process is what helps."""


class App:
    """The agent. ``start``, ``reload`` and ``stop`` are called from one thread at a time."""

    def __init__(
        self, config: Config, clock: Clock, load: Callable[[], Config] | None = None, share: Share | None = None
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
        self._share = share or Share()
        self._began = clock.monotonic()
        self._hub, self._own, self._reloads = Hub(clock), SelfTarget(), Reloads()
        self._metrics = MetricsPage(self._hub, self._own, clock)
        self._wiring = Wiring(clock, config.export.compatibility)
        self._schedule = Schedule(clock)
        self._deciding = self._decide(config, groups(config.rules))
        self._remoting = Remoting(self._schedule, clock, lambda: [UP.sample(1.0), *everything(self._hub, self._own)])
        self._watches: Mapping[str, Watch] = {}
        """Never changed, but replaced: many threads look while a reload is under way."""
        self._renderer: Renderer | None = None
        self._looking = threading.Lock()
        self._seen: tuple[float, Response] | None = None
        """The page for a browser, and until when it is fresh."""
        self._runbooks = runbooks.Runbooks(runbooks_folder())
        self._server = self._serve(config)
        for name, component in (
            ("schedule", Jobs(self._schedule)),
            ("server", Responses(self._responses)),
            ("reloads", self._reloads),
            ("rules", self._deciding),
            ("remote write", self._remoting),
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
        for config in self._sources(self.config):
            self._watch(config)
        self._deciding.start()
        self._remote(self.config)
        self._schedule.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End everything; what does not end by itself within the timeout is left to the end of the process."""
        hanging = self._schedule.stop(timeout_seconds / 4)
        self._remoting.stop(timeout_seconds / 4)
        self._deciding.stop(timeout_seconds / 2)
        for name, watch in self._watches.items():
            if name not in hanging:
                watch.close()
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
        log.info("configuration taken", extra={"sources": ", ".join(sorted(self._watches))})

    def _take(self, config: Config) -> None:
        wanted_rules = groups(config.rules)
        if config.listen != self.config.listen:
            self._move(config)
        else:
            self._server.reload_tls()
        wanted = {one.name: one for one in self._sources(config)}
        renamed = config.export != self.config.export
        if renamed:
            self._wiring = Wiring(self._clock, config.export.compatibility)
        self._wiring.renew()
        stale = [
            name for name, watch in self._watches.items() if renamed or wanted.get(watch.config.name) != watch.config
        ]
        for name in stale:
            self._schedule.remove(name, timeout_seconds=1.0)
            watch = self._watches[name]
            self._watches = {kept: one for kept, one in self._watches.items() if kept != name}
            watch.close()
            self._hub.remove(name)
        for name in {one.name for one in self._sources(self.config)} - wanted.keys():
            self._deciding.forget(name)
        for name, one in wanted.items():
            if name not in self._watches:
                self._watch(one)
        if _without_files(config.rules) == _without_files(self.config.rules):
            self._deciding.take(wanted_rules, config.notify)
        else:
            self._deciding.stop(1.0)
            self._deciding = self._decide(config, wanted_rules)
            self._own.put("rules", self._deciding)
            self._deciding.start()
        self._remote(config)
        self.config = config

    def _remote(self, config: Config) -> None:
        instance = config.rules.instance or str(config.listen.address)
        self._remoting.take(config.remote_write, {"job": config.rules.job, "instance": instance})

    def _sources(self, config: Config) -> tuple[SourceConfig, ...]:
        """Return those that this agent watches."""
        found = self._share.of(config.sources)
        if not found:
            told = {"share": f"{self._share.index}/{self._share.count}", "sources": len(config.sources)}
            log.warning("nothing to watch: there are more agents than sources", extra=told)
        return found

    def _decide(self, config: Config, wanted: Sequence[Group]) -> Deciding:
        return Deciding(
            config.rules,
            config.notify,
            wanted,
            str(config.listen.address),
            lambda: self._server.url,
            self._clock,
            self._hub,
            self._own,
        )

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
            health=self._health,
            ready=self._ready,
            status=lambda: status(self._watches, self._schedule.counts(), self._clock.monotonic() - self._began),
            home=self._home,
            reload=self.reload if self._load and config.listen.reload else None,
            prefixes=(
                Route(PREFIX, self._answer),
                Route(runbooks.PREFIX, self._runbooks.answer),
                Route(ALERTMANAGER, self._answer, (*READS, *WRITES), is_guarded=True),
            ),
        )
        return Server(config.listen, routes)

    def _responses(self) -> Mapping[int, int]:
        return self._server.counts()  # a reload may have put another in its place

    def _home(self) -> Response:
        """Return the page for a browser: made once a second, however many look."""
        with self._looking:
            seen = self._seen
            if seen is None or self._clock.monotonic() >= seen[0]:
                seen = self._seen = self._clock.monotonic() + _LOOK_SECONDS, self._look()
            return seen[1]

    def _look(self) -> Response:
        from streamwatch.export.web_page.render import Renderer  # noqa: PLC0415 - only who is looked at pays for the templates

        if self._renderer is None:
            self._renderer = Renderer()
        reads = [Read(one.name, one.config.name, one.kind, one.interval, one.last) for one in self._watches.values()]
        said = {name: part.samples for name, part in self._hub.current().items()}
        channels, told = self._deciding.notified()
        alerts, now = self._deciding.alerts(), self._clock.now()
        return self._renderer.render(view(__version__, reads, said, alerts, told, channels, now, self._server.url))

    def _answer(self, request: Request) -> Response:
        return self._deciding.answer(request)  # a reload may have put another in its place

    def _watch(self, config: SourceConfig) -> None:
        chooser = trust(config)
        for one in self._wiring.watched(config, self._waker(config.name)):
            watch = Watch(config, one, self._clock, self._append)
            self._hub.add(one.name, one.kind, config.name, chooser)
            self._watches = {**self._watches, one.name: watch}
            self._schedule.add(Job(one.name, one.interval, watch.run))

    def _waker(self, name: str) -> Callable[[], None]:
        return lambda: self._schedule.wake(name)

    def _append(self, source: str, samples: Sequence[Samples], at: float, valid_seconds: float) -> None:
        """Take what a source says: everything that shows or decides reads it from the hub, or from the history."""
        watch = self._watches.get(source)
        part = self._hub.append(source, samples, at=at, valid_seconds=valid_seconds)
        if watch is not None and part is not None:
            self._metrics.changed()
            self._deciding.append(watch.config.name, part, at)
            self._metrics.prepare(part.samples)

    def _health(self) -> Health:
        now, reasons = self._clock.monotonic(), []
        for name, count in self._schedule.counts().items():
            watch = self._watches.get(name)
            if watch and now - count.last_started > _HUNG_INTERVALS * watch.interval:
                reasons.append(f"job {name!r} has not begun for {now - count.last_started:.0f}s: it hangs")
        return Health(tuple(reasons))

    def _ready(self) -> Health:
        waiting = [name for name, watch in self._watches.items() if watch.last is None]
        return Health(tuple(f"source {name!r}: the first read has not ended yet" for name in waiting))


def _without_files(rules: RulesConfig) -> RulesConfig:
    """Return how rules are decided, without which."""
    return replace(rules, pack=True, files=(), severities={})
