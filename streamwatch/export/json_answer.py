"""Answers of the API as JSON, in the form of Prometheus's own: ``status``, and ``data`` or ``error``."""

import json
from http import HTTPStatus

from streamwatch.http.message import Response


def success(data: object) -> Response:
    """Return an answer that has what was asked for."""
    return _json(HTTPStatus.OK, {"status": "success", "data": data})


def bad_data(error: object) -> Response:
    """Return that a request is not understood."""
    return _json(HTTPStatus.BAD_REQUEST, {"status": "error", "errorType": "bad_data", "error": str(error)})


def _json(status: HTTPStatus, content: object) -> Response:
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), "application/json")
