"""From MSK's and CloudWatch's word on a cluster to samples."""

from collections import Counter
from typing import Final

import numpy as np

from streamwatch.catalogue import msk as m
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.msk import DescribedCluster, MskSnapshot, Row

FRESH_SECONDS = 300.0
"""MSK's points come up to a few minutes late; a minute that ended longer ago, when it was asked, is no news."""
_STANDARD: Final = {
    "small": (300, 300),
    "large": (1000, 1500),
    "xlarge": (1000, 1500),
    "2xlarge": (2000, 3000),
    "4xlarge": (4000, 6000),
    "8xlarge": (4000, 6000),
    "12xlarge": (4000, 6000),
    "16xlarge": (4000, 6000),
    "24xlarge": (4000, 4000),
}
_EXPRESS: Final = {
    "large": (1000, 1500),
    "xlarge": (1000, 2000),
    "2xlarge": (2500, 4000),
    "4xlarge": (6000, 8000),
    "8xlarge": (12000, 16000),
    "12xlarge": (16000, 24000),
    "16xlarge": (20000, 32000),
}
"""Partition replicas a broker, recommended and at most, by size: AWS's best practices, read 2026-11-22."""


_IAM_OPEN: Final = 3000.0
_IAM_NEW: Final = 100.0
_IAM_NEW_T3: Final = 4.0
"""Connections by IAM, at a time and a second, a broker: MSK's quotas, read 2026-11-22."""


REASSIGNING: Final = "TOPIC_REASSIGNMENT"
"""How a topic reassignment is shown among the operations: MSK lists it beside them, without a type."""


class MskCollector:
    """Tells the cluster's state, and what CloudWatch has measured."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: MskSnapshot) -> list[Samples]:
        """Return all samples; what is not known is left out."""
        self._keys.turn()
        found: dict[Metric, dict[Row, float]] = {}
        for (metric, row), scaled in now.readings.items():
            if metric.kind == "counter":
                found.setdefault(metric, {})[row] = scaled.reading.total * scaled.scale
            elif scaled.reading.is_news(FRESH_SECONDS):
                found.setdefault(metric, {})[row] = scaled.reading.value * scaled.scale
        samples = [
            metric.samples(self._keys.of(metric.labels, tuple(rows)), np.fromiter(rows.values(), dtype=np.float64))
            for metric, rows in found.items()
        ]
        about = now.described
        if about is not None:
            metadata = "" if about.type == "serverless" else "kraft" if about.kraft else "zookeeper"
            info = (now.cluster, about.type, metadata, about.kafka_version, about.instance_type, about.level)
            samples += [
                m.CLUSTER_INFO.samples(self._keys.of(m.CLUSTER_INFO.labels, [info]), np.ones(1)),
                m.CLUSTER_STATE.sample(1.0, kafka_cluster=now.cluster, state=about.state),
            ]
            samples += self._iam_limits(now.cluster, about)
            limits = (_EXPRESS if about.type == "express" else _STANDARD).get(about.instance_type.rpartition(".")[2])
            if limits is not None:
                keys = self._keys.of(
                    m.PARTITIONS_LIMIT.labels, [(now.cluster, "recommended"), (now.cluster, "maximum")]
                )
                samples.append(m.PARTITIONS_LIMIT.samples(keys, np.array(limits, dtype=np.float64)))
        samples += self._reassigned(now)
        samples += self._assessed(now)
        if now.operations is not None:
            counts = Counter(operation.type for operation in now.operations)
            moving = sum(not reassignment.has_ended for reassignment in now.reassignments or ())
            if moving:
                counts[REASSIGNING] = moving
            keys = self._keys.of(m.OPERATIONS.labels, [(now.cluster, kind) for kind in counts])
            samples.append(m.OPERATIONS.samples(keys, np.fromiter(counts.values(), dtype=np.float64)))
        return samples

    @staticmethod
    def _reassigned(now: MskSnapshot) -> list[Samples]:
        """Tell of the newest topic reassignment."""
        if not now.reassignments:
            return []
        newest, cluster = now.reassignments[0], now.cluster
        state = m.REASSIGNMENT_STATE.sample(
            1.0, kafka_cluster=cluster, state=newest.state, instance_type=newest.instance_type
        )
        counts = ((m.REASSIGNMENT_TOPICS, newest.topics), (m.REASSIGNMENT_COMPLETED, newest.completed))
        return [state, *(one.sample(count, kafka_cluster=cluster) for one, count in counts if count is not None)]

    def _assessed(self, now: MskSnapshot) -> list[Samples]:
        """Tell what MSK's adviser found; nothing where nobody asked it."""
        if now.assessment is None:
            return []
        counts = Counter((now.cluster, finding.category, finding.severity) for finding in now.assessment.findings)
        keys = self._keys.of(m.ASSESSMENT_FINDINGS.labels, list(counts))
        return [
            m.ASSESSMENT_FINDINGS.samples(keys, np.fromiter(counts.values(), dtype=np.float64)),
            m.ASSESSMENT_TIME.sample(now.assessment.created_at, kafka_cluster=now.cluster),
        ]

    def _iam_limits(self, cluster: str, about: DescribedCluster) -> list[Samples]:
        """Return the limits of a broker; Serverless has others, of the whole cluster."""
        if about.type == "serverless":
            return []
        keys = self._keys.of(m.IAM_CONNECTIONS_LIMIT.labels, [(cluster, "open"), (cluster, "new")])
        new = _IAM_NEW_T3 if ".t3." in about.instance_type else _IAM_NEW
        return [m.IAM_CONNECTIONS_LIMIT.samples(keys, np.array([_IAM_OPEN, new]))]
