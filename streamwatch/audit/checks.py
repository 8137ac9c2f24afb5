"""All checks, one function each: the table that docs/audit.md is made of."""

from collections.abc import Callable, Iterator
from typing import Final

from streamwatch.audit import clients, elections, groups, managed, readers, replicas, retention, streams
from streamwatch.audit.facts import AuditFacts, ClusterFacts
from streamwatch.audit.finding import Check, NotChecked, Outcome


def _of_clusters(run: Callable[[ClusterFacts], Iterator[Outcome]]) -> Callable[[AuditFacts], Iterator[Outcome]]:
    """Return a check of every cluster that could be read."""
    return _with_facts(lambda _, cluster: run(cluster))


def _with_facts(
    run: Callable[[AuditFacts, ClusterFacts], Iterator[Outcome]],
) -> Callable[[AuditFacts], Iterator[Outcome]]:
    def every(facts: AuditFacts) -> Iterator[Outcome]:
        for cluster in facts.clusters:
            if cluster.snapshot is None or cluster.snapshot.topology is None:
                yield NotChecked(cluster.name, "the cluster could not be read")
            else:
                yield from run(facts, cluster)

    return every


def _retention(facts: AuditFacts) -> Iterator[Outcome]:
    yield from _with_facts(retention.retention_short)(facts)
    yield from streams.retention_short(facts)


