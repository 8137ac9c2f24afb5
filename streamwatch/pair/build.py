"""From a configuration to an agent of several."""

import socket
from collections.abc import Sequence

from streamwatch.core.clock import SteadyClock
from streamwatch.pair.config import Config
from streamwatch.pair.lease.config import lease
from streamwatch.pair.pair import Pair
from streamwatch.sources.cluster_config import ClusterConfig


def pair(config: Config, clusters: Sequence[ClusterConfig], clock: SteadyClock) -> Pair:
    """Return it; nobody is asked before it starts.

    Args:
        config: who the others are, and where the lease is.
        clusters: of which one may have the lease's group.
        clock: that of the outbox.

    """
    name = config.name or socket.gethostname()
    return Pair(config, lease(config.lease, name, clusters, clock), name, clock)
