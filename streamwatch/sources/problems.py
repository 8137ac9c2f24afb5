"""From errors to problems: what a read could not learn, and why, in the words of a snapshot."""

from typing import Final

from streamwatch.core.errors import (
    SourceDenied,
    SourceError,
    SourceForeign,
    SourceMisread,
    SourceThrottled,
    SourceUnavailable,
    SourceUnsupported,
)
from streamwatch.model.snapshot import Problem, Reason, Scope

_REASONS: Final[dict[type[SourceError], Reason]] = {
    SourceDenied: "denied",
    SourceThrottled: "throttled",
    SourceMisread: "misread",
    SourceForeign: "foreign",
    SourceUnsupported: "unsupported",
}


def problem(scope: Scope, error: SourceError, detail: str, count: int = 1) -> Problem:
    """Return the problem that an error makes."""
    return Problem(scope, reason_of(error), detail, count)


def reason_of(error: SourceError) -> Reason:
    """Return the reason that an error is."""
    if isinstance(error, SourceUnavailable):
        return "timeout" if "no answer" in str(error) or "deadline" in str(error) else "unreachable"
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "error")
