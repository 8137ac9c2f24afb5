"""Who the agent is, towards a broker: TLS contexts, SASL exchanges, and where credentials come from.

The SASL exchanges are kafka-python's; where they look up credentials by themselves on every connection (AWS), or
want a provider (tokens), the lookup is ours: in a thread, and again when what was found is of no use.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError, SourceDenied, SourceMisread
from streamwatch.core.files import read_short
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import SASL_AUTHENTICATE, SASL_HANDSHAKE, Message
from streamwatch.sources.kafka.config import KafkaTls, Sasl

if TYPE_CHECKING:
    from streamwatch.sources.aws.credentials import CredentialSession
    from streamwatch.sources.aws.session import Account
    from streamwatch.sources.kafka.wire import KafkaConnection

_LOOKUP_SECONDS: Final = 10.0
"""For AWS's credentials: their services are asked several times."""
_MOST_QUOTED: Final = 200
"""Characters of what a broker says that a message quotes."""
_MAX_ROUNDS = 6
"""SCRAM takes two rounds; a broker that goes on asking is not speaking SASL."""


def tls_context(tls: KafkaTls) -> ssl.SSLContext:
    """Build the TLS context; certificates are read from their files now.

    Raises:
        ConfigError: a file is no usable certificate or key.

    """
    context = ssl.create_default_context()
    try:
        if tls.ca_file is not None:
            context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file is not None:
            password = tls.key_password.reveal() if tls.key_password else ""
            context.load_cert_chain(tls.cert_file, tls.key_file, password=password)
    except (ssl.SSLError, OSError) as error:
        files = ", ".join(f for f in (tls.ca_file, tls.cert_file, tls.key_file) if f)
        raise ConfigError([f"tls: cannot use {files}: {error}: give PEM files that fit each other"]) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = tls.check_hostname
    # Python 3.13 refuses certificates without an authority key identifier; many a house's own authority leaves it out.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class NoRole(SourceDenied):
    """AWS credentials are missing, or refused: others may be there soon, and no account is locked by trying."""


class Credentials:
    """Gives a fresh SASL exchange for a connection; AWS's credentials are an account's, looked up in a thread."""

    def __init__(self, sasl: Sasl, account: "Account | None" = None) -> None:
        """Begin; nothing is looked up yet.

        Args:
            sasl: who the agent is.
            account: whose credentials AWS_MSK_IAM shows; None where they are shared with nobody.

        """
        self._sasl = sasl
        self._account = account
        self._shown: CredentialSession | None = None
        self._signer: Callable[[str], bytes] | None = None
        self._lookup: asyncio.Task[None] | None = None

    @property
    def mechanism(self) -> str:
        """The SASL mechanism's name."""
        return self._sasl.mechanism

    @property
    def provider(self) -> str:
        """What AWS's credentials come from; empty where they are not AWS's, or were not shown yet."""
        return "" if self._shown is None else self._shown.provider

    async def prepare(self) -> None:
        """Look up AWS's credentials, once for all who wait; a provider may take longer than a broker may.

        Raises:
            NoRole: there are none.

        """
        if self._sasl.mechanism != "AWS_MSK_IAM":
            return
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(asyncio.to_thread(self._look_up))
            self._lookup.add_done_callback(lambda done: done.cancelled() or done.exception())  # who waited is gone
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                await asyncio.shield(self._lookup)
        except TimeoutError:
            why = f"AWS: no provider gave credentials within {_LOOKUP_SECONDS:g}s"
            raise NoRole(f"{why}: does a program, or the metadata service, hang?") from None

    async def exchange(self, host: str) -> Any:  # noqa: ANN401 - kafka-python's mechanisms have no types
        """Return a new exchange for a connection to this host.

        Raises:
            SourceDenied: there are no credentials to show.

        """
        from streamwatch.sources.kafka import exchanges  # noqa: PLC0415 - 2 MB, for who shows credentials

        sasl = self._sasl
        if sasl.mechanism == "AWS_MSK_IAM":
            await self.prepare()
            if self._signer is None:
                raise ValueError("credentials were looked up, or missed")
            return exchanges.of_msk_iam(self._signer(host))
        if sasl.mechanism == "OAUTHBEARER":
            return exchanges.of_token(await asyncio.to_thread(_read_token, sasl.token_file or ""))
        return exchanges.of_password(
            sasl.mechanism, sasl.username or "", sasl.password.reveal() if sasl.password else ""
        )

    def refused(self, error: SourceDenied) -> SourceDenied:
        """Take note that a broker did not let the agent in, and return why; AWS's credentials are resolved anew."""
        if self._account is None or self._shown is None:
            return error
        self._account.refused(self._shown)
        return NoRole(str(error))

    def _look_up(self) -> None:
        # Who shows AWS nothing does not pay for the library.
        from streamwatch.sources.aws.errors import NoCredentials  # noqa: PLC0415
        from streamwatch.sources.kafka import exchanges  # noqa: PLC0415 - as above

        if self._account is None:
            self._account = _own_account(self._sasl)
        try:
            login = self._account.login(self._sasl.aws_region or "")
            keys = login.keys()
        except NoCredentials as error:
            raise NoRole(f"AWS: {error}") from None  # what is behind it may quote a secret
        region = self._sasl.aws_region or login.session.get_config_variable("region")
        if not region:
            raise NoRole("AWS region unknown: set `sasl.aws_region` or AWS_DEFAULT_REGION")

        def sign(host: str) -> bytes:
            return exchanges.signed(host, region, keys.access_key, keys.secret_key, keys.token)

        self._shown, self._signer = login, sign


