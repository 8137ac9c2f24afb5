"""``/api/v1/advise``: every advice as JSON (docs/advice.md)."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from streamwatch.advice.advice import ORDER, Advice, as_json
from streamwatch.http.message import Response

PATH: Final = "/api/v1/advise"
_MOST: Final = 5_000


def answered(advice: Sequence[Advice]) -> Response:
    """Return all advice, what is to be done first."""
    shown = sorted(advice, key=lambda each: (ORDER[each.state], each.subject, each.question))
    data = {"advice": [as_json(each) for each in shown[:_MOST]], "adviceLeftOut": max(0, len(shown) - _MOST)}
    content = json.dumps({"status": "success", "data": data}, separators=(",", ":"))
    return Response(HTTPStatus.OK, content.encode(), "application/json")
