"""``/api/v1/advise``: every advice as JSON (docs/advice.md)."""

from collections.abc import Sequence
from typing import Final

from streamwatch.advice.advice import ORDER, Advice, as_json
from streamwatch.export.json_answer import success
from streamwatch.http.message import Response

PATH: Final = "/api/v1/advise"
_MOST: Final = 5_000


def answered(advice: Sequence[Advice]) -> Response:
    """Return all advice, what is to be done first."""
    shown = sorted(advice, key=lambda each: (ORDER[each.state], each.subject, each.question))
    data = {"advice": [as_json(each) for each in shown[:_MOST]], "adviceLeftOut": max(0, len(shown) - _MOST)}
    return success(data)
