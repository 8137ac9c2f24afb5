"""From errors to problems: what a read could not learn, and why, in the words of the snapshot."""

from streamwatch.core.errors import SourceError
from streamwatch.model.snapshot import Problem, Reason, Scope
from streamwatch.sources.kafka import codes
from streamwatch.sources.problems import reason_of


class OverBudget(SourceError):
    """This read may send no more requests."""


def problem(scope: Scope, error: SourceError, detail: str, count: int = 1) -> Problem:
    """Return the problem that an error makes."""
    reason: Reason = "budget" if isinstance(error, OverBudget) else reason_of(error)
    return Problem(scope, reason, detail, count)


def refusal(scope: Scope, code: int, detail: str, count: int = 1) -> Problem:
    """Return the problem that one of Kafka's error codes makes."""
    reason: Reason = "error"
    if code in codes.DENIED:
        reason = "denied"
    elif code == codes.UNSUPPORTED_VERSION:
        reason = "unsupported"
    elif code in codes.MOVED_PARTITION | codes.MOVED_GROUP:
        reason = "moved"
    return Problem(scope, reason, f"{detail}: {codes.explain(code)}", count)
