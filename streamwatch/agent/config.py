"""The root of the configuration. Each part is declared beside what it configures; here they come together."""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from streamwatch.advice.config import Config as AdviceConfig
from streamwatch.agent.log import Config as LogConfig
from streamwatch.archive.config import Config as ArchiveConfig
from streamwatch.audit.config import Config as AuditConfig
from streamwatch.catalogue import METRICS
from streamwatch.core.errors import ConfigError
from streamwatch.export.config import Config as ExportConfig
from streamwatch.export.remote_write.config import Config as RemoteWriteConfig
from streamwatch.http.server import Config as ListenConfig
from streamwatch.journal.config import Config as JournalConfig
from streamwatch.notify.config import Config as NotifyConfig
from streamwatch.pair.config import Config as PairConfig
from streamwatch.rules.config import Config as RulesConfig
from streamwatch.settings.document import MOST_BYTES
from streamwatch.settings.reader import read_partly, read_settings
from streamwatch.settings.types import HostPort, Unread, refuse, setting
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.connect.config import Config as ConnectConfig

_KAFKA_METRICS = {metric.name for metric in METRICS if metric.is_of_kafka}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What to watch, and where to send it."""

    kafka: tuple[ClusterConfig, ...] = setting("the Kafka clusters to watch", default=())
    kinesis: tuple[AccountConfig, ...] = setting("the accounts whose Kinesis streams to watch", default=())
    connect: tuple[ConnectConfig, ...] = setting("the Kafka Connect clusters to watch", default=())
    listen: ListenConfig = setting("where the metrics are served", default_factory=ListenConfig)
    rules: RulesConfig = setting("which alerts are decided, and how", default_factory=RulesConfig)
    notify: NotifyConfig = setting("who is notified of alerts, and how", default_factory=NotifyConfig)
    journal: JournalConfig = setting("what is remembered of what changed", default_factory=JournalConfig)
    archive: ArchiveConfig = setting("the hours before, for the page", default_factory=ArchiveConfig)
    audit: AuditConfig = setting("findings of the audit that are not counted", default_factory=AuditConfig)
    advise: AdviceConfig = setting("advice on capacity", default_factory=AdviceConfig)
    export: ExportConfig = setting("how metrics are exported", default_factory=ExportConfig)
    remote_write: tuple[RemoteWriteConfig, ...] = setting("who is sent all samples, by remote write", default=())
    ha: PairConfig | None = setting("other agents, with which this one acts as one", default=None)
    log: LogConfig = setting("the agent's own log, on standard output", default_factory=LogConfig)

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the parts."""
        is_read = not any(isinstance(part, Unread) for part in (self.kafka, self.kinesis, self.connect))
        if is_read and not self.sources:
            yield (
                "kafka: nothing to watch: add a cluster: 'kafka: [{name: orders, bootstrap: [\"host:9092\"]}]', or"
                " streams: 'kinesis: [{name: mine, regions: [eu-west-1]}]'"
            )
        for at, cluster in enumerate(self.kafka):
            for trust in (cluster.trust or ()) if cluster is not None else ():
                if trust is not None and trust.metric is not None and trust.metric not in _KAFKA_METRICS:
                    near = difflib.get_close_matches(trust.metric, _KAFKA_METRICS, 1)
                    advice = f"did you mean {near[0]!r}?" if near else "`streamwatch metrics` lists them"
                    yield f"kafka[{at}].trust: {trust.metric!r} is no metric of a Kafka cluster: {advice}"
        twice = _twice(self.sources)
        if twice:
            kinds = {"kafka": _twice_in(self.kafka, twice), "kinesis": _twice_in(self.kinesis, twice)}
            kind = next((kind for kind, is_there in kinds.items() if is_there), "connect")
            yield f"{kind}: more than one source is called {', '.join(map(repr, twice))}: names tell them apart"
        group = None if self.ha is None or self.ha.lease is None else self.ha.lease.kafka_group
        names = [cluster.name for cluster in self.kafka if cluster is not None]
        if group is not None and group.kafka_cluster is not None and group.kafka_cluster not in names:
            what = f"{group.kafka_cluster!r} is no name under `kafka`: there are {names}"
            yield f"ha.lease.kafka_group.kafka_cluster: {what}"
        if twice := _twice(self.remote_write):
            yield f"remote_write: more than one is called {', '.join(map(repr, twice))}: names tell them apart"
        yield from _read_twice([part for part in self.kinesis if part is not None and part.regions is not None])

    @property
    def sources(self) -> tuple[ClusterConfig | AccountConfig | ConnectConfig, ...]:
        """Everything that is watched."""
        return (*self.kafka, *self.kinesis, *self.connect)

    @property
    def rules_instance(self) -> str:
        """The label `instance` that rules see. Agents that act as one share it: else no two alerts were the same."""
        return self.rules.instance or ("streamwatch" if self.ha is not None else str(self.listen.address))


