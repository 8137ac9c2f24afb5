"""From botocore's errors to ours: what happened, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore import exceptions as b
from botocore.parsers import ResponseParserError

from streamwatch.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable

_DENIED: Final = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError",
        "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
        "ExpiredToken", "ExpiredTokenException", "MissingAuthenticationTokenException", "MissingAuthenticationToken",
        "IncompleteSignature", "OptInRequired", "ForbiddenException", "UnauthorizedException",
        "KMSAccessDeniedException", "InvalidAccessKeyId",
    }
)  # fmt: skip
_THROTTLED: Final = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "LimitExceededException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestThrottled", "SlowDown",
    }
)  # fmt: skip
_UNANSWERED: Final = frozenset({"InternalFailure", "InternalFailureException", "ServiceUnavailable", "InternalError"})
_SPOILT: Final = (ResponseParserError, b.ParamValidationError, ValueError, KeyError, TypeError, AttributeError)
"""What is raised where an answer that lacks something, or has something else, is taken apart."""


class NotThere(SourceError):
    """What was asked about does not exist, or not any more."""


def understood(error: Exception, what: str) -> SourceError:
    """Return our error for one of botocore's; ``what`` is the operation and its region."""
    if isinstance(error, b.ClientError):
        told = error.response.get("Error", {})
        return _answered(str(told.get("Code", "")), f"{what}: {told.get('Code')}: {told.get('Message', '')}")
    if isinstance(error, b.NoCredentialsError | b.PartialCredentialsError | b.CredentialRetrievalError):
        why = f"{what}: {error}: give the agent a role, a profile, or an access key (`access` in the configuration)"
        return SourceDenied(why)
    if isinstance(error, b.ProfileNotFound | b.ConfigParseError):
        return SourceDenied(f"{what}: {error}: check `access.profile` and the AWS configuration files")
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
    if code in _DENIED:
        return SourceDenied(detail)
    if code in _THROTTLED:
        return SourceThrottled(detail)
    if code in _UNANSWERED or code.startswith("5"):
        return SourceUnavailable(detail)
    if code in {"ResourceNotFoundException", "NotFoundException"}:
        return NotThere(detail)
    return SourceMisread(detail) if not code else SourceError(detail)