CHECKS: Final = (
    Check(
        name="replication-factor-one",
        title="Partitions have one replica",
        harm="They are away while their broker is, and lost with its disk.",
        known_by="replicas of each partition (Metadata)",
        severity="critical; warning where the cluster has one broker",
        run=_of_clusters(replicas.single_replicas),
    ),
    Check(
        name="one-rack",
        title="All replicas are in one rack",
        harm="A rack, or an availability zone, that fails takes all of them along.",
        known_by="`broker.rack` and replicas (Metadata)",
        severity="warning",
        run=_of_clusters(replicas.single_racks),
    ),
    Check(
        name="min-isr-equals-replication-factor",
        title="min.insync.replicas is as large as the replication factor",
        harm="Producers with acks=all stop when one replica is away, as in every restart.",
        known_by="`min.insync.replicas` and replicas",
        severity="warning; critical where it is larger",
        run=_of_clusters(replicas.min_isr_equals_replication),
    ),
    Check(
        name="min-isr-one",
        title="min.insync.replicas is 1",
        harm="With acks=all one replica is enough: what it has taken is lost with it.",
        known_by="`min.insync.replicas` and replicas; what producers ask for is not known, but for Kafka's own topics",
        severity="warning; info with two replicas, of which both would be needed",
        run=_of_clusters(replicas.min_isr_without_spare),
    ),
    Check(
        name="unclean-election",
        title="A replica that is not in sync may lead",
        harm="Records that were acknowledged are lost then.",
        known_by="`unclean.leader.election.enable` of brokers and topics, asked for the audit",
        severity="warning",
        run=_of_clusters(elections.unclean_elections),
    ),
    Check(
        name="retention-short",
        title="Records are kept for less than the slowest reader needs",
        harm="It loses records when it gets a little slower.",
        known_by="lag in seconds, of groups that somebody runs, against `retention.ms`; of a stream's slowest reader or"
        " registered consumer against its retention: from half of it on",
        severity="warning; critical from 80 % on, or where records were lost",
        run=_retention,
    ),
    Check(
        name="unbounded-topic",
        title="A topic keeps every record for ever",
        harm="It fills the disks.",
        known_by="`retention.ms` and `retention.bytes` of -1 with `cleanup.policy` delete; `cleanup.policy` none",
        severity="warning",
        run=_of_clusters(retention.unbounded_topics),
    ),
    Check(
        name="compaction-stopped",
        title="Topics are to be compacted, and nothing compacts them",
        harm="They grow for ever, and take long to load.",
        known_by="`log.cleaner.enable` of brokers; `min.cleanable.dirty.ratio`, `min.compaction.lag.ms` and"
        " `max.compaction.lag.ms` of topics, asked for the audit; uncleanable-partitions-count of brokers"
        " (`open_monitoring`)",
        severity="critical where the cleaner is off, or gave partitions up; warning",
        run=_with_facts(retention.compaction_stopped),
    ),
    Check(
        name="no-writers",
        title="Nothing was written to partitions for 30 days",
        harm="They take disk, and partitions of a broker's limit.",
        known_by="the largest timestamp of the records (ListOffsets, Kafka 3.0 and later), asked for the audit of"
        " partitions that keep records for longer; producers write timestamps",
        severity="info",
        run=_with_facts(retention.partitions_without_writers),
    ),
    Check(
        name="unused-group",
        title="Nobody runs a group",
        harm="It shows lag that means nothing, and its positions keep nobody's place.",
        known_by="members (ListGroups, Describe...), and commits that do not move within `groups_wanted_for`: a day",
        severity="info",
        run=_with_facts(groups.unused_groups),
    ),
    Check(
        name="offsets-expiring",
        title="Positions of a group without members are about to be deleted",
        harm="Who starts it then skips, or repeats, what it had to read.",
        known_by="the journal, since when it has no member, and `offsets.retention.minutes`: from two days before on",
        severity="warning; info where nothing is unread",
        run=_with_facts(groups.expiring_offsets),
    ),
    Check(
        name="no-failure-destination",
        title="A reader has no destination for failures",
        harm="What it cannot process is lost, or stops everything behind it.",
        known_by="event source mappings (`OnFailure`), pipes, and connectors (`errors.tolerance`,"
        " `errors.deadletterqueue.topic.name`)",
        severity="warning",
        run=readers.no_failure_destination,
    ),
    Check(
        name="no-reader",
        title="Nobody reads a stream",
        harm="It costs, and what is written to it expires unread.",
        known_by="CloudWatch's reads of the last minutes, registered consumers, readers",
        severity="warning; info where nobody writes to it",
        run=streams.streams_without_reader,
    ),
    Check(
        name="hot-shard",
        title="One shard is hot by its partition keys",
        harm="Its writers are throttled though the stream has room.",
        known_by="shard-level metrics: a shard uses 80 % of its limits, the stream less than half",
        severity="warning",
        run=streams.hot_shards,
    ),
    Check(
        name="near-quota",
        title="A limit of AWS's is nearly reached",
        harm="The next reader, or the next split, is refused.",
        known_by="registered consumers, open shards, calls and bytes read, the calls that all readers of a stream make:"
        " from 80 % of the limit on",
        severity="warning",
        run=streams.near_quotas,
    ),
    Check(
        name="throttled-clients",
        title="A quota delays clients",
        harm="They fall behind, and look as if the brokers were slow.",
        known_by="requests delayed now (`open_monitoring`), mean delays (CloudWatch)",
        severity="warning",
        run=_with_facts(clients.throttled_clients),
    ),
    Check(
        name="old-clients",
        title="Clients speak what Kafka 4.0 refuses",
        harm="They stop with the upgrade (KIP-896).",
        known_by="DeprecatedRequestsPerSec of brokers of Kafka 3.7 and later (`open_monitoring`); where no request"
        " is counted, not checked",
        severity="warning",
        run=_with_facts(clients.old_clients),
    ),
    Check(
        name="plain-listener",
        title="A listener does not encrypt",
        harm="Records, and with SASL_PLAINTEXT passwords, can be read on the way.",
        known_by="`listeners` and `listener.security.protocol.map` of brokers, asked for the audit; those on loopback"
        " addresses do not count",
        severity="warning",
        run=_of_clusters(clients.plain_listeners),
    ),
    Check(
        name="monitoring-level",
        title="Enhanced monitoring of MSK is by partition",
        harm="It costs more than it says: the brokers say the same for nothing.",
        known_by="the cluster's description by MSK",
        severity="info",
        run=_of_clusters(managed.monitoring_level),
    ),
    Check(
        name="shard-metrics",
        title="Shard-level metrics say little for what they cost",
        harm="CloudWatch bills each of them.",
        known_by="the stream's description",
        severity="info",
        run=streams.shard_metrics,
    ),
    Check(
        name="msk-assessment",
        title="MSK's adviser found something",
        harm="As it says.",
        known_by="MSK's newest assessment that is complete",
        severity="its own: ERROR is critical, WARNING warning, INFO info",
        run=_of_clusters(managed.assessment),
    ),
)
"""In the order of the documents."""
