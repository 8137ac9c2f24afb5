"""REST, as MSK's control plane speaks it: an operation is a method and a path."""

from typing import Any, Final

from streamwatch.reference.http import Asked

OPERATIONS: Final[dict[str, Any]] = {}


def route(asked: Asked) -> tuple[str, dict[str, Any]] | None:
    """Return the operation that a request asks for and what it gives, or None."""
    del asked
    return None