def _read_twice(parts: Sequence[AccountConfig]) -> Iterator[str]:
    """Yield which parts read the same streams: each would be counted, paid for and notified of twice."""
    for one, other in combinations(parts, 2):
        regions = [region for region in one.regions if region is not None and region in other.regions]
        if regions and (one.access, one.streams) == (other.access, other.streams):
            yield (
                f"kinesis: {one.name!r} and {other.name!r} read the same streams of {', '.join(regions)}: take one"
                " away, or give them different `streams` or `access`"
            )


def _twice_in(parts: Iterable[Any], names: list[str]) -> bool:
    return any(part is not None and part.name in names for part in parts)


def _twice(parts: Iterable[Any]) -> list[str]:
    """Return the names that several of these have."""
    names = Counter(part.name for part in parts if part is not None)
    return [name for name, count in names.items() if count > 1 and name is not None]


@dataclass(frozen=True, slots=True)
class AgentShare:
    """Which of the sources this agent watches, of several agents that have one configuration."""

    index: int = 0
    count: int = 1

    def of(
        self, sources: Sequence[ClusterConfig | AccountConfig | ConnectConfig]
    ) -> tuple[ClusterConfig | AccountConfig | ConnectConfig, ...]:
        """Return this agent's: in turn, as they stand in the file, so that what is added at its end moves nothing."""
        return tuple(sources[self.index :: self.count])


def share(text: str) -> AgentShare:
    """Read a share such as ``0/3``, the first of three.

    Raises:
        ConfigError: it is none.

    """
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise ConfigError([f"--share {text!r}: is no share: write 0/3, 1/3 and 2/3 for three agents"])
    return AgentShare(int(match[1]), int(match[2]))


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: with every mistake in it.

    """
    return parse(text_of(path), str(path), path.absolute().parent)


def examine(path: Path, more_problems: Callable[[Config], Iterable[str]]) -> tuple[Config, list[str]]:
    """Read as much of a configuration file as can be, and return that with every mistake.

    Args:
        path: the file.
        more_problems: yields more mistakes of what could be read, each as ``path: what``.

    Raises:
        ConfigError: nothing of it can be read.

    """
    return read_partly(Config, text_of(path), str(path), path.absolute().parent, more_problems=more_problems)


def text_of(path: Path) -> str:
    """Return the text of a configuration file, cut where it is too large.

    Raises:
        ConfigError: it cannot be read, or is no text.

    """
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MOST_BYTES + 1)  # enough to see that it is too large, whatever the path leads to
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}: give the path of a YAML file"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text: is this the right file?"]) from error


def parse(text: str, where: str, folder: Path) -> Config:
    """Read a configuration from a text; ``where`` names it in messages, relative paths count from ``folder``.

    Raises:
        ConfigError: with every mistake in it.

    """
    return read_settings(Config, text, where, folder)


def from_flags(servers: str | None, listen: str | None, regions: str | None = None) -> Config:
    """Make the configuration of one cluster in the clear, of the streams of some regions, or of both.

    Args:
        servers: ``HOST:PORT[,HOST:PORT...]``.
        listen: where to listen.
        regions: ``REGION[,REGION...]`` of the account that the AWS credential chain gives.

    Raises:
        ConfigError: one of them is no address, or no region.

    """
    mistakes: list[str] = []
    bootstrap = _addresses("--kafka", [] if servers is None else servers.split(","), mistakes)
    at = _addresses("--listen", [] if listen is None else [listen], mistakes)
    names = () if regions is None else tuple(region.strip() for region in regions.split(","))
    try:
        kinesis = () if regions is None else (AccountConfig(name="kinesis", regions=names),)
    except ValueError as error:
        mistakes.append(f"command line: --kinesis: {error}")
    if mistakes:
        raise ConfigError(mistakes)
    try:
        return Config(
            kafka=tuple(ClusterConfig(name=first.host, bootstrap=bootstrap) for first in bootstrap[:1]),
            kinesis=kinesis,
            listen=ListenConfig(address=at[0]) if at else ListenConfig(),
        )
    except ValueError as error:
        raise ConfigError([f"command line: {error}"]) from error


def _addresses(flag: str, texts: Iterable[str], mistakes: list[str]) -> tuple[HostPort, ...]:
    """Return the addresses of a flag, and note what is wrong with the others."""
    addresses: list[HostPort] = []
    for text in texts:
        try:
            addresses.append(HostPort.read(text.strip()))
        except ValueError as error:
            mistakes.append(f"command line: {flag}: {error}")
    return tuple(addresses)
