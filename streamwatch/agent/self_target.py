"""The agent as one of its own targets: its components say what they did, and are read as any source is."""

from collections.abc import Callable, Mapping

import numpy as np

from streamwatch import __version__
from streamwatch.catalogue import agent as c
from streamwatch.core.schedule import Schedule
from streamwatch.model.metric import Keys, Metric, Samples
from streamwatch.samples.hub import Component


class Reloads:
    """How many reloads of the configuration there were."""

    def __init__(self) -> None:
        self.taken = self.refused = 0

    def collect(self) -> list[Samples]:
        """Return the counts by outcome."""
        keys = Keys(c.RELOADS.labels, [("taken",), ("refused",)])
        return [c.RELOADS.samples(keys, np.array([self.taken, self.refused], dtype=np.float64))]


class Jobs:
    """The figures of all jobs."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def collect(self) -> list[Samples]:
        """Return what happened to each job."""
        counts = self._schedule.counts()
        jobs = Keys(c.JOB, [(name,) for name in counts])
        columns: dict[Metric, list[int]] = {
            c.JOB_RUNS: [count.runs for count in counts.values()],
            c.JOB_FAILURES: [count.failures for count in counts.values()],
            c.JOB_OVERRUNS: [count.overruns for count in counts.values()],
            c.JOB_WAKES: [count.wakes for count in counts.values()],
        }
        return [metric.samples(jobs, np.array(values, dtype=np.float64)) for metric, values in columns.items()]


class Responses:
    """How many HTTP responses the agent has sent."""

    def __init__(self, counts: Callable[[], Mapping[int, int]]) -> None:
        """Take what returns the counts by status code."""
        self._counts = counts

    def collect(self) -> list[Samples]:
        """Return the counts by status code."""
        counts = self._counts()
        codes = Keys(c.SCRAPES.labels, [(str(code),) for code in counts])
        return [c.SCRAPES.samples(codes, np.array(list(counts.values()), dtype=np.float64))]


class SelfTarget:
    """Collects from the components of the agent."""

    def __init__(self) -> None:
        self._components: Mapping[str, Component] = {}
        """Never changed, but replaced."""

    def put(self, name: str, component: Component) -> None:
        """Add a component, or put another in the place of one of that name."""
        self._components = {**self._components, name: component}

    def collect(self) -> list[Samples]:
        """Return all samples about the agent."""
        own = [c.BUILD_INFO.sample(1.0, version=__version__)]
        return [*own, *(samples for component in self._components.values() for samples in component.collect())]


class ScrapedTarget:
    """The agent as a Prometheus sees it that scrapes it: with ``up``."""

    def __init__(self, own: SelfTarget) -> None:
        self._own = own

    def collect(self) -> list[Samples]:
        """Return all samples about the agent."""
        return [c.UP.sample(1.0), *self._own.collect()]
