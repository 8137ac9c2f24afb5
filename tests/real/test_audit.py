"""Apache Kafka, audited: one of each finding about a cluster is found, and none of topics and groups that are well.

A cluster in racks is audited in test_harness.py, where there is one; what is the same on the reference cluster is
tested there (tests/audit/test_reference.py).
"""

from collections.abc import Mapping
from contextlib import closing

from kafka import KafkaProducer

from streamwatch.core.clock import SystemClock
from tests.real.auditing import found
from tests.real.kafka import KafkaCluster

DAY_MS = 86_400_000


def test_one_of_each_finding_is_found_and_no_other(cluster_43: KafkaCluster) -> None:
    well = {"min.insync.replicas": "2"}
    topics: Mapping[str, Mapping[str, str]] = {
        "well": well,
        "alone": well,
        "strict": {"min.insync.replicas": "3"},
        "weak": {"min.insync.replicas": "1"},
        "unclean": {**well, "unclean.leader.election.enable": "true"},
        "endless": {**well, "retention.ms": "-1"},
        "never": {**well, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "1.0"},
        "old": {**well, "retention.ms": str(90 * DAY_MS)},
    }
    with cluster_43.admin() as admin:
        shapes = {
            f"audit-{name}": {"num_partitions": 1, "replication_factor": 1 if name == "alone" else 3, "configs": own}
            for name, own in topics.items()
        }
        admin.create_topics(shapes, wait_for_metadata=True)
    sixty_days_ago = int(SystemClock().now() * 1000) - 60 * DAY_MS
    with closing(KafkaProducer(bootstrap_servers=cluster_43.internal_bootstrap)) as producer:
        producer.send("audit-old", b"x", timestamp_ms=sixty_days_ago).get(timeout=10)
    cluster_43.commit("audit-gone", {("audit-well", 0): 0})

    findings, not_known = found(cluster_43)
    assert findings == {
        ("replication-factor-one", "alone"),
        ("min-isr-equals-replication-factor", "strict"),
        ("min-isr-one", "weak"),
        ("unclean-election", "unclean"),
        ("unbounded-topic", "endless"),
        ("compaction-stopped", "never"),
        ("no-writers", "old"),
        ("unused-group", "gone"),
    }
    # No broker of it has a rack, since when the group is empty needs a journal, and quotas need the exporter's pages.
    assert not_known == {"one-rack", "offsets-expiring", "throttled-clients", "compaction-stopped"}
