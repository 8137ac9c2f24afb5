"""Every kind of channel, and what is built of a configuration."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.http.client import Web
from streamwatch.notify import alertmanager, apprise, command, logged, mail, pagerduty, slack, sns, teams, webhook
from streamwatch.notify.channel import Target, Tools
from streamwatch.notify.config import Config

_BUILT: Final[Mapping[type, Callable[[Any, Tools], tuple[Target, ...]]]] = {
    alertmanager.Config: alertmanager.targets,
    apprise.Config: apprise.targets,
    command.Config: command.targets,
    logged.Config: logged.targets,
    mail.Config: mail.targets,
    pagerduty.Config: pagerduty.targets,
    slack.Config: slack.targets,
    sns.Config: sns.targets,
    teams.Config: teams.targets,
    webhook.Config: webhook.targets,
}


def targets(config: Config, clock: Clock, agent: str) -> tuple[Target, ...]:
    """Return everything that can be told, as the configuration says.

    Args:
        config: of notifications.
        clock: what time it is.
        agent: where the agent can be asked, as in ``http://127.0.0.1:9308``.

    """
    tools = Tools(Web(config.http, clock), clock, config.links, agent)
    return tuple(target for one in config.channels for target in _BUILT[type(one)](one, tools))
