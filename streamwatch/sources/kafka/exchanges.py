"""kafka-python's SASL exchanges, for ``auth.py``: apart, since the library's clients come with them."""

from typing import Any

from kafka.net.sasl import SASL_MECHANISMS
from kafka.net.sasl.msk import AwsMskIamClient, SaslMechanismAwsMskIam
from kafka.net.sasl.oauth import AbstractTokenProvider

Exchange = Any
"""kafka-python's mechanisms have no types of their own."""


class _FileToken(AbstractTokenProvider):  # type: ignore[misc]
    """The bearer token in a file, as whatever renews it wrote it last."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def token(self) -> str:
        return self._text


class _MskIam(SaslMechanismAwsMskIam):  # type: ignore[misc]
    """kafka-python's exchange, signing with credentials that were looked up before."""

    def __init__(self, first_message: bytes) -> None:
        self._first_message = first_message
        self._is_done = False
        self._is_authenticated = False
        self._auth: str | None = None

    def auth_bytes(self) -> bytes:
        return self._first_message


def of_password(mechanism: str, username: str, password: str) -> Exchange:
    """Return an exchange of PLAIN or SCRAM."""
    return SASL_MECHANISMS[mechanism](
        sasl_mechanism=mechanism,
        sasl_plain_username=username,
        sasl_plain_password=password,
        # Known and chosen by whoever configured it: no warning on each connection.
        security_protocol="SASL_SSL",
    )


def of_token(text: str) -> Exchange:
    """Return an exchange that shows a bearer token."""
    return SASL_MECHANISMS["OAUTHBEARER"](sasl_oauth_token_provider=_FileToken(text))


def of_msk_iam(first_message: bytes) -> Exchange:
    """Return an exchange that shows what ``signed`` gave."""
    return _MskIam(first_message)


def signed(host: str, region: str, access_key: str, secret_key: str, token: str | None) -> bytes:
    """Return what AWS_MSK_IAM shows a host: a request that AWS's credentials signed."""
    client = AwsMskIamClient(host=host, access_key=access_key, secret_key=secret_key, region=region, token=token)
    return bytes(client.first_message())
