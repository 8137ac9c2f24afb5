"""One of the other agents: asked again and again, and what it said last."""

import json
import threading
from http import HTTPStatus
from ssl import SSLContext
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.http.transport import Deadline, Transport, TransportError, basic, exchange, tls_context
from streamwatch.pair.config import PeerConfig
from streamwatch.pair.document import MOST_BYTES, PATH, Body, Head, read
from streamwatch.settings.types import Secret

_MOST_QUOTED: Final = 200


class PeerError(Exception):
    """It was not heard. The message holds no secret."""


class Peer:
    """A peer. ``ask`` is called by one thread, everything else by any."""

    def __init__(self, config: PeerConfig, token: Secret | None, timeout_seconds: float, clock: Clock) -> None:
        """Begin; it is not asked yet.

        Args:
            config: where it is.
            token: what it is shown; None: nothing, or the password of its configuration.
            timeout_seconds: for how long it is waited for.
            clock: what time it is.

        """
        self.name = config.name
        """What metrics call it."""
        self._config, self._token, self._timeout, self._clock = config, token, timeout_seconds, clock
        self._context: SSLContext | None = None
        self._lock = threading.Lock()
        self._said: tuple[Head, Body, float] | None = None
        """What it said last, and when it was asked for that (monotonic)."""

    @property
    def latest(self) -> tuple[Head, Body, float] | None:
        """What it said last, and when it was asked for that, monotonic; None: it was never heard."""
        with self._lock:
            return self._said

    def ask(self) -> tuple[Head, Body]:
        """Ask it, and return what it says.

        Raises:
            PeerError: it was not heard.

        """
        before, asked_at = self.latest, self._clock.monotonic()
        head, body = self._exchanged("" if before is None else before[0].digest)
        if body is None and (before is None or before[0].digest != head.digest):
            raise PeerError("it left out what this agent does not have")
        found = body if body is not None else before[1] if before is not None else Body()
        with self._lock:
            self._said = (head, found, asked_at)
        return head, found

    def _exchanged(self, seen: str) -> tuple[Head, Body | None]:
        headers = {"Content-Type": "application/json"}
        if self._config.username is not None and self._config.password is not None:
            headers["Authorization"] = basic(self._config.username, self._config.password.reveal())
        elif self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        url = self._config.url.rstrip("/") + PATH
        asked = json.dumps({"seen": seen}).encode()
        deadline = Deadline(self._timeout, self._clock)
        try:
            transport = Transport(self._trusting() if url.startswith("https:") else None)
            with exchange("POST", url, deadline=deadline, transport=transport, headers=headers, body=asked) as response:
                if response.status != HTTPStatus.OK:
                    said = response.read(_MOST_QUOTED).decode("utf-8", "replace").strip()
                    raise PeerError(f"HTTP status {response.status}: {said}")
                text = response.read(MOST_BYTES + 1)
        except TransportError as error:
            raise PeerError(str(error)) from error
        except OSError as error:
            raise PeerError(f"ca_file cannot be used: {error}") from error
        try:
            return read(text)
        except ValueError as error:
            raise PeerError(str(error)[:_MOST_QUOTED]) from error

    def _trusting(self) -> SSLContext:
        if self._context is None:
            self._context = tls_context(self._config.ca_file)
        return self._context
