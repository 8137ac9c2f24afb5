"""Groups that nobody runs any more, and the positions that they are about to lose."""

from collections.abc import Iterator
from typing import Final

from streamwatch.audit.commands import alter_brokers, delete_group
from streamwatch.audit.facts import AuditFacts, ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.times import rfc3339
from streamwatch.core.words import counted, listed, span
from streamwatch.model.cluster_settings import OFFSETS_RETENTION
from streamwatch.model.kafka import Group

_DAY: Final = 86_400.0
_SOON_SECONDS: Final = 2 * _DAY
_SETTLED_SECONDS: Final = 3600.0
"""A group that is empty for less may be restarting."""


def unused_groups(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Groups that have no member, and positions that do not move."""
    young = 0
    for group in _empty(cluster):
        topics = [row[0] for row in facts.samples.values(g.GROUP_TOPIC_COMMITTED, cluster.name, group.name)]
        wanted = facts.samples.values(g.GROUP_TOPIC_WANTED, cluster.name, group.name)
        if any(wanted.values()):
            continue
        since = cluster.empty_since.get(group.name)
        if since is not None and facts.now - since < _SETTLED_SECONDS:
            young += 1
            continue
        lag = facts.samples.value(g.GROUP_LAG, cluster.name, group.name)
        waiting = "how much it has not read is not known" if lag is None else f"{counted(lag, 'record')} unread"
        yield Observation(
            severity="info",
            kind="group",
            target=f"{cluster.name}/{group.name}",
            evidence=(f"no member; positions in {listed(topics) or 'no topic'}; {waiting}", _looked(cluster, since)),
            remedy=delete_group(cluster, group.name, group.type),
        )
    if young:
        yield NotChecked(cluster.name, f"{counted(young, 'group')} lost the last member within the last hour")


def expiring_offsets(facts: AuditFacts, cluster: ClusterFacts) -> Iterator[Outcome]:
    """Groups without a member whose positions Kafka will soon delete."""
    settings = cluster.settings
    minutes = [own.get(OFFSETS_RETENTION, "") for own in (settings.brokers if settings else {}).values()]
    kept = min((float(each) * 60 for each in minutes if each.isdigit()), default=None)
    empty = [group for group in _empty(cluster) if group.type in {"classic", "consumer"}]
    if not empty:
        return
    if kept is None:
        yield NotChecked(cluster.name, f"{OFFSETS_RETENTION} is not known")
        return
    unknown = []
    for group in empty:
        since = cluster.empty_since.get(group.name)
        if since is None:
            unknown.append(group.name)
            continue
        left = since + kept - facts.now
        lag = facts.samples.value(g.GROUP_LAG, cluster.name, group.name)
        if left > _SOON_SECONDS or any(facts.samples.values(g.GROUP_TOPIC_WANTED, cluster.name, group.name).values()):
            continue
        when = f"its positions are deleted in {span(left)}" if left > 0 else "its positions may be deleted any minute"
        yield Observation(
            severity="warning" if lag else "info",
            kind="group",
            target=f"{cluster.name}/{group.name}",
            evidence=(
                f"no member since {rfc3339(since, 'seconds')}; {OFFSETS_RETENTION} is {span(kept)}: {when}",
                *(
                    (f"{counted(lag, 'record')} unread: whoever starts it then begins at auto.offset.reset",)
                    if lag
                    else ()
                ),
            ),
            remedy=f"start a member of it, or {alter_brokers(cluster, f'{OFFSETS_RETENTION}={int(4 * kept / 60)}')}"
            " (in server.properties before Kafka 4.0)",
        )
    if unknown:
        why = "since when it has no member is not known: the journal saw none leave"
        yield NotChecked(cluster.name, f"group {listed(unknown)}: {why}")


def _empty(cluster: ClusterFacts) -> list[Group]:
    groups = () if cluster.snapshot is None else cluster.snapshot.groups.groups
    return [group for group in groups if group.members == 0 and group.state in {"Empty", "Dead"}]


def _looked(cluster: ClusterFacts, since: float | None) -> str:
    if since is not None:
        return f"so since {rfc3339(since, 'seconds')}"
    if cluster.watched_since is None:
        return "seen in one read: whether its positions move is not known"
    return f"so for as long as the agent looks, since {rfc3339(cluster.watched_since, 'seconds')}"
