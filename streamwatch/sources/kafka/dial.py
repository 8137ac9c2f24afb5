"""Opens connections that are ready for requests: connected, negotiated, authenticated, and proven by one request."""

import asyncio
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from streamwatch import __version__
from streamwatch.core.errors import ConfigError, SourceDenied, SourceError, SourceMisread, SourceUnavailable
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.answer_budget import AnswerBudget
from streamwatch.sources.kafka.apis import (
    API_VERSIONS,
    APIS,
    METADATA,
    SASL_AUTHENTICATE,
    UNDECODABLE,
    KafkaApi,
    negotiate,
)
from streamwatch.sources.kafka.auth import Credentials, authenticate, tls_context
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.identity import Identity
from streamwatch.sources.kafka.release import Offer, offer_of
from streamwatch.sources.kafka.wire import KafkaConnection, open_connection

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

_REAUTH_SHARE = 0.85
"""Of a session's lifetime, after which it is authenticated anew: a broker cuts it off at 1.0."""
_LEAST_REAUTH_SECONDS = 0.4
"""Between two logins on one session, whatever lifetime the broker gives it."""
_BROKER_REGISTRATION = 62
"""The key of an API that KRaft's controllers offer, to brokers, and no broker does (seen on 4.3)."""


@dataclass(slots=True)
class BrokerSession:
    """A connection, the API versions spoken on it, and when it must be authenticated anew (loop time)."""

    connection: KafkaConnection
    versions: dict[int, int]
    reauth_at: float | None = None
    offered: frozenset[int] = frozenset()
    """Every API key that the broker offers, those that the agent does not use too."""
    cluster_id: str | None = None
    """Of the cluster that answers; None where it gives no id."""
    offer: Offer = field(default_factory=Offer)
    """What the broker says of its release."""


class ControllerPort(SourceMisread):
    """A KRaft controller answers, which does not know what brokers know."""


class NoSession(SourceUnavailable):
    """A broker did not accept and authenticate in time."""


