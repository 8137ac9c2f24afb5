"""A reference cluster that is MSK's, and the agent's sources of it, on one clock with CloudWatch."""

from pathlib import Path
from typing import Any

from streamwatch.agent.config import parse
from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.model.metric import Metric, Samples
from streamwatch.reference.aws.msk import MskCluster
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.sources.cluster_config import ClusterConfig
from tests.reference.kinesis.acting import Time


class House:
    """Both sides of the network."""

    def __init__(self, kafka: ReferenceKafka, aws: ReferenceAws, time: Time, cluster: MskCluster) -> None:
        self.kafka, self.aws, self.time, self.cluster = kafka, aws, time, cluster
        self._made: list[Target] = []

    def minute(self) -> None:
        """Let MSK measure, and the minute end."""
        self.aws.measure_msk()
        self.time.advance(60)

    def become(self, instance_type: str, level: str = "PER_BROKER") -> None:
        """Let the cluster be one of another type."""
        self.cluster = self.aws.add_msk(self.kafka, "shop", level, instance_type)

    def config(self, msk: str = "cluster: shop, metrics: all", more: str = "bootstrap: {servers},") -> ClusterConfig:
        """Configure the cluster; ``{servers}`` stands for its bootstrap servers."""
        servers = "[" + ", ".join(f"'{one}'" for one in self.kafka.bootstrap.split(",")) + "]"
        access = f"{{endpoint_url: '{self.aws.url}', access_key_id: a, secret_access_key: b}}"
        text = (
            f"kafka: [{{name: k, {more.replace('{servers}', servers)}"
            f" msk: {{region: us-east-1, access: {access}, {msk}}}}}]"
        )
        return parse(text, "test", Path()).kafka[0]

    def parts(self, msk: str = "cluster: shop, metrics: all", more: str = "bootstrap: {servers},") -> list[Target]:
        """Watch it; the sources are closed when the test ends."""
        made = TargetFactory(self.time).targets(self.config(msk, more), lambda: None)
        self._made += made
        return made

    def msk(self, msk: str = "cluster: shop, metrics: all") -> Target:
        """Watch its state and CloudWatch alone."""
        return self.parts(msk)[-1]

    def close(self) -> None:
        """Leave no connection and no thread."""
        for one in self._made:
            one.source.close()


def read(part: Target) -> tuple[Any, list[Samples]]:
    """Read one source, and collect."""
    now = part.source.read()
    return now, [one for each in (*part.collectors.values(), *part.about) for one in each.collect(now)]


def told(samples: list[Samples], metric: Metric) -> dict[str, float]:
    """What is known of a metric, by its labels but the first."""
    return {" ".join(row[1:]): v for one in samples if one.metric is metric for row, v in one.known().items()}
