"""How clients reach brokers, and what holds them back."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.audit.commands import tool
from streamwatch.audit.facts import AuditFacts, ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.core.words import counted, listed
from streamwatch.model.cluster_settings import LISTENERS, PROTOCOLS, Settings

_IN_THE_CLEAR: Final = frozenset({"PLAINTEXT", "SASL_PLAINTEXT"})
_LISTENER: Final = re.compile(r"(?P<name>[^:]+)://(?P<host>.*):(?P<port>-?\d+)")
_UNNAMED: Final = "unknown"
"""As brokers name the software of a client that asks by an ApiVersions request before 3, or none."""
_FIRST_WITHOUT_OLD: Final = 4
"""Kafka 4.0 refuses what KIP-896 deprecated: who still connects speaks what it takes."""


def plain_listeners(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Listeners that others than the broker's own machine reach, and that do not encrypt."""
    settings = cluster.settings
    if settings is None or not settings.brokers:
        why = "its brokers are not asked" if settings is None else "; ".join(settings.problems[:2])
        yield NotChecked(cluster.name, f"which listeners its brokers have: {why or 'nobody answers'}")
        return
    open_at: dict[tuple[str, str], list[str]] = {}
    silent = [str(broker) for broker, own in settings.brokers.items() if LISTENERS not in own]
    if silent:
        yield NotChecked(cluster.name, f"which listeners brokers {listed(silent)} have: they do not say")
    for broker, own in settings.brokers.items():
        for name, protocol, address in _plain(own):
            open_at.setdefault((name, protocol), []).append(f"{broker} at {address}")
    for (name, protocol), brokers in sorted(open_at.items()):
        yield Observation(
            severity="warning",
            kind="cluster",
            target=cluster.name,
            evidence=(f"listener {name} speaks {protocol}: on broker {listed(brokers)}",),
            remedy=f"give clients a listener with SSL or SASL_SSL ({LISTENERS}, {PROTOCOLS} in server.properties), move"
            f" them there, and remove {name}",
        )


def throttled_clients(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Brokers that delay clients by a quota."""
    delays = [f"{counted(count, 'request')} ({row[1]}) on broker {row[0]}" for row, count in _throttled(facts, cluster)]
    delays += [
        f"{seconds:.3f} s a request ({row[1]}) on broker {row[0]}"
        for row, seconds in sorted(facts.samples.values(m.THROTTLE, cluster.name).items())
        if seconds > 0
    ]
    if delays:
        yield Observation(
            severity="warning",
            kind="cluster",
            target=cluster.name,
            evidence=(f"a quota delays {listed(delays)}",),
            remedy=tool(cluster, "kafka-configs.sh", "--describe", "--entity-type", "users", "--entity-type", "clients")
            + ", and raise what is too low",
        )
    elif not facts.samples.values(b.THROTTLED, cluster.name) and not facts.samples.values(m.THROTTLE, cluster.name):
        yield NotChecked(cluster.name, "whether a quota delays clients: only `open_monitoring` and CloudWatch have it")


def old_clients(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Clients that speak what Kafka 4.0 no longer takes; that there are none is not known from what is not counted."""
    version = "" if cluster.snapshot is None else cluster.snapshot.version
    major = version.partition(".")[0]
    if major.isdigit() and int(major) >= _FIRST_WITHOUT_OLD:
        return
    spoken: dict[str, set[str]] = {}
    for row, count in facts.samples.values(b.DEPRECATED_REQUESTS, cluster.name).items():
        _, request, version, *software = row
        if count > 0:
            named = " ".join(each for each in software if each not in {"", _UNNAMED})
            spoken.setdefault(named or "a client that does not say what it is", set()).add(f"{request} {version}")
    if spoken:
        yield Observation(
            severity="warning",
            kind="cluster",
            target=cluster.name,
            evidence=tuple(f"{who} asks by {listed(sorted(what))}" for who, what in sorted(spoken.items())),
            remedy="give them newer client libraries before the upgrade to Kafka 4.0, which refuses them (KIP-896)",
        )
        return
    yield NotChecked(
        cluster.name,
        "whether clients speak versions that Kafka 4.0 refuses (KIP-896): no JMX page has DeprecatedRequestsPerSec:"
        " brokers have it from Kafka 3.7 on, from the first such request since their start",
    )


def _throttled(facts: AuditFacts, cluster: ClusterFacts) -> list[tuple[tuple[str, ...], float]]:
    found: Mapping[tuple[str, ...], float] = facts.samples.values(b.THROTTLED, cluster.name)
    return sorted((row, count) for row, count in found.items() if count > 0)


def _plain(own: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield the listeners of a broker that do not encrypt, but those of its own machine only."""
    pairs = (pair.rpartition(":") for pair in own.get(PROTOCOLS, "").split(",") if pair)
    protocols = {name.strip(): protocol.strip() for name, _, protocol in pairs}
    for text in own.get(LISTENERS, "").split(","):
        match = _LISTENER.fullmatch(text.strip())
        if match is None:
            continue
        protocol = protocols.get(match["name"], match["name"])
        if protocol in _IN_THE_CLEAR and not _is_own_machine(match["host"]):
            yield match["name"], protocol, f"{match['host'] or '0.0.0.0'}:{match['port']}"  # noqa: S104 - what is shown


def _is_own_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
