"""What the agent calls the Kafka clusters that readers name: two of one name in two regions are two."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.msk.naming import MskName, named_by_arn, named_by_servers


@dataclass(frozen=True, slots=True)
class WatchedClusters:
    """The Kafka clusters and the regions that the configuration names."""

    by_brokers: frozenset[str]
    """The names of the clusters whose groups the agent reads from their brokers."""
    names: dict[MskName, str]
    """The name under ``kafka`` of each cluster of MSK of which the configuration says that it is one."""
    regions: frozenset[str]
    """Where readers are looked for."""

    @classmethod
    def of(cls, parts: Iterable[object]) -> Self:
        """Return those of the parts of a configuration."""
        every = tuple(parts)
        clusters = [one for one in every if isinstance(one, ClusterConfig)]
        return cls(
            by_brokers=frozenset(one.name for one in clusters if one.protocol),
            names={known: one.name for one in clusters if (known := _identity(one)) is not None},
            regions=frozenset(region for one in every if isinstance(one, AccountConfig) for region in one.regions),
        )

    def called(self, cluster: MskName | None) -> str | None:
        """Return the label ``kafka_cluster`` of a cluster.

        It is the name under ``kafka``, else MSK's, and with its region (`shop.eu-west-1`) where another cluster may
        have that name: readers are looked for elsewhere, too, or the name under ``kafka`` is another one's.
        """
        if cluster is None:
            return None
        if cluster in self.names:
            return self.names[cluster]
        is_only = self.regions <= {cluster.region} and cluster.name not in self.names.values()
        return cluster.name if is_only or not cluster.region else f"{cluster.name}.{cluster.region}"


def _identity(part: ClusterConfig) -> MskName | None:
    """Return which cluster of MSK a part of the configuration is; None where it does not say."""
    if part.msk is not None and part.msk.cluster is not None:
        return named_by_arn(part.msk.cluster) or MskName(part.msk.cluster, part.msk.aws_region)
    by_servers = named_by_servers(",".join(map(str, part.bootstrap)))
    if by_servers is None and part.sasl is not None and part.sasl.aws_region is not None:
        return MskName(part.name, part.sasl.aws_region)
    return by_servers
