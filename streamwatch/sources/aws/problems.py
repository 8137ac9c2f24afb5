"""From errors to problems, in the words of a snapshot."""

from streamwatch.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.model.snapshot import Problem, Reason, Scope


def problem(scope: Scope, error: SourceError, detail: str, count: int = 1) -> Problem:
    """Return the problem that an error makes."""
    return Problem(scope, _reason(error), detail, count)


def _reason(error: SourceError) -> Reason:
    if isinstance(error, SourceDenied):
        return "denied"
    if isinstance(error, SourceThrottled):
        return "throttled"
    if isinstance(error, SourceMisread):
        return "misread"
    if isinstance(error, SourceUnavailable):
        return "timeout" if "no answer" in str(error) else "unreachable"
    return "error"
