"""Targets: sources, and the collectors that make samples of their snapshots.

What only some sources need is imported where one of them is made.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamwatch.catalogue import BY_CLOUDWATCH
from streamwatch.collectors import Collector
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.collectors.group_states import GroupStates
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.health import JudgedPartitions
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.outlook.collector import LossCollector
from streamwatch.collectors.partitions import PartitionCollector
from streamwatch.collectors.source import CallCollector, RequestCollector, SourceCollector
from streamwatch.collectors.topics import TopicCollector
from streamwatch.core.clock import Clock
from streamwatch.model.cluster_settings import ClusterSettings
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.snapshot import Snapshot
from streamwatch.samples.precedence import SourcePrecedence
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.connect.config import Config as ConnectConfig
from streamwatch.sources.kafka import KafkaSource
from streamwatch.sources.kafka.loops import Loops
from streamwatch.sources.msk.config import Config as MskConfig
from streamwatch.sources.msk.config import Topics as TopicsConfig
from streamwatch.sources.open_monitoring.config import Config as PagesConfig

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account, Accounts
    from streamwatch.sources.kinesis.source import KinesisSource
    from streamwatch.sources.msk.source import MskSource
    from streamwatch.sources.readers.clusters import WatchedClusters

Config = ClusterConfig | AccountConfig | ConnectConfig

_CLOUDWATCH: Final = "cloudwatch"
_PROBE_SECONDS: Final = 5.0
"""How often a probe is asked for its figures, which waits for nothing."""


class Source(Protocol):
    """What is read."""

    def read(self) -> Snapshot:
        """Return a snapshot, within the source's own deadline."""

    def close(self) -> None:
        """Drop what is held open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One source with its collectors."""

    name: str
    kind: str
    """Of the source: ``kafka``, ``probe``, ``pages``, ``topics``, ``cloudwatch``, ``kinesis``, ``connect``, readers."""
    source: Source
    interval: float
    max_series: int
    collectors: dict[str, Collector[Any]]
    """By name, in the order in which they run."""
    about: Sequence[Collector[Any]]
    """Those that describe the source itself."""
    settings: Callable[[ClusterSnapshot], ClusterSettings] | None = None
    """Asks a Kafka cluster what only an audit needs to know; None where the source cannot be asked."""


def kafka_collectors(config: ClusterConfig, compatibility: Collection[str] = ()) -> dict[str, Collector[Any]]:
    """Return the collectors for a Kafka cluster, with those for other exporters' names."""
    judged, history = JudgedPartitions(), EndOffsetHistory(config.lag_history, config.interval)
    states = GroupStates(config.stalled_after, config.groups_wanted_for, config.interval)
    collectors: dict[str, Collector[Any]] = {
        "cluster": ClusterCollector(config.partitions_per_broker, judged),
        "losses": LossCollector(judged),
        "topics": TopicCollector(judged),
        "groups": GroupCollector(history, states),
    }
    if config.granularity == "partition":
        collectors["partitions"] = PartitionCollector(history, states, judged)
    if "kafka_exporter" in compatibility:
        from streamwatch.collectors.kafka_exporter import KafkaExporterCollector  # noqa: PLC0415 - who wants its names

        collectors["kafka_exporter"] = KafkaExporterCollector(judged)
    return collectors


def precedence(config: Config) -> SourcePrecedence:
    """Return what chooses between the sources of this part of the configuration."""
    return SourcePrecedence(config.order if isinstance(config, ClusterConfig) else {})


def _readers(name: str, kind: str, source: Source, interval: float, max_series: int) -> Target:
    """Return the target that a source of readers is."""
    from streamwatch.collectors.readers import ReaderCollector  # noqa: PLC0415 - as its source

    return Target(
        name=name,
        kind=kind,
        source=source,
        interval=interval,
        max_series=max_series,
        collectors={"readers": ReaderCollector()},
        about=(SourceCollector(interval), CallCollector()),
    )


