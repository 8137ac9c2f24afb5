"""The login of one connection: SaslHandshake and SaslAuthenticate, repeated where sessions are short (KIP-368)."""

from typing import Final

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.sasl import BrokerUsers, Conversation, SaslError, begin
from streamwatch.reference.kafka.site import KafkaListener
from streamwatch.reference.kafka.wire import API_VERSIONS, Answer, KafkaRequest

HANDSHAKE: Final = 17
AUTHENTICATE: Final = 36
ANONYMOUS: Final = "User:ANONYMOUS"


class AuthenticatedClient:
    """Who is at the other end of a connection, and until when."""

    def __init__(self, listener: KafkaListener, credentials: BrokerUsers, principal: str = ANONYMOUS) -> None:
        self._listener = listener
        self._credentials = credentials
        self._conversation: Conversation | None = None
        self.principal: str | None = None if listener.mechanisms else principal
        self.until: float | None = None
        """Unix seconds, when the session ends."""
        self.is_refused = False

    def may_ask(self, key: int, now: float) -> bool:
        """Whether a request of this API is allowed now; the connection is closed where it is not."""
        if key in {HANDSHAKE, AUTHENTICATE}:
            return bool(self._listener.mechanisms)
        if self.principal is None:
            return key == API_VERSIONS
        return self.until is None or now <= self.until

    def has_expired(self, now: float) -> bool:
        """Whether the login was good, and is over."""
        return self.until is not None and now > self.until

    def answer(self, request: KafkaRequest, now: float) -> Answer:
        """Answer one of the two APIs of SASL."""
        return self.handshake(request, now) if request.key == HANDSHAKE else self.authenticate(request, now)

    def handshake(self, request: KafkaRequest, now: float) -> Answer:
        """Answer SaslHandshake, API 17: versions 0 to 1.

        Special: a mechanism that the listener has not is refused with those that it has.
        Left out: bare tokens after version 0 (before KIP-152): the connection is closed.
        """
        mechanisms = list(self._listener.mechanisms)
        if request.body.mechanism not in mechanisms:
            self.is_refused = True
            return {"error_code": Code.UNSUPPORTED_SASL_MECHANISM, "mechanisms": mechanisms}
        self._conversation = begin(request.body.mechanism, self._credentials, now)
        return {"error_code": Code.NONE, "mechanisms": mechanisms}

    def authenticate(self, request: KafkaRequest, now: float) -> Answer:
        """Answer SaslAuthenticate, API 36: versions 0 to 2.

        Special: session lifetime 0 (the login does not end; 1, KIP-368).
        Left out: nothing.
        """
        talk = self._conversation
        if talk is None:
            self.is_refused = True
            why = "SaslAuthenticate request received before SaslHandshake."
            return {"error_code": Code.ILLEGAL_SASL_STATE, "error_message": why, "auth_bytes": b""}
        try:
            reply = talk.step(bytes(request.body.auth_bytes))
        except SaslError as refused:
            self.is_refused = True
            return {"error_code": Code.SASL_AUTHENTICATION_FAILED, "error_message": str(refused), "auth_bytes": b""}
        lifetime = 0.0
        if talk.principal is not None:
            self.principal = talk.principal
            lifetime = talk.lifetime_seconds or 0.0
            self.until = now + lifetime if lifetime else None
            self._conversation = None
        return {
            "error_code": Code.NONE,
            "error_message": None,
            "auth_bytes": reply,
            "session_lifetime_ms": int(lifetime * 1000),
        }
