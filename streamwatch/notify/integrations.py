"""The integrations of all channels that are configured."""

from streamwatch.core.clock import Clock
from streamwatch.http.client import HttpClient
from streamwatch.notify.channel import Integration, Tools
from streamwatch.notify.config import Config


def integrations(config: Config, clock: Clock, agent: str) -> tuple[Integration, ...]:
    """Return every integration of every channel.

    Args:
        config: of notifications.
        clock: what time it is.
        agent: where the agent can be asked, as in ``http://127.0.0.1:9308``.

    """
    tools = Tools(HttpClient(config.http, clock), clock, config.links, agent)
    return tuple(integration for channel in config.channels for integration in channel.integrations(tools))
