"""``/api/v1/may-restart``: what is asked, and the answer as JSON (docs/restarts.md)."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from streamwatch.collectors.outlook.verdict import Verdict
from streamwatch.core.times import rfc3339
from streamwatch.export.json_answer import success
from streamwatch.http.message import Response

PATH: Final = "/api/v1/may-restart"
_NAMES: Final = ("cluster", "broker", "reader", "margin", "after")
_MOST_VALUES: Final = 20
_WHOLE: Final = re.compile(r"\d{1,10}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartQuestion:
    """Which broker, or which reader; one of the two is None."""

    cluster: str | None
    """None where any may be meant."""
    broker: int | None
    reader: str | None
    margin: int
    after: float


def question_of(query: str) -> RestartQuestion:
    """Read the parameters of a request.

    Raises:
        ValueError: one of them is not understood.

    """
    params = parse_qs(query, max_num_fields=_MOST_VALUES)
    unknown = params.keys() - set(_NAMES)
    if unknown:
        raise ValueError(f"{min(unknown)!r}: is no parameter: there are {', '.join(_NAMES)}")
    twice = sorted(name for name, values in params.items() if len(values) > 1)
    if twice:
        raise ValueError(f"{twice[0]}: is there several times: ask about one at a time")
    only = {name: values[0] for name, values in params.items()}
    if ("broker" in only) == ("reader" in only):
        raise ValueError("either broker or reader is wanted")
    return RestartQuestion(
        cluster=only.get("cluster"),
        broker=_whole("broker", only["broker"]) if "broker" in only else None,
        reader=only.get("reader"),
        margin=_whole("margin", only.get("margin", "1")),
        after=_instant(only.get("after", "0")),
    )


def answered(verdict: Verdict, now: float) -> Response:
    """Return an answer as JSON has it."""
    data: dict[str, Any] = {
        "may": verdict.may,
        "subject": verdict.subject,
        "askedAt": now,
        "readAt": None if verdict.read_at is None else rfc3339(verdict.read_at),
        "count": verdict.count,
        "objections": [
            {
                "kind": one.kind,
                "unknown": one.is_unknown,
                "topic": one.topic,
                "partition": one.partition,
                "text": one.text,
                "count": one.count,
            }
            for one in verdict.objections
        ],
    }
    return success(data)


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{name}: {text[:80]!r}: a whole number is wanted")
    return int(text)


def _instant(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"after: {text[:80]!r}: seconds since 1970 are wanted")
    return float(text)
