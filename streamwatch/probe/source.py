"""The probe of one cluster as a source: it runs by itself, and is asked for its figures."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.model.probe import ProbeSnapshot
from streamwatch.model.snapshot import Problem
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.prober import ClusterProber
from streamwatch.probe.shaper import Shaper
from streamwatch.probe.stats import ProbeStats
from streamwatch.settings.types import HostPort
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.loops import Loops
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.log import reading
from streamwatch.sources.probe_config import KafkaProbe

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

_Result = TypeVar("_Result")
_CLOSE_SECONDS: Final = 2.0


class ProbeSource:
    """Probes one cluster from now on. ``read`` and ``close`` may be called from any thread, one at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired in one place
        self,
        name: str,
        config: Config,
        probe: KafkaProbe,
        clock: Clock,
        bootstrap: Callable[[], tuple[HostPort, ...]],
        account: "Account | None" = None,
        loops: Loops | None = None,
    ) -> None:
        """Start the loop, and the probe.

        Args:
            name: of the source.
            config: how the cluster is reached.
            probe: how it is probed.
            clock: what time it is.
            bootstrap: returns the brokers to ask first, as far as they are known now.
            account: whose credentials AWS_MSK_IAM shows; None where they are shared with nobody.
            loops: whose event loops it shares with other probes; None for one of its own.

        """
        self.stats = ProbeStats()
        self._name, self._config, self._probe, self._clock = name, config, probe, clock
        self._share = (loops or Loops()).share(name)
        self._cluster, self._shaper, self._prober = self._run(self._start(bootstrap, account))

    def read(self) -> ProbeSnapshot:
        """Return what is known by now; nothing is waited for."""
        return self._run(self._figures())

    def close(self) -> None:
        """End the probe and leave the loop; one that hangs is left to the end of the process."""
        if not self._share.is_closed:
            self._share.close(self._close(), _CLOSE_SECONDS)

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self._share.submit(coroutine)

    async def _start(
        self, bootstrap: Callable[[], tuple[HostPort, ...]], account: "Account | None"
    ) -> tuple[ProbeCluster, Shaper | None, ClusterProber]:
        reading(self._name)
        probe = self._probe
        config = replace(self._config, connect_timeout=min(self._config.connect_timeout, probe.timeout))
        cluster = ProbeCluster(config, probe.topic, bootstrap, account)
        shaper = Shaper(cluster, probe.replication_factor) if probe.create else None
        prober = ClusterProber(cluster, probe, self._clock, self.stats, shaper)
        self._task = asyncio.create_task(prober.run(), name=self._name)
        return cluster, shaper, prober

    async def _figures(self) -> ProbeSnapshot:
        topic = self._cluster.topic
        return ProbeSnapshot(
            source=self._name,
            cluster=self._config.name,
            topic=self._probe.topic,
            taken_at=self._clock.now(),
            read_seconds=0.0,
            is_up=topic is not None and not self._task.done(),
            problems=tuple(self._problems()),
            brokers=self.stats.brokers(self._covered(), asyncio.get_running_loop().time()),
        )

    def _covered(self) -> set[int]:
        """Return the brokers through which records go: not those whose partition nobody leads any more."""
        return set(self._prober.covers)

    def _problems(self) -> list[Problem]:
        found = []
        if self._cluster.error is not None:
            found.append(problem("cluster", self._cluster.error, f"the probe: {self._cluster.error}"))
        topic = self._cluster.topic
        if topic is not None and topic.code:
            remedy = "" if self._probe.create else ": make it, or set `probe.create`"
            detail = f"the probe's topic {self._probe.topic!r}: {codes.explain(topic.code)}{remedy}"
            found.append(Problem("topic", "denied" if topic.code in codes.DENIED else "error", detail))
        if self._shaper is not None and self._shaper.error is not None:
            found.append(problem("topic", self._shaper.error, f"the probe: {self._shaper.error}"))
        return found

    async def _close(self) -> None:
        self._cluster.close()
