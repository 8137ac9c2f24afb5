"""The only home of metric names: what each means, its unit, its labels, and its CloudWatch twin."""

from streamwatch.catalogue import agent, kafka, kafka_groups
from streamwatch.model.metric import Metric

METRICS: tuple[Metric, ...] = (*kafka.METRICS, *kafka_groups.METRICS, *agent.METRICS)
"""Every metric that StreamWatch exports by itself (process and Python metrics come from prometheus-client)."""

__all__ = ["METRICS", "agent", "kafka", "kafka_groups"]
