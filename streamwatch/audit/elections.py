"""Elections that lose records."""

from collections.abc import Iterator

from streamwatch.audit.commands import alter_brokers, alter_topic
from streamwatch.audit.facts import ClusterFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.core.words import counted, listed
from streamwatch.model.cluster_settings import UNCLEAN

_ON = "true"


def unclean_elections(cluster: ClusterFacts) -> Iterator[Outcome]:
    """Brokers, and topics, that let a replica lead which is not in sync."""
    settings, snapshot = cluster.settings, cluster.snapshot
    if snapshot is None or snapshot.topology is None:
        return
    if settings is None:
        yield NotChecked(cluster.name, f"{UNCLEAN}: its brokers are not asked")
        return
    index, selected = snapshot.topology.topic_index, snapshot.selected
    known = {name: own[UNCLEAN] == _ON for name, own in settings.topics.items() if UNCLEAN in own and name in index}
    missing = sum(1 for name, at in index.items() if selected[at] and name not in known)
    if missing:
        why = "; ".join(settings.problems[:2]) or "brokers do not say it"
        yield NotChecked(cluster.name, f"{UNCLEAN} of {counted(missing, 'topic')}: {why}")
    brokers = [str(broker) for broker, own in settings.brokers.items() if own.get(UNCLEAN) == _ON]
    on = [name for name, is_on in known.items() if is_on and selected[index[name]]]
    if brokers:
        yield Observation(
            severity="warning",
            kind="cluster",
            target=cluster.name,
            evidence=(
                f"{UNCLEAN} is true on brokers {listed(brokers)}",
                f"{len(on)} of {len(known)} topics have it",
            ),
            remedy=alter_brokers(cluster, f"{UNCLEAN}=false"),
        )
        return
    for name in on:
        yield Observation(
            severity="warning",
            kind="topic",
            target=f"{cluster.name}/{name}",
            evidence=(f"{UNCLEAN} is true for this topic",),
            remedy=alter_topic(cluster, name, f"{UNCLEAN}=false"),
        )
