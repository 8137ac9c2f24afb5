"""From MSK's and CloudWatch's word on a cluster to samples."""

from collections import Counter

import numpy as np

from streamwatch.catalogue import msk as m
from streamwatch.model.metric import Keys, Metric, Samples
from streamwatch.model.msk import MskSnapshot, Row

FRESH_SECONDS = 300.0
"""MSK's points come up to a few minutes late; a minute that ended longer ago, when it was asked, is no news."""
_MINUTE = 60.0


class MskCollector:
    """Tells the cluster's state, and what CloudWatch has measured."""

    def collect(self, now: MskSnapshot) -> list[Samples]:
        """Return all samples; what is not known is left out."""
        found: dict[Metric, dict[Row, float]] = {}
        for (metric, row), reading in now.readings.items():
            if metric.kind == "counter":
                found.setdefault(metric, {})[row] = reading.total * now.scales.get(metric, 1.0)
            elif reading.asked_at - (reading.minute + _MINUTE) <= FRESH_SECONDS:
                found.setdefault(metric, {})[row] = reading.value * now.scales.get(metric, 1.0)
        samples = [
            metric.samples(Keys(metric.labels, list(rows)), np.fromiter(rows.values(), dtype=np.float64))
            for metric, rows in found.items()
        ]
        told = now.described
        if told is not None:
            info = (now.cluster, told.type, told.kafka_version, told.instance_type, told.level)
            samples += [
                m.CLUSTER_INFO.samples(Keys(m.CLUSTER_INFO.labels, [info]), np.ones(1)),
                m.CLUSTER_STATE.sample(1.0, kafka_cluster=now.cluster, state=told.state),
            ]
        if now.operations is not None:
            counts = Counter(one.type for one in now.operations)
            keys = Keys(m.OPERATIONS.labels, [(now.cluster, kind) for kind in counts])
            samples.append(m.OPERATIONS.samples(keys, np.fromiter(counts.values(), dtype=np.float64)))
        return samples
