"""What an agent says to its peers: what fires, what was notified, silences, and whether it notifies."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.core.times import is_instant
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification, from_text, to_text
from streamwatch.notify.silence import Silence

PATH: Final = "/api/v1/peer"
MOST_BYTES: Final = 16 * 2**20
"""Of a document; who reads it reads no more."""
MOST_ALERTS: Final = 2000
"""Of those that fire, and of those that are pending."""
_MOST_SILENCES: Final = 2000
_MOST_NOTIFIED: Final = 5000
_MOST_TEXT: Final = 8 * 2**20
"""Bytes of what was notified, the latest first."""
_MOST_NAME: Final = 253
_MOST_NUMBER: Final = 2**63
"""SQLite keeps no larger one."""


@dataclass(frozen=True, slots=True)
class Notified:
    """What one integration was notified of about one group. Instants are seconds since 1970, of whoever says it."""

    target: str
    key: str
    delivered: frozenset[str] | None
    """Fingerprints that fire in the last notification that was delivered; None: none was, or it is not known."""
    at: float
    maybe: bool
    """Whether another notification may have been taken."""
    content: str
    """The notification, as text; empty where the group is over, and forgotten."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is in every answer."""

    name: str
    process: str
    now: float
    """Its wall clock: instants in the body count from it."""
    notifies: bool
    holds: bool
    term: int
    is_well: bool
    """Whether it decides alerts."""
    is_troubled: bool
    """Whether it could not deliver, of late."""
    digest: str
    """Of the body."""


@dataclass(frozen=True, slots=True)
class Body:
    """What changes with decisions, deliveries and silences alone."""

    alerts: tuple[Alert, ...] = ()
    """Those that fire."""
    pending: frozenset[str] = frozenset()
    """Fingerprints of those that are pending; none where the peer is of a version that does not say."""
    notified: tuple[Notified, ...] = ()
    silences: tuple[Silence, ...] = ()


def body_text(
    alerts: Sequence[Alert], pending: Sequence[str], notified: Sequence[Notified], silences: Sequence[Silence]
) -> str:
    """Return a body as JSON, within its bounds; of what was notified, the latest."""
    rows, left = [], _MOST_TEXT
    for one in sorted(notified, key=lambda each: -each.at)[:_MOST_NOTIFIED]:
        left -= len(one.content)
        if left < 0:
            break
        delivered = None if one.delivered is None else sorted(one.delivered)
        at = None if math.isinf(one.at) else one.at
        rows.append([one.target, one.key, delivered, at, one.maybe, one.content])
    return json.dumps(
        {
            "alerts": to_text(Notification("", Labels(), "firing", tuple(alerts[:MOST_ALERTS]), 0.0)),
            "pending": list(pending[:MOST_ALERTS]),
            "notified": rows,
            "silences": [
                [each.number, each.matchers, each.until, each.by, each.comment, each.starts, each.updated]
                for each in sorted(silences, key=lambda each: -each.updated)[:_MOST_SILENCES]
            ],
        }
    )


def digest(text: str) -> str:
    """Return what identifies a body."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def document(head: Head, body: str) -> bytes:
    """Return what is sent; an empty body is left out: whoever asked has it already."""
    fields = {name: getattr(head, name) for name in Head.__slots__}
    return json.dumps({"head": fields, **({"body": body} if body else {})}).encode()


def read(text: bytes) -> tuple[Head, Body | None]:
    """Read what a peer said; None where it left the body out.

    Raises:
        ValueError: it is no such document.

    """
    try:
        said = json.loads(text)
        head = Head(**said["head"])
        if not all(isinstance(value, str) for value in (head.name, head.process, head.digest)) or not is_instant(
            head.now
        ):
            raise ValueError("its head is none")  # noqa: TRY301 - one way out
        if not 0 < len(head.name) <= _MOST_NAME:
            raise ValueError("its name is none")  # noqa: TRY301 - one way out
        return head, _body(json.loads(said["body"])) if "body" in said else None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no document of a peer: {error}") from error


def _body(said: Any) -> Body:  # noqa: ANN401 - JSON
    return Body(
        from_text(said["alerts"]).alerts,
        frozenset(map(str, said.get("pending", ()))),
        tuple(map(_notified, said["notified"])),
        tuple(_silence(each) for each in said["silences"]),
    )


def _notified(row: Any) -> Notified:  # noqa: ANN401 - JSON
    target, key, delivered, at, maybe, content = row
    if not isinstance(target, str) or not isinstance(key, str) or (at is not None and not is_instant(at)):
        raise ValueError("a row of what was notified is none")
    if not isinstance(content, str):
        raise ValueError("what was notified is no text")  # noqa: TRY004 - one kind of error
    if content:
        from_text(content)
    known = None if delivered is None else frozenset(map(_kept, delivered))
    when = -math.inf if at is None else at
    return Notified(_kept(target), _kept(key), known, when, bool(maybe), _kept(content))


def _silence(row: Any) -> Silence:  # noqa: ANN401 - JSON
    number, matchers, until, by, comment, starts, updated = row
    is_number = isinstance(number, int) and 0 <= number < _MOST_NUMBER
    if not is_number or not all(map(is_instant, (until, starts, updated))):
        raise ValueError("a silence is none")
    return Silence(number, tuple(map(_kept, matchers)), until, _kept(by), _kept(comment), starts, updated)


def _kept(said: object) -> str:
    """Return a text as the state file can keep it: JSON has halves of characters, which nothing else takes."""
    return str(said).encode("utf-8", "replace").decode()
