"""Why an attempt through a stream failed, and whether AWS's SDKs would try again."""

from typing import Final

from streamwatch.core.errors import SourceDenied, SourceError, SourceThrottled, SourceUnavailable
from streamwatch.model.probe import Cause
from streamwatch.probe.causes import Failed
from streamwatch.sources.aws.errors import NotInTurn, NotThere

_BY_NAME: Final[dict[str, Cause]] = {
    "ReadTimeoutError": "timeout",
    "ConnectTimeoutError": "timeout",
    "EndpointConnectionError": "refused",
    "ProxyConnectionError": "refused",
    "SSLError": "refused",
    "ConnectionClosedError": "connection_lost",
    "HTTPClientError": "connection_lost",
}
"""By the name of botocore's exception: its classes are known where it is called only."""
_BY_KIND: Final[dict[type[SourceError], Cause]] = {
    NotThere: "stream_missing",
    SourceThrottled: "throttled",
    SourceDenied: "auth",
    NotInTurn: "timeout",
    SourceUnavailable: "unavailable",
}
"""By our own, the narrower ones first."""
_KMS: Final = "KMS"
"""What the codes of errors begin with that AWS KMS has caused."""


def code_of(error: SourceError) -> str:
    """Return AWS's own code of an error; empty where AWS did not answer."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def cause_of(error: SourceError) -> Cause:
    """Return the cause that an error stands for."""
    by_name: Cause | None = _BY_NAME.get(type(error.__cause__).__name__)
    if by_name is None and code_of(error).startswith(_KMS):
        return "kms"
    if by_name is not None:
        return by_name
    return next((cause for kind, cause in _BY_KIND.items() if isinstance(error, kind)), "other")


def failed(error: SourceError) -> Failed:
    """Return the failure that an error of a call is."""
    return Failed(cause_of(error))
