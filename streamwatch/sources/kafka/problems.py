"""From errors to problems: what a read could not learn, and why, in the words of the snapshot."""

from streamwatch.errors import SourceDenied, SourceError, SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.model.snapshot import Problem, Reason, Scope
from streamwatch.sources.kafka import codes


class OverBudget(SourceError):
    """This read may send no more requests."""


def problem(scope: Scope, error: SourceError, detail: str, count: int = 1) -> Problem:
    """Return the problem that an error makes."""
    return Problem(scope, _reason(error), detail, count)


def refusal(scope: Scope, code: int, detail: str, count: int = 1) -> Problem:
    """Return the problem that one of Kafka's error codes makes."""
    reason: Reason = "error"
    if code in codes.DENIED:
        reason = "denied"
    elif code in codes.MOVED_PARTITION | codes.MOVED_GROUP:
        reason = "moved"
    return Problem(scope, reason, f"{detail}: {codes.explain(code)}", count)


def _reason(error: SourceError) -> Reason:
    if isinstance(error, SourceDenied):
        return "denied"
    if isinstance(error, SourceThrottled):
        return "throttled"
    if isinstance(error, SourceMisread):
        return "misread"
    if isinstance(error, SourceUnavailable):
        return "timeout" if "no answer" in str(error) or "deadline" in str(error) else "unreachable"
    return "budget"
