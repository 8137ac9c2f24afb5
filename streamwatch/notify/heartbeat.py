"""A sign of life to an outside service: sent as long as the agent does its work, and only then."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from streamwatch.core.errors import NotifyError
from streamwatch.http.client import Web
from streamwatch.notify.config import Config

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.2


class Heart:
    """Beats, from ``start`` to ``stop``."""

    def __init__(self, config: Config, web: Web, is_well: Callable[[], bool]) -> None:
        """Begin; nothing is sent before ``start``.

        Args:
            config: whether, where and how often.
            web: sends requests.
            is_well: says whether alerts are decided and can be sent.

        """
        self._config, self._web, self._is_well = config.heartbeat, web, is_well
        self._ended = threading.Event()
        self._why = ""
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self.is_up: bool | None = None
        """Whether the last beat was taken; None before the first, and where there is none."""

    def start(self) -> None:
        """Begin to beat, where that is configured."""
        if self._config is not None:
            self._thread.start()

    def stop(self) -> None:
        """End; a request under way is left to the end of the process."""
        self._ended.set()

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

    def _work(self) -> None:
        assert self._config is not None  # noqa: S101 - started only then
        # An agent that has just begun decides nothing yet: that is no news within the first interval.
        patience = self._config.interval
        while not self._is_well() and patience > 0 and not self._ended.wait(min(_LOOK_SECONDS, patience)):
            patience -= _LOOK_SECONDS
        while not self._ended.is_set():
            self.beat()
            self._ended.wait(self._config.interval)