class TargetFactory:
    """Makes targets; sources of one AWS account share its session."""

    def __init__(
        self,
        clock: Clock,
        compatibility: Collection[str] = (),
        watched: Callable[[], Collection[Config]] = tuple,
    ) -> None:
        """Begin.

        Args:
            clock: what time it is.
            compatibility: other exporters whose names are exported, too.
            watched: returns all parts of the configuration: readers are joined to the clusters that it names.

        """
        self._clock = clock
        self._compatibility = compatibility
        self._watched = watched
        self._accounts: Accounts | None = None
        self._loops = Loops()
        self._probe_loops = Loops(1)
        """Another thread: what a read's answers cost to decode is no latency of a broker's."""

    def renew(self) -> None:
        """Let every AWS account resolve its credentials again."""
        if self._accounts is not None:
            self._accounts.renew()

    def targets(self, config: Config, wake: Callable[[], None]) -> list[Target]:
        """Return the targets of this part of the configuration, the main source first; nothing is read yet."""
        if isinstance(config, AccountConfig):
            return self._kinesis(config)
        if isinstance(config, ConnectConfig):
            return [self._connect(config)]
        return self._cluster(config, wake)

    def _cluster(self, config: ClusterConfig, wake: Callable[[], None]) -> list[Target]:
        msk = None if config.msk is None else self._msk(config, config.msk)
        hosts: list[Callable[[], dict[int, str]]] = []
        targets: list[Target] = []
        if config.protocol:
            find = None if msk is None else partial(msk.bootstrap, config.msk_listener)
            kafka_source = KafkaSource(config, self._clock, wake, find, self._role(config), self._loops)
            hosts.append(lambda: {broker.id: broker.host for broker in kafka_source.brokers if broker.host})
            targets.append(self._protocol(config, kafka_source))
            if config.probe.enabled:
                targets.append(self._probe(config, kafka_source))
        if config.msk is not None and config.msk.topics is not None and msk is not None:
            topics, addresses = self._topics(config, config.msk.topics, msk)
            hosts.append(addresses)
            targets.append(topics)
        if config.open_monitoring is not None:
            targets.append(
                self._pages(
                    config, config.open_monitoring, lambda: next((some for host in hosts if (some := host())), {})
                )
            )
        if config.msk is not None and msk is not None:
            targets.append(self._state(config, config.msk, msk))
        return targets

    def _role(self, config: ClusterConfig) -> "Account | None":
        """Return whose credentials the brokers are shown; None where they are not AWS's."""
        if config.sasl is None or config.sasl.mechanism != "AWS_MSK_IAM":
            return None
        return self._shared_accounts().get(AwsAccess(profile=config.sasl.aws_profile))

    def _protocol(self, config: ClusterConfig, source: KafkaSource) -> Target:
        return Target(
            name=config.name,
            kind="kafka",
            source=source,
            interval=config.interval,
            max_series=config.max_series,
            collectors=kafka_collectors(config, self._compatibility),
            about=(SourceCollector(config.interval), RequestCollector()),
            settings=source.settings,
        )

    def _probe(self, config: ClusterConfig, kafka: KafkaSource) -> Target:
        from streamwatch.collectors.probe import ProbeCollector  # noqa: PLC0415 - the same
        from streamwatch.probe.source import ProbeSource  # noqa: PLC0415 - what writes is imported where it is wanted

        name = f"{config.name}/probe"
        source = ProbeSource(
            name, config, config.probe, self._clock, lambda: kafka.config.bootstrap, self._role(config),
            self._probe_loops,
        )  # fmt: skip
        return Target(
            name=name,
            kind="probe",
            source=source,
            interval=_PROBE_SECONDS,
            max_series=config.max_series,
            collectors={"probe": ProbeCollector()},
            about=(SourceCollector(_PROBE_SECONDS),),
        )

    def _topics(
        self, config: ClusterConfig, topics: TopicsConfig, msk: "MskSource"
    ) -> tuple[Target, Callable[[], dict[int, str]]]:
        from streamwatch.sources.msk.topics import TopicsSource  # noqa: PLC0415 - as boto3, below

        name = f"{config.name}/topics"
        source = TopicsSource(name, config.name, topics, msk.control, config.topics.admits, self._clock)
        target = Target(
            name=name,
            kind="topics",
            source=source,
            interval=topics.interval,
            max_series=config.max_series,
            collectors={"cluster": ClusterCollector(config.partitions_per_broker), "topics": TopicCollector()},
            about=(SourceCollector(topics.interval),),
        )
        return target, lambda: dict(source.hosts)

    def with_servers(self, config: ClusterConfig) -> ClusterConfig:
        """Return the configuration with bootstrap servers, asked of MSK where it gives none.

        Raises:
            SourceError: MSK does not say.

        """
        if config.bootstrap or config.msk is None:
            return config
        return replace(config, bootstrap=self._msk(config, config.msk).bootstrap(config.msk_listener))

    def _pages(self, config: ClusterConfig, pages: PagesConfig, hosts: Callable[[], dict[int, str]]) -> Target:
        # Threads and an HTTP client: only who reads exporters pays for them.
        from streamwatch.catalogue.exporter_mappings import NAMES  # noqa: PLC0415
        from streamwatch.collectors.broker_pages import PageCollector, ScrapeCollector  # noqa: PLC0415
        from streamwatch.sources.open_monitoring.source import OpenMonitoringSource  # noqa: PLC0415

        name = f"{config.name}/pages"
        return Target(
            name=name,
            kind="pages",
            source=OpenMonitoringSource(name, config.name, pages, hosts, NAMES, self._clock),
            interval=pages.interval,
            max_series=config.max_series,
            collectors={"pages": PageCollector(topics=pages.topics, app_logs_mount=pages.app_logs_mount)},
            about=(SourceCollector(pages.interval), ScrapeCollector()),
        )

    def _msk(self, config: ClusterConfig, msk: MskConfig) -> "MskSource":
        from streamwatch.agent.wanted_mappings import cloudwatch_mappings  # noqa: PLC0415 - the same
        from streamwatch.sources.msk.source import MskSource  # noqa: PLC0415 - as boto3, below

        mappings = cloudwatch_mappings(config)
        return MskSource(f"{config.name}/msk", config.name, msk, self._clock, self._shared_accounts(), mappings)

    @staticmethod
    def _state(config: ClusterConfig, msk: MskConfig, source: "MskSource") -> Target:
        from streamwatch.collectors.msk import MskCollector  # noqa: PLC0415 - the same

        return Target(
            name=f"{config.name}/msk",
            kind=_CLOUDWATCH,
            source=source,
            interval=msk.interval,
            max_series=config.max_series,
            collectors={"msk": MskCollector()},
            about=(SourceCollector(msk.interval), CallCollector()),
        )

    def _shared_accounts(self) -> "Accounts":
        # boto3 takes 0.3 s and 40 MB: only who asks AWS pays for it.
        from streamwatch.sources.aws.session import Accounts  # noqa: PLC0415

        if self._accounts is None:
            self._accounts = Accounts(self._clock)
        return self._accounts

    def _kinesis(self, config: AccountConfig) -> list[Target]:
        from streamwatch.collectors.streams import StreamCollector  # noqa: PLC0415 - the same
        from streamwatch.sources.kinesis.source import KinesisSource  # noqa: PLC0415 - the same

        source = KinesisSource(config, self._clock, self._shared_accounts(), BY_CLOUDWATCH)
        streams = Target(
            name=config.name,
            kind="kinesis",
            source=source,
            interval=config.interval,
            max_series=config.max_series,
            collectors={"streams": StreamCollector()},
            about=(SourceCollector(config.interval), CallCollector()),
        )
        kinds = config.readers
        targets = [streams]
        if config.stream_probe.enabled:
            targets.append(self._stream_probe(config))
        if kinds.kcl.enabled:
            targets.append(self._kcl(config, source))
        if kinds.functions.enabled:
            targets.append(self._functions(config, source))
        if kinds.redshift.enabled:
            targets.append(self._redshift(config, source))
        return [*targets, *self._attached(config, source)]

    def _stream_probe(self, config: AccountConfig) -> Target:
        from streamwatch.collectors.probe import StreamProbeCollector  # noqa: PLC0415 - the same
        from streamwatch.probe.stream_source import StreamProbeSource  # noqa: PLC0415 - what writes, where it is wanted

        name = f"{config.name}/probe"
        return Target(
            name=name,
            kind="probe",
            source=StreamProbeSource(name, config, self._clock, self._probe_loops),
            interval=_PROBE_SECONDS,
            max_series=config.max_series,
            collectors={"probe": StreamProbeCollector()},
            about=(SourceCollector(_PROBE_SECONDS), CallCollector()),
        )

    def _kcl(self, config: AccountConfig, streams: "KinesisSource") -> Target:
        from streamwatch.sources.readers.kcl import KclSource  # noqa: PLC0415 - the same

        name, kcl, accounts = f"{config.name}/kcl", config.readers.kcl, self._shared_accounts()
        source = KclSource(
            name, kcl, config.access, config.regions, self._clock, accounts, lambda: streams.last,
            partial(streams.follow, "kcl"), streams.want_shards,
        )  # fmt: skip
        return _readers(name, "kcl", source, kcl.interval, config.max_series)

    def _functions(self, config: AccountConfig, streams: "KinesisSource") -> Target:
        from streamwatch.sources.readers.lambdas import LambdaSource  # noqa: PLC0415 - the same

        name, functions = f"{config.name}/lambda", config.readers.functions
        source = LambdaSource(
            name, functions, config.cloudwatch, config.access, config.regions, self._clock,
            self._shared_accounts(), lambda: streams.last, streams.budget, partial(self._clusters, config),
        )  # fmt: skip
        return _readers(name, "lambda", source, functions.interval, config.max_series)

    def _clusters(self, config: AccountConfig) -> "WatchedClusters":
        from streamwatch.sources.readers.clusters import WatchedClusters  # noqa: PLC0415 - the same

        return WatchedClusters.of(self._watched() or (config,))

    def _redshift(self, config: AccountConfig, streams: "KinesisSource") -> Target:
        from streamwatch.sources.readers.redshift import LOOK_SECONDS, RedshiftSource  # noqa: PLC0415 - the same

        name, redshift = f"{config.name}/redshift", config.readers.redshift
        source = RedshiftSource(
            name, redshift, config.access, config.regions[0], self._clock, self._shared_accounts(),
            lambda: streams.last, partial(streams.follow, "redshift"),
        )  # fmt: skip
        return _readers(name, "redshift", source, LOOK_SECONDS, config.max_series)

    def _attached(self, config: AccountConfig, streams: "KinesisSource") -> list[Target]:
        """Return what is watched of the kinds that AWS runs beside streams and topics."""
        from streamwatch.sources.readers.attached_source import AttachedSource  # noqa: PLC0415 - the same
        from streamwatch.sources.readers.kinds import enabled  # noqa: PLC0415 - the same

        targets = []
        for kind, settings in enabled(config.readers):
            name = f"{config.name}/{kind.kind}"
            source = AttachedSource(
                name, kind, settings, config.access, config.regions, config.cloudwatch, self._clock,
                self._shared_accounts(), lambda: streams.last, partial(self._clusters, config),
            )  # fmt: skip
            targets.append(_readers(name, kind.kind, source, settings.interval, config.max_series))
        return targets

    def _connect(self, config: ConnectConfig) -> Target:
        from streamwatch.collectors.connect import ConnectCollector  # noqa: PLC0415 - the same
        from streamwatch.collectors.connect_readers import ConnectReaderCollector  # noqa: PLC0415 - the same
        from streamwatch.sources.connect.source import ConnectSource  # noqa: PLC0415 - as the exporters' pages

        return Target(
            name=config.name,
            kind="connect",
            source=ConnectSource(config, self._clock),
            interval=config.interval,
            max_series=config.max_series,
            collectors={"connect": ConnectCollector(), "readers": ConnectReaderCollector()},
            about=(SourceCollector(config.interval),),
        )
