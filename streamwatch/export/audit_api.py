"""``/api/v1/audit``: what is set so that something will go wrong (docs/audit.md)."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.export.json_answer import bad_data, success
from streamwatch.http.message import Request, Response

PATH: Final = "/api/v1/audit"


def answered(request: Request, audit: Callable[[], dict[str, Any]]) -> Response:
    """Answer a request, whatever its method is that reads."""
    if request.query:
        return bad_data("there are no parameters: the answer has everything")
    return success(audit())
