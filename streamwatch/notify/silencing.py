"""Silences as Alertmanager's API has them: read from what is posted, written, and what they match."""

import difflib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeGuard

from streamwatch.core.times import rfc3339
from streamwatch.model.labels import Labels
from streamwatch.notify import silence_store
from streamwatch.notify.matchers import Matchers, fulfil, matchers, text_of
from streamwatch.notify.silence import Silence, number_of
from streamwatch.promql.match import LABEL

_OPERATORS: Final[Mapping[tuple[bool, bool], str]] = {
    (True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~",
}  # fmt: skip
"""By whether they want equality, and whether they are regular expressions."""
_MOST_TEXT: Final = 1024
_MOST_MATCHERS: Final = 50
_HALF: Final = re.compile("[\ud800-\udfff]")
_SAME_SECONDS: Final = 0.002
"""Instants in JSON have milliseconds."""
_MOST_VALUES: Final = 5
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""The last instant that can be written: what is later is meant for ever."""


class Unknown(Exception):
    """There is no silence of this id."""


@dataclass(frozen=True, slots=True)
class PostedSilence:
    """A silence as it was posted."""

    number: int | None
    """Of the silence that is changed; None for a new one."""
    matchers: tuple[str, ...]
    starts: float
    until: float
    by: str
    comment: str


def read(body: bytes, now: float) -> PostedSilence:
    """Read what was posted.

    Raises:
        ValueError: it is no silence.

    """
    try:
        posted = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(posted, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - whoever posts it gets one kind of error
    posted_matchers = posted.get("matchers")
    if not isinstance(posted_matchers, list) or not 0 < len(posted_matchers) <= _MOST_MATCHERS:
        raise ValueError(f"matchers: a list of 1 to {_MOST_MATCHERS} is wanted")
    conditions = tuple(condition(each) for each in posted_matchers)
    try:
        parsed = matchers(conditions)
    except ValueError as error:
        raise ValueError(f"matchers: {error}") from None
    if all(matcher.matches({}) for matcher in parsed):
        raise ValueError("matchers: all of them match labels that are not there: one must want a value")
    starts, until = _instant(posted, "startsAt"), _instant(posted, "endsAt")
    if until <= starts:
        raise ValueError("endsAt: it must be after startsAt")
    if until <= now:
        raise ValueError("endsAt: it cannot be in the past")
    number = None
    if posted.get("id"):
        number = number_of(str(posted["id"]))
        if number is None:
            raise Unknown(posted["id"])
    return PostedSilence(number, conditions, starts, until, _text(posted, "createdBy"), _text(posted, "comment"))


def write(connection: sqlite3.Connection, wanted: PostedSilence, now: float) -> Silence:
    """Write a silence, or change one, as Alertmanager does: what it silences is changed by another one after it.

    Raises:
        Unknown: there is none of that id.
        ValueError: very many hold already.

    """
    fresh = max(wanted.starts, now)
    if wanted.number is not None:
        old = existing(connection, wanted.number)
        state = old.state(now)
        same_start = abs(old.starts - wanted.starts) < _SAME_SECONDS or (state == "active" and wanted.starts <= now)
        if matchers(old.matchers) == matchers(wanted.matchers) and (
            (state == "active" and same_start) or (state == "pending" and wanted.starts >= now)
        ):
            starts = old.starts if state == "active" else fresh
            changed = replace(
                old, until=wanted.until, starts=starts, by=wanted.by, comment=wanted.comment, updated=_later(old, now)
            )
            silence_store.change(connection, changed)
            return changed
        end(connection, old.number, now)
    silence_store.make_room(connection, now)
    number = silence_store.add(connection, wanted.matchers, wanted.until, wanted.by, wanted.comment, fresh, now)
    return Silence(number, wanted.matchers, wanted.until, wanted.by, wanted.comment, fresh, now)


def existing(connection: sqlite3.Connection, number: int) -> Silence:
    """Return a silence.

    Raises:
        Unknown: there is none of that number.

    """
    silence = next((each for each in silence_store.ended_after(connection, 0.0) if each.number == number), None)
    if silence is None:
        raise Unknown(number)
    return silence


def end(connection: sqlite3.Connection, number: int, now: float) -> None:
    """End a silence now; one that is over stays so.

    Raises:
        Unknown: there is none of that number.

    """
    silence = existing(connection, number)
    if silence.state(now) != "expired":
        starts = min(silence.starts, now)
        silence_store.change(connection, replace(silence, until=now, starts=starts, updated=_later(silence, now)))


def _later(silence: Silence, now: float) -> float:
    """Return when it is changed: after it was, even where another agent did that, whose clock is ahead."""
    return max(now, silence.updated + 0.001)


def shown(silence: Silence, now: float) -> dict[str, Any]:
    """Return a silence in Alertmanager's shape."""
    return {
        "id": silence.id,
        "status": {"state": silence.state(now)},
        "updatedAt": rfc3339(silence.updated or silence.starts),
        "matchers": [
            {
                "name": each.name,
                "value": each.value,
                "isRegex": each.op in {"=~", "!~"},
                "isEqual": each.op in {"=", "=~"},
            }
            for each in silence.conditions
        ],
        "startsAt": rfc3339(silence.starts),
        "endsAt": rfc3339(silence.until),
        "createdBy": silence.by,
        "comment": silence.comment,
        "annotations": {},
    }


def warnings(conditions: Matchers, alerts: Iterable[Labels], known: Callable[[str], frozenset[str]]) -> list[str]:
    """Return why a silence may not be what was meant: it matches nothing that there is.

    Args:
        conditions: the silence's.
        alerts: labels of the alerts that are pending or fire.
        known: gives the values of a label, of rules, alerts and series.

    """
    if any(fulfil(conditions, labels) for labels in alerts):
        return []
    texts = []
    for each in conditions:
        values = known(each.name)
        if each.op in {"=", "=~"} and not any(each.matches({each.name: value}) for value in values):
            texts.append(f"nothing has {text_of(each)}: {_values(each.name, each.value, values)}")
    return texts or ["it matches no alert that is pending or fires now: it holds for those to come"]


def condition(posted: object) -> str:
    """Return a condition as it is written, of one in JSON.

    Raises:
        ValueError: it is none.

    """
    if not isinstance(posted, dict):
        raise ValueError("matchers: each is an object with name, value and isRegex")  # noqa: TRY004 - see read
    name, value = posted.get("name"), posted.get("value")
    if not isinstance(name, str) or not LABEL.fullmatch(name):
        raise ValueError(f"matchers: {str(name)[:80]!r} is no name of a label")
    if not _is_text(value):
        raise ValueError(f"matchers: {name}: its value is no text of up to {_MOST_TEXT} characters")
    flags = posted.get("isEqual", True), posted.get("isRegex", False)
    if not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"matchers: {name}: isEqual and isRegex are true or false")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}{_OPERATORS[flags]}"{quoted}"'


def _values(name: str, value: str, values: frozenset[str]) -> str:
    if not values:
        return f"no alert, rule or series has a label {name!r}"
    near = difflib.get_close_matches(value, values, 1)
    if near:
        return f"is {near[0]!r} meant?"
    shown = sorted(values)[:_MOST_VALUES]
    more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return f"there are {', '.join(map(repr, shown))}{more}"


def _instant(posted: Mapping[str, Any], name: str) -> float:
    try:
        instant = datetime.fromisoformat(posted[name])
        return min(_LAST, (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: an instant as in 2027-01-31T12:00:00Z is wanted") from None


def _text(posted: Mapping[str, Any], name: str) -> str:
    text = posted.get(name)
    if not _is_text(text):
        raise ValueError(f"{name}: a text of up to {_MOST_TEXT} characters is wanted")
    return text


def _is_text(posted: object) -> TypeGuard[str]:
    """Say whether something is a text that can be kept: JSON has halves of characters, which nothing else takes."""
    return isinstance(posted, str) and len(posted) <= _MOST_TEXT and not _HALF.search(posted)
