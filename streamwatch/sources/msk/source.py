"""Reads what MSK's control plane and CloudWatch say of one cluster.

CloudWatch has no wildcards for dimensions: the exact ones are listed once an hour, and only what is listed and wanted
is asked for. A call that is refused takes nothing away: what it returned is known for twice its interval.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.model.cloudwatch import Series
from streamwatch.model.metric import Metric
from streamwatch.model.msk import CloudWatchMapping, ClusterOperation, DescribedCluster, MskSnapshot, Row, ScaledReading
from streamwatch.model.snapshot import Problem
from streamwatch.settings.types import HostPort
from streamwatch.sources.aws.cloudwatch import CloudWatchReader, WantedSeries
from streamwatch.sources.aws.errors import NoCredentials, NotThere, taken_apart
from streamwatch.sources.aws.parts import CachedPart
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.msk.config import Config
from streamwatch.sources.msk.control import MskControl
from streamwatch.sources.msk.upgrade import Upgrade
from streamwatch.sources.problems import problem

T = TypeVar("T")
NAMESPACE: Final = "AWS/Kafka"
_DIMENSIONS: Final = {
    "broker": "Broker ID",
    "topic": "Topic",
    "group": "Consumer Group",
    "partition": "Partition",
    "authentication": "Client Authentication",
}
_LISTING_SECONDS: Final = 3600.0
_CHANGED_SECONDS: Final = 1800.0
"""After the cluster changed its series are listed sooner: CloudWatch lists what is new a quarter of an hour late."""
_LISTING_THEN_SECONDS: Final = 300.0


class MskSource:
    """One cluster. One read at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what, whose, who, when
        self,
        name: str,
        cluster: str,
        config: Config,
        clock: Clock,
        accounts: Accounts,
        mappings: Sequence[CloudWatchMapping],
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: what the source is called.
            cluster: the label ``kafka_cluster`` of what it tells.
            config: which cluster, and what of it.
            clock: what time it is.
            accounts: the sessions that sources share.
            mappings: the metrics to ask CloudWatch for.

        """
        self.config = config
        self._name, self._cluster = name, cluster
        self._clock = clock
        self._closed = threading.Event()
        self._caller = SourceCalls(accounts.get(config.access), clock, self._closed.wait)
        self.control = MskControl(config, self._caller)
        """What asks MSK about the cluster."""
        self._reader = CloudWatchReader(config.cloudwatch, self._caller, clock)
        self._by_name: dict[str, list[CloudWatchMapping]] = {}
        for mapping in mappings:
            self._by_name.setdefault(mapping.name, []).append(mapping)
        self._described: CachedPart[DescribedCluster] = CachedPart(config.interval)
        self._operations: CachedPart[tuple[ClusterOperation, ...]] = CachedPart(config.interval)
        self._upgrade = Upgrade(self.control, config.interval)
        self._listed: CachedPart[dict[Series, tuple[CloudWatchMapping, Row]]] = CachedPart(_LISTING_SECONDS)
        self._listed_at = self._changed_at = float("-inf")
        self._before: DescribedCluster | None = None
        """What the cluster was when CloudWatch was last asked."""

    def read(self) -> MskSnapshot:
        """Read both; what could not be read is one of the problems."""
        taken_at, started = self._clock.now(), self._clock.monotonic()
        deadline = started + self.config.read_seconds
        problems: list[Problem] = []
        self._describe(taken_at, deadline, problems)
        described, operations = self._described.known(taken_at), self._operations.known(taken_at)
        readings: dict[tuple[Metric, Row], ScaledReading] = {}
        if described is not None and self.config.cloudwatch.enabled:
            readings = self._read_cloudwatch(described, taken_at, deadline, problems)
        if described is not None and described.type != "serverless":
            problems += self._upgrade.read(taken_at, deadline)
        return MskSnapshot(
            source=self._name,
            cluster=self._cluster,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            described=described,
            operations=operations,
            reassignments=self._upgrade.reassignments(taken_at) if described is not None else None,
            assessment=self._upgrade.assessment(taken_at) if described is not None else None,
            readings=readings,
            cost=self._reader.cost(),
            problems=tuple(problems),
            calls=self._caller.counts(),
        )

    def bootstrap(self, listener: str) -> tuple[HostPort, ...]:
        """Return the bootstrap servers of a listener, as the API calls it.

        Raises:
            SourceError: MSK does not say, or the cluster has no such listener.

        """
        return self.control.bootstrap(listener, self._clock.monotonic() + self.config.read_seconds)

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()

    def _describe(self, now: float, deadline: float, problems: list[Problem]) -> None:
        """Ask MSK what the cluster is, and what is done to it; what is gone is known no longer."""
        try:
            self._ask(self._described, self.control.describe, now, deadline, problems)
            self._ask(self._operations, self.control.operations, now, deadline, problems)
        except NotThere as error:
            self._described.forget()
            self._operations.forget()
            problems.append(problem("cluster", error, str(error)))
        except (NoCredentials, SourceUnavailable) as error:  # the others would fail alike, each after its own timeout
            problems.append(problem("cluster", error, str(error)))

    @staticmethod
    def _ask(
        part: CachedPart[T], ask: Callable[[float], T], now: float, deadline: float, problems: list[Problem]
    ) -> None:
        """Learn a part; where its call alone is refused that is a problem, and what was known stays."""
        try:
            part.learn(ask(deadline), now)
        except (NotThere, NoCredentials, SourceUnavailable):
            raise
        except SourceError as error:
            refused = problem("cluster", error, str(error))
            if refused not in problems:
                problems.append(refused)

    def _read_cloudwatch(
        self, described: DescribedCluster, now: float, deadline: float, problems: list[Problem]
    ) -> dict[tuple[Metric, Row], ScaledReading]:
        if self._before not in {None, described}:
            self._changed_at = now
        self._before = described
        is_changed = now - self._changed_at <= _CHANGED_SECONDS and now - self._listed_at >= _LISTING_THEN_SECONDS
        if is_changed or self._listed.is_due(now):
            try:
                with taken_apart(f"cloudwatch ListMetrics in {self.config.aws_region}"):
                    self._listed.learn(self._list(described.name, deadline), now)
                    self._listed_at = now
            except SourceError as error:
                self._listed.want()
                problems.append(problem("cloudwatch", error, str(error)))
        known_listed = self._listed.known(now)
        listed = known_listed or {}
        place = ("", self.config.aws_region)
        wanted = [
            WantedSeries(series, place[1], place[0], mapping.vital, mapping.metric.kind == "counter")
            for series, (mapping, _) in listed.items()
            # What a higher level had is listed for two weeks after it was lowered, and has no points any more.
            if mapping.is_at(described.level)
        ]
        found, wrong = self._reader.read(wanted, deadline, lambda *_: False, lambda _: known_listed is None)
        problems += wrong
        known = found[place].readings if place in found else {}
        readings = {}
        for series, reading in known.items():
            mapping, row = listed[series]
            readings[mapping.metric, row] = ScaledReading(reading, mapping.scale)
        return readings

    def _list(self, name: str, deadline: float) -> dict[Series, tuple[CloudWatchMapping, Row]]:
        """Return the series that CloudWatch has of the cluster and that are wanted."""
        found: dict[Series, tuple[CloudWatchMapping, Row]] = {}
        params: dict[str, Any] = {"Namespace": NAMESPACE, "Dimensions": [{"Name": "Cluster Name", "Value": name}]}
        for answer in self._caller.pages(
            "cloudwatch", self.config.aws_region, "ListMetrics", params, wants=("Metrics",), deadline=deadline
        ):
            for one in answer["Metrics"]:
                dimensions = {each["Name"]: each["Value"] for each in one["Dimensions"]}
                for mapping in self._by_name.get(one["MetricName"], ()):
                    row = self._row(mapping, dimensions)
                    if row is not None:
                        series = Series(NAMESPACE, mapping.name, mapping.statistic, tuple(sorted(dimensions.items())))
                        found[series] = (mapping, row)
        return found

    def _row(self, mapping: CloudWatchMapping, dimensions: dict[str, str]) -> Row | None:
        """Return our label values for these dimensions; None where they are not those of the metric."""
        fixed = dict(mapping.fixed)
        labels = [label for label in mapping.metric.labels if label != "kafka_cluster" and label not in fixed]
        if not set(labels) <= _DIMENSIONS.keys():
            return None
        if {"Cluster Name", *(_DIMENSIONS[label] for label in labels)} != dimensions.keys():
            return None
        values = {label: dimensions[_DIMENSIONS[label]] for label in labels} | fixed | {"kafka_cluster": self._cluster}
        return tuple(values[label] for label in mapping.metric.labels)