def _own_account(sasl: Sasl) -> "Account":
    from streamwatch.sources.aws.config import AwsAccess  # noqa: PLC0415 - as above
    from streamwatch.sources.aws.session import Account  # noqa: PLC0415

    return Account(AwsAccess(profile=sasl.aws_profile), SystemClock())


def _read_token(path: str) -> str:
    try:
        return read_short(Path(path)).strip()
    except OSError as error:
        raise SourceDenied(
            f"the token file {path!r} cannot be read: {error.strerror}: see `sasl.token_file`"
        ) from error
    except UnicodeDecodeError:  # it holds the token's bytes: neither shown nor chained
        raise SourceDenied(f"the token file {path!r} is not a text in UTF-8: see `sasl.token_file`") from None


async def authenticate(connection: "KafkaConnection", version: int, exchange: Any, mechanism: str) -> float | None:  # noqa: ANN401
    """Run the SASL exchange on a connection; return how many seconds the session lasts (None: for ever).

    Raises:
        SourceDenied: the broker refused.
        SourceMisread: the exchange makes no sense.

    """
    answer = await connection.send(SASL_HANDSHAKE, 1, SASL_HANDSHAKE.encode(1, mechanism=mechanism)).answer
    handshake = SASL_HANDSHAKE.decode(1, answer)
    if handshake.error_code == codes.UNSUPPORTED_MECHANISM:
        offered = ", ".join(handshake.mechanisms)[:_MOST_QUOTED] or "none"
        raise SourceDenied(f"the broker does not offer SASL {mechanism}: it offers {offered}")
    if handshake.error_code:
        raise SourceDenied(f"SASL {mechanism}: {codes.explain(handshake.error_code)}")
    for _ in range(_MAX_ROUNDS):
        reply = await _round(connection, version, exchange, mechanism)
        if exchange.is_done():
            if not exchange.is_authenticated():
                raise SourceDenied(f"SASL {mechanism}: the broker did not accept the exchange")
            return reply.session_lifetime_ms / 1000 if reply.session_lifetime_ms > 0 else None
    raise SourceMisread(f"SASL {mechanism}: no end after {_MAX_ROUNDS} rounds")


async def _round(connection: "KafkaConnection", version: int, exchange: Any, mechanism: str) -> Message:  # noqa: ANN401
    body = SASL_AUTHENTICATE.encode(version, auth_bytes=exchange.auth_bytes())
    reply = SASL_AUTHENTICATE.decode(version, await connection.send(SASL_AUTHENTICATE, version, body).answer)
    if reply.error_code:
        why = (reply.error_message or codes.explain(reply.error_code))[:_MOST_QUOTED]
        # Not after a colon: a reason that ends in `password` would be taken for one that is given.
        raise SourceDenied(f"SASL {mechanism}: refused: {why}; check the user and its password or token")
    try:
        # A broker says how often SCRAM hashes the password, up to a million times: no loop waits for that.
        await asyncio.to_thread(exchange.receive, bytes(reply.auth_bytes))
    except (ValueError, KeyError) as error:
        why = repr(error)[:_MOST_QUOTED]
        raise SourceMisread(f"SASL {mechanism}: the broker's answer does not check: {why}") from error
    return reply
