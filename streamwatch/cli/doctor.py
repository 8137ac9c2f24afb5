"""A check-up of everything that is watched: each source step by step, and what to do where it does not go well."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from streamwatch.advice.config import read_prices
from streamwatch.agent.config import Config
from streamwatch.agent.exposure import exposures
from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError, StreamWatchError
from streamwatch.core.words import counted
from streamwatch.model.finding import Finding
from streamwatch.model.pages import PagesSnapshot
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.connect.config import Config as ConnectConfig
from streamwatch.sources.connect.doctor import examine as examine_connect
from streamwatch.sources.kafka import check_up as check_up_kafka

Report = Callable[[Finding], None]


def check_up(config: Config, report: Report) -> None:
    """Examine every source; print each finding as it comes."""
    for finding in _exposures(config):
        report(finding)
    for cluster in config.kafka:
        _cluster(cluster, report)
    for account in config.kinesis:
        for finding in _account(account, config):
            report(finding)
    for connect in config.connect:
        for finding in _connect(connect, {cluster.name for cluster in config.kafka}):
            report(finding)


def _cluster(cluster: ClusterConfig, report: Report) -> None:
    is_blind = False
    for finding in _msk(cluster):
        is_blind |= _is_blind(finding)
        report(finding)
    if is_blind and cluster.protocol and not cluster.bootstrap:
        why = "its brokers' addresses are asked of MSK, and there are no credentials to ask with"
        report(Finding(f"cluster {cluster.name}", "bootstrap", "skipped", why))
    elif cluster.protocol:
        _protocol(cluster, report)
    for finding in _pages(cluster):
        report(finding)


def _connect(config: ConnectConfig, clusters: set[str]) -> Iterator[Finding]:
    yield from examine_connect(config, SystemClock())
    if config.kafka_cluster not in clusters:
        what = f"no Kafka cluster {config.kafka_cluster!r} is watched here: no lag of its sinks, no dead letters"
        remedy = "give `kafka_cluster` the name of one under `kafka`"
        yield Finding(f"connect {config.name}", "kafka_cluster", "warning", what, remedy)


def _exposures(config: Config) -> Iterator[Finding]:
    for what, remedy in exposures(config):
        yield Finding("agent", "exposure", "warning", what, remedy)


def _account(config: AccountConfig, own: Config) -> Iterator[Finding]:
    """Check the streams of an account and who reads them; of regions without credentials one line says what was not."""
    from streamwatch.sources.aws.credentials import NO_CREDENTIALS_REMEDY  # noqa: PLC0415 - boto3 is slow to import
    from streamwatch.sources.kinesis.doctor import examine  # noqa: PLC0415 - the same

    blind: list[str] = []
    for finding in examine(config, SystemClock()):
        is_blind = _is_blind(finding)
        blind += [finding.target] if is_blind else []
        yield finding
        if is_blind and finding.remedy == NO_CREDENTIALS_REMEDY and config.access.role_arn is None:
            blind = list(config.regions)  # there are none anywhere: no other region is asked
            break
    seen = [region for region in config.regions if region not in blind]
    yield from _readers(config, seen, is_first_seen=config.regions[0] not in blind)
    if config.probed_region not in blind:
        yield from _stream_probe(config, own)
    if blind and (left := list(_not_tried(config, blind))):
        why = f"{counted(len(left), 'check')} not tried, there are no credentials to try them with"
        yield Finding(", ".join(blind), "credentials", "skipped", f"{why}: {', '.join(dict.fromkeys(left))}")


def _is_blind(finding: Finding) -> bool:
    """Say whether it is that there are no credentials of AWS, or that AWS does not take them."""
    return (finding.step, finding.verdict) == ("credentials", "failed")


def _not_tried(config: AccountConfig, blind: Sequence[str]) -> Iterator[str]:
    """Yield what was not looked at in regions without credentials: of each region by itself."""
    from streamwatch.sources.readers.kinds import enabled  # noqa: PLC0415 - as above

    readers = config.readers
    for region in blind:
        yield "streams"
        yield from ["kcl"] * readers.kcl.enabled + ["lambda"] * readers.functions.enabled
        yield from (kind.kind for kind, _ in enabled(readers))
        if region == config.regions[0] and readers.redshift.enabled:
            yield from (f"redshift {warehouse.name}" for warehouse in readers.redshift.warehouses)
        if region == config.probed_region and config.stream_probe.enabled:
            yield "stream_probe"


def _readers(config: AccountConfig, regions: Sequence[str], *, is_first_seen: bool) -> Iterator[Finding]:
    from streamwatch.sources.readers.attached_doctor import examine as examine_attached  # noqa: PLC0415 - the same
    from streamwatch.sources.readers.doctor import examine as examine_readers  # noqa: PLC0415 - the same
    from streamwatch.sources.readers.redshift_doctor import examine as examine_redshift  # noqa: PLC0415 - the same

    yield from examine_readers(config.readers, config.access, regions, SystemClock())
    asks = config.cloudwatch.enabled
    yield from examine_attached(config.readers, config.access, regions, SystemClock(), cloudwatch=asks)
    if is_first_seen:
        yield from examine_redshift(config.readers.redshift, config.access, config.regions[0], SystemClock())


def _stream_probe(account: AccountConfig, config: Config) -> Iterator[Finding]:
    if not account.stream_probe.enabled:
        return
    from streamwatch.cli.probe_cost import cost  # noqa: PLC0415 - the same
    from streamwatch.probe.stream_doctor import examine  # noqa: PLC0415 - what writes is imported where it is wanted

    try:
        prices = read_prices(config.advise)
    except ConfigError as error:
        yield Finding("agent", "advise.prices", "failed", str(error), "mend the file of prices")
        prices = None
    yield from examine(account, SystemClock(), lambda stream: cost(account, stream, prices))


def _msk(config: ClusterConfig) -> Iterator[Finding]:
    if config.msk is None:
        return
    from streamwatch.sources.msk.doctor import examine  # noqa: PLC0415 - boto3 is slow to import

    asks = config.protocol and not config.bootstrap
    scrapes = config.open_monitoring is not None
    yield from examine(config.name, config.msk, SystemClock(), bootstrap=asks, pages=scrapes)


def _protocol(config: ClusterConfig, report: Report) -> None:
    try:
        cluster = TargetFactory(SystemClock()).with_servers(config)
    except StreamWatchError as error:
        remedy = "check `msk` and the rights of the agent's role"
        report(Finding(f"cluster {config.name}", "bootstrap", "failed", str(error), remedy))
        return
    check_up_kafka(cluster, report)
    if cluster.probe.enabled:
        asyncio.run(_probe(cluster, report))


async def _probe(config: ClusterConfig, report: Report) -> None:
    from streamwatch.probe.doctor import examine  # noqa: PLC0415 - what writes is imported where it is wanted

    async for finding in examine(config, config.probe):
        report(finding)


def _pages(config: ClusterConfig) -> Iterator[Finding]:
    """Scrape every page once."""
    if config.open_monitoring is None:
        return
    targets = TargetFactory(SystemClock()).targets(config, lambda: None)
    try:
        targets[0].source.read()  # it knows the brokers' addresses
        now = next(target.source for target in targets if target.kind == "pages").read()
    finally:
        for target in targets:
            target.source.close()
    assert isinstance(now, PagesSnapshot)  # noqa: S101 - what its source makes
    for broker in now.brokers:
        for name, page in (("JMX page", broker.jmx), ("node page", broker.node)):
            if page is not None:
                yield Finding(f"broker {broker.broker}", name, "ok", f"{len(page)} metrics of it are used")
    for problem in now.problems:
        hint = "is open monitoring on, and do the brokers' security groups let the agent in (11001, 11002)?"
        yield Finding(f"cluster {config.name}", "pages", "failed", problem.detail, hint)
