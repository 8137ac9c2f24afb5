"""``/api/v1/audit``: what is set so that something will go wrong (docs/audit.md)."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from streamwatch.http.message import Request, Response

PATH: Final = "/api/v1/audit"


def answered(request: Request, audit: Callable[[], dict[str, Any]]) -> Response:
    """Answer a request, whatever its method is that reads."""
    if request.query:
        error = "there are no parameters: the answer has everything"
        return _json(HTTPStatus.BAD_REQUEST, {"status": "error", "errorType": "bad_data", "error": error})
    return _json(HTTPStatus.OK, {"status": "success", "data": audit()})


def _json(status: HTTPStatus, content: object) -> Response:
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), "application/json")
