"""``/api/v1/events``: what changed, as JSON, page by page. Grafana reads it as annotations (docs/events.md)."""

import re
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from streamwatch.core.times import rfc3339
from streamwatch.core.words import listed
from streamwatch.export.json_answer import bad_data, success
from streamwatch.http.message import Request, Response
from streamwatch.journal.journal import OWN
from streamwatch.journal.kinds import KINDS
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry

PATH: Final = "/api/v1/events"
_LIMIT: Final = 100
_MOST: Final = 1000
_MILLISECONDS: Final = 1e11
"""A number above is in milliseconds, as Grafana's are."""
_MOST_VALUES: Final = 50
_KINDS: Final = {part for kind in KINDS for part in (kind, kind.partition(".")[0])}
_NUMBER: Final = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)


class EventsApi:
    """Answers. May be called from any thread."""

    def __init__(
        self, changes: Callable[[Question], list[JournalEntry]], sources: Callable[[], Collection[str]]
    ) -> None:
        """Begin.

        Args:
            changes: returns the changes that are asked for.
            sources: returns the names of those that there are now.

        """
        self._changes, self._sources = changes, sources

    def answer(self, request: Request) -> Response:
        """Answer a request, whatever its method is that reads."""
        try:
            question = question_of(request.query)
            self._look_for_sources(question.sources)
        except ValueError as error:
            return bad_data(error)
        found = self._changes(question)
        data: dict[str, Any] = {"events": [shown(change) for change in found]}
        if len(found) == question.limit:
            data["next"] = f"{found[-1].at!r}:{found[-1].number}"
        return success(data)

    def _look_for_sources(self, wanted: Iterable[str]) -> None:
        """Refuse a source that is neither watched nor in the journal: one that was watched has its changes still.

        Raises:
            ValueError: there is one.

        """
        there = {*self._sources(), OWN}
        for name in sorted(set(wanted) - there):
            if not self._changes(Question(sources=(name,), limit=1)):
                shown = listed(sorted(there))
                raise ValueError(f"source: {name[:80]!r}: none of this name is watched, or was: there are {shown}")


def question_of(query: str) -> Question:
    """Read the parameters of a request.

    Raises:
        ValueError: one of them is not understood.

    """
    params = parse_qs(query, max_num_fields=_MOST_VALUES)
    unknown = params.keys() - {"since", "until", "source", "kind", "limit", "after"}
    if unknown:
        raise ValueError(f"{min(unknown)!r}: is no parameter: there are since, until, source, kind, limit and after")
    last = {name: values[-1] for name, values in params.items()}
    found = Question(
        since=_instant("since", last["since"]) if "since" in last else 0.0,
        until=_instant("until", last["until"]) if "until" in last else float("inf"),
        sources=tuple(params.get("source", ())),
        kinds=tuple(params.get("kind", ())),
        limit=_limit(last.get("limit", str(_LIMIT))),
        below=_place(last["after"]) if "after" in last else None,
    )
    if found.until < found.since:
        raise ValueError(f"until: {last['until'][:80]!r} is before since: give the earlier one as since")
    if unknown := set(found.kinds) - _KINDS:
        groups = ", ".join(sorted({kind.partition(".")[0] for kind in KINDS}))
        raise ValueError(f"kind: {min(unknown)[:80]!r}: there are {groups}, and kinds such as topic.created")
    return found


def shown(change: JournalEntry) -> dict[str, Any]:
    """Return a change as JSON has it."""
    return {
        "id": change.number,
        "time": rfc3339(change.at),
        "timeEnd": rfc3339(change.until),
        "since": rfc3339(change.since),
        "source": change.source,
        "kind": change.kind,
        "subject": change.subject,
        "text": change.sentence,
        "before": change.before,
        "after": change.after,
        "count": change.count,
    }


def _instant(name: str, text: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text) / 1000 if float(text) >= _MILLISECONDS else float(text)
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: {text[:80]!r}: seconds since 1970 are wanted, or 2027-01-31T12:00:00Z") from None


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or "." in text or not 1 <= int(text) <= _MOST:
        raise ValueError(f"limit: {text[:80]!r}: a number from 1 to {_MOST} is wanted")
    return int(text)


def _place(text: str) -> tuple[float, int]:
    at, _, number = text.partition(":")
    try:
        return float(at), int(number)
    except ValueError:
        raise ValueError(f"after: {text[:80]!r}: what the page before gave as `next` is wanted") from None
