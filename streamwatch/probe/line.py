"""A connection to one broker: dialled when it is wanted, and again after it was lost."""

import asyncio
from typing import Any, Final

from streamwatch.core.errors import SourceDenied, SourceError, SourceUnavailable, SourceUnsupported
from streamwatch.probe.causes import Silent
from streamwatch.sources.kafka.apis import KafkaApi, Message
from streamwatch.sources.kafka.dial import BrokerSession, Dialer

_PAUSE_SECONDS: Final = 0.25
"""Between dials that nobody answers."""
_DENIED_SECONDS: Final = 30.0
"""Between logins that are refused: a wrong password, tried often, locks an account."""


class BrokerLine:
    """Requests to one broker, answered in their order. Lives on the probe's event loop."""

    def __init__(self, dialer: Dialer, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._dialer = dialer
        self._session: BrokerSession | None = None
        self._dial: asyncio.Task[BrokerSession] | None = None
        self._failed: SourceError | None = None
        self._again_at = 0.0
        self._is_over = False

    async def session(self) -> BrokerSession:
        """Return the session; dial where there is none, once for all who wait.

        Raises:
            SourceError: nobody is there, or lets the agent in; for a while that holds without another dial.

        """
        loop = asyncio.get_running_loop()
        if self._session is not None and self._is_good(self._session, loop.time()):
            return self._session
        if self._failed is not None and loop.time() < self._again_at:
            raise self._failed
        if self._dial is None:
            self._dial = asyncio.create_task(self._dialer.dial(self.host, self.port))
            self._dial.add_done_callback(self._dialled)
        return await asyncio.shield(self._dial)

    async def ask(self, api: KafkaApi, version: int, body: bytes, seconds: float) -> Message:
        """Send one request, and return its answer.

        Raises:
            SourceError: no session, no answer in time, or one that does not decode.

        """
        session = await self.session()
        reason = Silent(f"no answer to {api.name} in time")
        try:
            async with asyncio.timeout(seconds):
                return api.decode(version, await session.connection.send(api, version, body).answer)
        except TimeoutError:
            self.drop(session, reason)
            raise reason from None
        except asyncio.CancelledError:  # whoever asked has waited for long enough
            self.drop(session, reason)
            raise

    async def version(self, api: KafkaApi) -> int:
        """Return the version of an API that is spoken with this broker.

        Raises:
            SourceError: no session, or it offers none that is known here.

        """
        version = (await self.session()).versions.get(api.key)
        if version is None:
            raise SourceUnsupported(f"{api.name} is not offered, or in no version that is known here")
        return version

    def drop(self, session: BrokerSession, reason: SourceError) -> None:
        """Give up a session; all that is on its way fails with this reason."""
        session.connection.close(reason)
        if self._session is session:
            self._session = None

    def close(self) -> None:
        """Drop the connection, and dial no more."""
        self._is_over = True
        if self._dial is not None:
            self._dial.cancel()
        if self._session is not None:
            self.drop(self._session, SourceUnavailable("the probe is over"))

    def _is_good(self, session: BrokerSession, now: float) -> bool:
        connection = session.connection
        if connection.lost.done():
            return False
        if session.reauth_at is None or now < session.reauth_at or connection.in_flight:
            return True
        self.drop(session, SourceUnavailable("the login has expired"))
        return False

    def _dialled(self, dial: "asyncio.Task[BrokerSession]") -> None:
        self._dial = None  # not before: who asks between its end and now is to have its session, and not another
        if dial.cancelled():
            return
        error = dial.exception()
        if error is None:
            self._session, self._failed = dial.result(), None
            if self._is_over:  # it had succeeded before it could be cancelled
                self.close()
        elif isinstance(error, SourceError):
            pause = _DENIED_SECONDS if isinstance(error, SourceDenied) else _PAUSE_SECONDS
            self._failed, self._again_at = error, asyncio.get_running_loop().time() + pause


def request_part(api: KafkaApi, *names: str) -> Any:  # noqa: ANN401 - kafka-python's message classes
    """Return the class of a part of an API's request."""
    part = api.request
    for name in names:
        part = getattr(part, name)
    return part
