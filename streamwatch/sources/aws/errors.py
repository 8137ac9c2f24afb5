"""From botocore's errors to ours: what happened, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore import exceptions as b
from botocore.parsers import ResponseParserError

from streamwatch.core.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable

_DENIED: Final = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError",
        "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
        "ExpiredToken", "ExpiredTokenException", "MissingAuthenticationTokenException", "MissingAuthenticationToken",
        "IncompleteSignature", "OptInRequired", "ForbiddenException", "UnauthorizedException",
        "KMSAccessDeniedException", "InvalidAccessKeyId", "UnrecognizedClient", "RequestExpired", "AuthFailure",
        "RequestTimeTooSkewed", "InvalidToken",
    }
)  # fmt: skip
_STALE: Final = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClient",
        "UnrecognizedClientException", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException",
        "InvalidAccessKeyId", "AuthFailure", "RequestTimeTooSkewed", "InvalidToken",
        "MissingAuthenticationToken", "MissingAuthenticationTokenException",
    }
)  # fmt: skip
"""Refusals of the credentials themselves, and not of what they may do: other ones may be taken."""
_THROTTLED: Final = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "LimitExceededException",
        "ActiveStatementsExceededException", "ActiveSessionsExceededException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestThrottled", "SlowDown",
    }
)  # fmt: skip
_UNANSWERED: Final = frozenset(
    {"InternalFailure", "InternalFailureException", "ServiceUnavailable", "InternalError", "InternalServerError"}
)
_SPOILT: Final = (
    ResponseParserError, b.ParamValidationError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
)  # fmt: skip
"""What is raised where an answer that lacks something, or has something else, is taken apart."""


class NotThere(SourceError):
    """What was asked about does not exist, or not any more."""


class NotInTurn(SourceUnavailable):
    """Its turn, at the rate that is kept, would have come after the deadline: it was not asked."""


class NoCredentials(SourceDenied):
    """There are no credentials to call with, or AWS does not know them (any more)."""


def is_stale(error: Exception) -> bool:
    """Return whether AWS refused the credentials themselves, so that other ones may be taken."""
    return isinstance(error, b.ClientError) and str(error.response.get("Error", {}).get("Code", "")) in _STALE


def refusal(error: b.ClientError) -> str:
    """Return what AWS answered: the code, and its message; of a wrong signature's, not the request with its token."""
    fields = error.response.get("Error", {})
    return f"{fields.get('Code')}: {str(fields.get('Message', '')).partition(chr(10))[0]}"


def understood(error: Exception, what: str) -> SourceError:
    """Return our error for one of botocore's; ``what`` is the operation and its region."""
    if isinstance(error, NoCredentials):
        return NoCredentials(f"{what}: {error}")
    if isinstance(error, b.ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        return _answered(code, f"{what}: {refusal(error)}")
    if isinstance(error, b.NoCredentialsError | b.CredentialRetrievalError | b.ProfileNotFound | b.ConfigParseError):
        return NoCredentials(f"{what}: no credentials: {error}: check `access` and the AWS configuration files")
    if isinstance(error, b.ReadTimeoutError | b.ConnectTimeoutError):
        return SourceUnavailable(f"{what}: no answer in time: {error}")
    if isinstance(error, _SPOILT):
        return SourceMisread(f"{what}: the answer is not what the API promises: {type(error).__name__}: {error}")
    return SourceUnavailable(f"{what}: {error}")


@contextmanager
def taken_apart(what: str) -> Iterator[None]:
    """Answers are taken apart here: a field that one lacks, or that is something else, is a misread answer."""
    try:
        yield
    except _SPOILT as error:
        raise understood(error, what) from error


def _answered(code: str, detail: str) -> SourceError:
    if code in _STALE:
        return NoCredentials(detail)
    if code in _DENIED:
        return SourceDenied(detail)
    if code in _THROTTLED:
        return SourceThrottled(detail)
    if code in _UNANSWERED or code.startswith("5"):
        return SourceUnavailable(detail)
    if code in {"ResourceNotFoundException", "NotFoundException"}:
        return NotThere(detail)
    return SourceMisread(detail) if not code else SourceError(detail)
