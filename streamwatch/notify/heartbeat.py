"""A sign of life to an outside service: sent as long as the agent does its work, and only then."""

import logging
import math
from collections.abc import Callable
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyError
from streamwatch.core.worker import Worker
from streamwatch.http.client import HttpClient
from streamwatch.notify.config import Config

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.2


class HeartbeatSender:
    """Sends signs of life, from ``start`` to ``stop``."""

    def __init__(self, config: Config, web: HttpClient, is_well: Callable[[], bool], clock: Clock) -> None:
        """Begin; nothing is sent before ``start``.

        Args:
            config: whether, where and how often.
            web: sends requests.
            is_well: says whether alerts are decided and can be sent.
            clock: what time it is.

        """
        self._config, self._web, self._is_well = config.heartbeat, web, is_well
        self._why = ""
        # An agent that has just begun decides nothing yet: that is no news within the first interval.
        self._patience = 0.0 if self._config is None else self._config.interval
        self._worker = Worker("heartbeat", self._step, clock)
        self.is_up: bool | None = None
        """Whether the last beat was taken; None before the first, and where there is none."""

    def start(self) -> None:
        """Begin to beat, where that is configured."""
        if self._config is not None:
            self._worker.start()

    def stop(self) -> None:
        """End; a request under way is left to the end of the process."""
        self._worker.end(0.0)

    def beat(self) -> None:
        """Send one sign of life, where all is well."""
        if self._config is None:
            return
        why = ""
        try:
            if self._is_well():
                self._web.request("GET", self._config.url.reveal())
            else:
                why = "alerts are not decided in time, or cannot be sent"
        except NotifyError as error:
            why = str(error)
        self.is_up = not why
        if why and why != self._why:
            log.warning("heartbeat: not sent: %s", why)
        self._why = why

    def _step(self) -> float:
        if self._patience > 0 and not self._is_well():
            self._patience -= _LOOK_SECONDS
            return _LOOK_SECONDS
        self._patience = 0.0
        self.beat()
        return math.inf if self._config is None else self._config.interval