class Dialer:
    """Opens sessions with one cluster's brokers."""

    def __init__(self, config: Config, account: "Account | None" = None, apis: tuple[KafkaApi, ...] = APIS) -> None:
        """Begin.

        Args:
            config: how the brokers are reached.
            account: whose credentials AWS_MSK_IAM shows; None where they are shared with nobody.
            apis: those that will be spoken.

        """
        self._apis = apis
        self.identity = Identity(config.cluster_id)
        """Of the cluster: a session with another one's broker is refused."""
        self.budget = AnswerBudget(config.max_frame)
        """Of the answers on all sessions."""
        self._config = config
        self._credentials = Credentials(config.sasl, account) if config.sasl else None
        self._context: tuple[tuple[float, ...], ssl.SSLContext] | None = None

    async def dial(self, host: str, port: int) -> BrokerSession:
        """Open a session, within the configured ``connect_timeout`` once there is something to show.

        Raises:
            SourceUnavailable: nobody there, or not in time.
            SourceDenied: no trust, or refused.
            SourceMisread: it does not speak Kafka, or no version that we do.
            SourceForeign: it is another cluster's.

        """
        timeout = self._config.connect_timeout
        connection: KafkaConnection | None = None
        try:
            with as_source_errors():
                await self.prepare()
                async with asyncio.timeout(timeout):
                    connection = await self.connect(host, port)
                    session = await self.negotiate(connection)
                    await self.authenticate(session, host)
                    await self.prove(session)
                    self.identity.check(session.cluster_id, f"{host}:{port}")
                    return session
        except (TimeoutError, SourceError) as error:
            reason = error if isinstance(error, SourceError) else NoSession(f"no session within {timeout:g}s")
            if connection is not None:
                connection.close(reason)
            raise reason from error
        except asyncio.CancelledError:
            if connection is not None:
                connection.close(SourceUnavailable("the agent gave up"))
            raise

    async def probe(self, host: str, port: int, seconds: float) -> None:
        """Find out whether a broker answers at all, on a connection of its own that is closed again.

        Raises:
            SourceError: it does not, or not within that many seconds.

        """
        connection: KafkaConnection | None = None
        try:
            with as_source_errors():
                async with asyncio.timeout(seconds):
                    connection = await self.connect(host, port)
                    await self.negotiate(connection)
        except TimeoutError as error:
            raise SourceUnavailable(f"no sign of life within {seconds:g}s") from error
        finally:
            if connection is not None:
                connection.close(SourceUnavailable("that was all"))

    async def connect(self, host: str, port: int) -> KafkaConnection:
        """Connect, with TLS where it is configured."""
        try:
            return await open_connection(
                host,
                port,
                tls=None if self._config.tls is None else await asyncio.to_thread(self._tls),
                client_id=self._config.client_id,
                max_frame=self._config.max_frame,
                budget=self.budget,
            )
        except ssl.SSLCertVerificationError as error:
            why = f"TLS: the broker's certificate is not trusted: {error.verify_message}"
            raise SourceDenied(f"{why}: check `tls.ca_file` and the host name") from error
        except ssl.SSLError as error:
            raise SourceDenied(
                f"TLS: no handshake: {error.reason or error}: is this the TLS listener's port?"
            ) from error

    async def negotiate(self, connection: KafkaConnection) -> BrokerSession:
        """Ask which versions the broker speaks; return a session with the one to use for each API.

        Raises:
            ControllerPort: it is no broker, but a controller.
            SourceMisread: it speaks no version of what must be asked.

        """
        version = API_VERSIONS.highest
        fields = {"client_software_name": "streamwatch", "client_software_version": __version__}
        body = await self._first(connection, version, API_VERSIONS.encode(version, **fields))
        if struct.unpack_from(">h", body)[0] == codes.UNSUPPORTED_VERSION:
            version = 0
            body = await self._first(connection, version, API_VERSIONS.encode(version))
        reply = API_VERSIONS.decode(version, body)
        if reply.error_code:
            raise SourceMisread(f"ApiVersions: {codes.explain(reply.error_code)}")
        offered = {api_key.api_key: (api_key.min_version, api_key.max_version) for api_key in reply.api_keys}
        versions = negotiate(offered, self._apis)
        if METADATA.key in versions:
            return BrokerSession(connection, versions, offered=frozenset(offered), offer=offer_of(reply))
        if METADATA.key not in offered and _BROKER_REGISTRATION in offered:
            raise ControllerPort("this is a KRaft controller's port: use a broker's listener")
        raise SourceMisread("the broker speaks no version of Metadata that we do: Kafka 2.8 or later is needed")

    async def prepare(self) -> None:
        """Look up what is shown to brokers, where that takes its time: AWS's credentials.

        Raises:
            SourceDenied: there are none.

        """
        if self._credentials is not None:
            await self._credentials.prepare()

    async def reauthenticate(self, session: BrokerSession, host: str) -> None:
        """Run SASL again on a session that is due, within ``connect_timeout``.

        Raises:
            SourceError: it did not work, or not in time.

        """
        session.reauth_at = None
        try:
            with as_source_errors():
                async with asyncio.timeout(self._config.connect_timeout):
                    await self.authenticate(session, host)
        except TimeoutError as error:
            raise SourceUnavailable(f"not authenticated anew within {self._config.connect_timeout:g}s") from error

    async def authenticate(self, session: BrokerSession, host: str) -> None:
        """Run SASL where it is configured."""
        if self._credentials is None:
            return
        version = session.versions.get(SASL_AUTHENTICATE.key)
        if version is None:
            raise SourceDenied("the broker does not offer SASL: leave `sasl` out, or use the SASL listener's port")
        exchange = await self._credentials.exchange(host)
        try:
            lifetime = await authenticate(session.connection, version, exchange, self._credentials.mechanism)
        except SourceDenied as error:
            raise self._credentials.refused(error) from None
        if lifetime is not None:
            wait = max(_LEAST_REAUTH_SECONDS, lifetime * _REAUTH_SHARE)
            session.reauth_at = asyncio.get_running_loop().time() + wait

    @property
    def provider(self) -> str:
        """What the credentials shown to brokers come from, where that is to be found out: AWS's."""
        return "" if self._credentials is None else self._credentials.provider

    async def prove(self, session: BrokerSession) -> None:
        """Send the smallest of requests: a broker that wants to know who we are cuts the connection here.

        The answer names the cluster.
        """
        version = session.versions[METADATA.key]
        try:
            answer = await session.connection.send(METADATA, version, METADATA.encode(version, topics=[])).answer
        except SourceUnavailable as error:
            hint = "" if self._credentials else ": does this listener want `sasl`?"
            raise SourceUnavailable(f"cut off at the first request ({error}){hint}") from error
        session.cluster_id = METADATA.decode(version, answer).cluster_id or None
        session.connection.trust()

    def _tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, built anew when one of its files has changed."""
        tls = self._config.tls
        if tls is None:
            return None
        files = [name for name in (tls.ca_file, tls.cert_file, tls.key_file) if name]
        stamp = tuple(Path(name).stat().st_mtime for name in files if Path(name).exists())
        if self._context is None or self._context[0] != stamp:
            self._context = (stamp, tls_context(tls))
        return self._context[1]

    async def _first(self, connection: KafkaConnection, version: int, body: bytes) -> bytes:
        try:
            return await connection.send(API_VERSIONS, version, body).answer
        except SourceUnavailable as error:
            hint = "a client certificate" if self._config.tls else "TLS"
            raise SourceUnavailable(
                f"cut off before the first answer ({error}): does this listener want {hint}?"
            ) from error


@contextmanager
def as_source_errors() -> Iterator[None]:
    """Turn whatever else goes wrong in a dial into a source's error: a broker's connection must outlive it."""
    try:
        yield
    except ConfigError as error:
        raise SourceDenied(str(error)) from error
    except TimeoutError:
        raise
    except OSError as error:
        raise SourceUnavailable(f"{error.strerror or error}") from error
    except UNDECODABLE as error:
        raise SourceMisread(f"an answer that was not understood: {error!r}") from error
