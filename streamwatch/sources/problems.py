"""From errors to problems: what a read could not learn, and why, in the words of a snapshot."""

from streamwatch.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.model.snapshot import Problem, Reason, Scope


def problem(scope: Scope, error: SourceError, detail: str, count: int = 1) -> Problem:
    """Return the problem that an error makes."""
    return Problem(scope, reason_of(error), detail, count)


def reason_of(error: SourceError) -> Reason:
    """Return the reason that an error is."""
    if isinstance(error, SourceDenied):
        return "denied"
    if isinstance(error, SourceThrottled):
        return "throttled"
    if isinstance(error, SourceMisread):
        return "misread"
    if isinstance(error, SourceUnavailable):
        return "timeout" if "no answer" in str(error) or "deadline" in str(error) else "unreachable"
    return "error"
