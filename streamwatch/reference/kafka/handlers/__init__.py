"""What a broker does with each API: one function a request."""

from collections.abc import Callable, Mapping
from typing import Final

from streamwatch.reference.kafka.handlers import (
    acls,
    clients,
    configs,
    consumer_groups,
    dirs,
    groups,
    hanging,
    leaders,
    logs,
    metadata,
    quorum,
    sharing,
    topics,
    transactions,
)
from streamwatch.reference.kafka.handlers.context import Context, Reply
from streamwatch.reference.kafka.handlers.fetch import fetch
from streamwatch.reference.kafka.handlers.produce import produce

HANDLERS: Final[Mapping[int, Callable[[Context], Reply]]] = {
    0: produce,
    1: fetch,
    **logs.HANDLERS,
    **dirs.HANDLERS,
    **metadata.HANDLERS,
    **quorum.HANDLERS,
    **groups.HANDLERS,
    **topics.HANDLERS,
    **leaders.HANDLERS,
    **transactions.HANDLERS,
    **hanging.HANDLERS,
    **configs.HANDLERS,
    **clients.HANDLERS,
    **acls.HANDLERS,
    **consumer_groups.HANDLERS,
    **sharing.HANDLERS,
}
"""By API key; SaslHandshake (17) and SaslAuthenticate (36) are the connection's own."""
