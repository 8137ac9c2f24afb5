"""How a client gets into a cluster: the settings for kafka-python and for Kafka's own tools."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from kafka.net.sasl.oauth import AbstractTokenProvider

from tests.real.certificates import java_stores
from tests.real.spec import Spec, Trust

_MODULES: Final = "org.apache.kafka.common.security"
_CLASSES: Final = {"PLAIN": "plain.PlainLoginModule", "OAUTHBEARER": "oauthbearer.OAuthBearerLoginModule"}
_ISSUED: Final = 1_600_000_000
_EXPIRES: Final = 2_500_000_000


@dataclass(frozen=True, slots=True)
class Login:
    """Who wants in, and how."""

    user: str
    password: str
    mechanism: str


def unsecured_token(user: str, issued: int = _ISSUED, expires: int = _EXPIRES) -> str:
    """A JSON Web Token that nobody signed; a broker without a validator of its own takes it."""

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'sub': user, 'iat': issued, 'exp': expires})}."


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """Hands kafka-python an unsecured token."""

    def __init__(self, user: str) -> None:
        self._token = unsecured_token(user)

    def token(self) -> str:
        return self._token


def python_settings(spec: Spec, trust: Trust | None, login: Login) -> dict[str, Any]:
    """The keyword arguments of kafka-python's clients, without the bootstrap servers."""
    settings: dict[str, Any] = {"security_protocol": spec.security}
    if trust:
        settings["ssl_cafile"] = str(trust.authority)
    if trust and spec.mtls:
        settings |= {"ssl_certfile": str(trust.client.certificate), "ssl_keyfile": str(trust.client.key)}
    if spec.sasl:
        settings["sasl_mechanism"] = login.mechanism
        settings |= (
            {"sasl_oauth_token_provider": TokenProvider(login.user)}
            if login.mechanism == "OAUTHBEARER"
            else {"sasl_plain_username": login.user, "sasl_plain_password": login.password}
        )
    return settings


def tool_settings(spec: Spec, trust: Trust | None, login: Login) -> dict[str, str]:
    """The same as the properties of a Java client."""
    settings = {"security.protocol": spec.security}
    if trust:
        settings |= java_stores(trust.authority, trust.client if spec.mtls else None)
    if spec.sasl:
        settings |= {"sasl.mechanism": login.mechanism, "sasl.jaas.config": _client_jaas(login)}
    return settings


def _client_jaas(login: Login) -> str:
    module = f"{_MODULES}.{_CLASSES.get(login.mechanism, 'scram.ScramLoginModule')} required"
    if login.mechanism == "OAUTHBEARER":
        return f'{module} unsecuredLoginStringClaim_sub="{login.user}";'
    return f'{module} username="{login.user}" password="{login.password}";'
