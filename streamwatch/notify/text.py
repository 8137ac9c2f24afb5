"""What people read: title and text of a notification, within the service's limits."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import gotpl

from streamwatch.model.alert import Alert
from streamwatch.model.notification import Notification
from streamwatch.model.settings import setting

_ELLIPSIS: Final = "…"
_JOINER: Final = "\u200d"
_MOST_LINES: Final = 10
MOST_ANNOTATION: Final = 4000
_BEFORE_SECONDS: Final = 3600
_AFTER_SECONDS: Final = 900
_BUDGET: Final = gotpl.ExecutionBudget(max_output_chars=65_536, max_iterations=10_000, max_function_calls=10_000)
_FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "toUpper": str.upper,
    "toLower": str.lower,
    "join": lambda separator, some: separator.join(some),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What messages point to."""

    runbooks: str | None = setting(
        "where runbooks are, put before an alert's `runbook_url` that is a path; by default the agent", default=None
    )
    dashboard: str | None = setting(
        "a dashboard's address; `from` and `to` around the incident and `var-…` of its labels are added", default=None
    )

    def runbook(self, notification: Notification) -> str:
        """Return the address of the first alert's runbook; empty where it has none."""
        for one in notification.alerts:
            told = dict(one.annotations)
            found = told.get("runbook_url") or told.get("runbook") or ""
            if found:
                bare = "://" in found or self.runbooks is None
                return found if bare else f"{(self.runbooks or '').rstrip('/')}/{found.lstrip('/')}"
        return ""

    def shown(self, notification: Notification) -> str:
        """Return the dashboard's address, at the time of the incident; empty where there is none."""
        if self.dashboard is None:
            return ""
        began = min((one.active_at for one in notification.alerts), default=notification.at)
        ended = max((one.resolved_at or 0.0 for one in notification.alerts), default=0.0)
        until = "now" if notification.status == "firing" else str(round((ended + _AFTER_SECONDS) * 1000))
        told = [("from", str(round((began - _BEFORE_SECONDS) * 1000))), ("to", until)]
        told += [(f"var-{name}", value) for name, value in notification.group.pairs if name != "alertname"]
        return f"{self.dashboard}{'&' if '?' in self.dashboard else '?'}{urlencode(told, quote_via=quote)}"


class Writer:
    """Writes titles and texts, by templates of the user's where there are some."""

    def __init__(self, links: Links, title: str | None = None, text: str | None = None) -> None:
        """Read the templates.

        Raises:
            ValueError: one is none.

        """
        self.links = links
        self._title, self._text = template("title", title), template("text", text)

    def title(self, told: Notification, most: int) -> str:
        """Return one line of so many characters at most."""
        line = _title(told) if self._title is None else _rendered(self._title, told, self.links)
        mark = "[TEST] " if told.is_test else ""
        return truncated(" ".join(f"{mark}{line}".split()), most)

    def text(self, told: Notification, most: int) -> str:
        """Return lines of so many characters at most."""
        return truncated(
            _text(told, self.links) if self._text is None else _rendered(self._text, told, self.links), most
        )


def template(field: str, text: str | None) -> gotpl.Template | None:
    """Read a template.

    Raises:
        ValueError: it is none.

    """
    if text is None:
        return None
    try:
        return gotpl.Template(text, name=field, functions=_FUNCTIONS, missing_key="zero", budget=_BUDGET)
    except gotpl.TemplateError as error:
        raise ValueError(f"{field}: not a template: {error}") from error


def truncated(text: str, most: int) -> str:
    """Return at most so many characters of a text; where some are cut off, whole ones, and an ellipsis shows it."""
    return text if len(text) <= most else text[: _whole(text, most - 1)].rstrip() + _ELLIPSIS


def truncated_bytes(text: str, most: int) -> str:
    """Return at most so many bytes (UTF-8) of a text, whole characters only."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    kept = raw[: max(0, most - len(_ELLIPSIS.encode()))].decode("utf-8", "ignore")
    return kept[: _whole(text, len(kept))].rstrip() + _ELLIPSIS


def _whole(text: str, at: int) -> int:
    """Return where to cut at the latest, so that no accent or joined sign is torn off what it belongs to."""
    at = max(0, at)
    while 0 < at < len(text) and (
        unicodedata.combining(text[at]) or text[at] == _JOINER or text[at - 1] == _JOINER or _varies(text[at])
    ):
        at -= 1
    return at


def _varies(sign: str) -> bool:
    """Say whether a sign only changes the look of the one before: a variation selector, or a tone of skin."""
    return 0xFE00 <= ord(sign) <= 0xFE0F or 0x1F3FB <= ord(sign) <= 0x1F3FF  # noqa: PLR2004 - Unicode's


def annotations(alert: Alert) -> dict[str, str]:
    """Return an alert's annotations, none of them endless."""
    return {name: truncated(value, MOST_ANNOTATION) for name, value in alert.annotations}


def summary(alert: Alert) -> str:
    """Return one alert in a line."""
    told = dict(alert.annotations)
    return told.get("summary") or f"{alert.name} {alert.labels.without(['alertname', 'severity', 'job', 'instance'])}"


def instant(at: float) -> str:
    """Return a time as RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _title(told: Notification) -> str:
    more = len(told.alerts) + told.left_out - 1
    line = summary(told.alerts[0]) if told.alerts else told.name
    return f"{'RESOLVED: ' if told.status == 'resolved' else ''}{line}{f' (and {more} more)' if more > 0 else ''}"


def _text(told: Notification, links: Links) -> str:
    lines = []
    for one in told.alerts[:_MOST_LINES]:
        ended = one.state == "inactive" and told.status == "firing"
        lines.append(f"{'resolved: ' if ended else ''}{summary(one)}")
    more = len(told.alerts) + told.left_out - _MOST_LINES
    if more > 0:
        lines.append(f"and {more} more")
    for one in told.alerts[:1]:
        if description := dict(one.annotations).get("description"):
            lines.append(description)
        lines.append(f"{told.name}, severity {told.severity or 'not given'}, since {instant(one.active_at)}")
    lines += [f"{what}: {where}" for what, where in told_links(told, links).items()]
    return "\n".join(lines)


def told_links(told: Notification, links: Links) -> dict[str, str]:
    """Return what a message points to, by name."""
    found = {"Runbook": links.runbook(told), "Dashboard": links.shown(told)}
    return {what: where for what, where in found.items() if where}


def data(told: Notification, links: Links) -> dict[str, Any]:
    """Return what a template may use: as Alertmanager's, and ``Runbook`` and ``Dashboard``."""
    return {
        "Status": told.status,
        "GroupLabels": _map(dict(told.group)),
        "CommonLabels": _map(dict(told.common_labels)),
        "CommonAnnotations": _map(told.common_annotations),
        "Alerts": [
            {
                "Status": "resolved" if one.state == "inactive" else "firing",
                "Labels": _map(dict(one.labels)),
                "Annotations": _map(dict(one.annotations)),
                "StartsAt": instant(one.fired_at or one.active_at),
                "EndsAt": instant(one.resolved_at or 0.0),
                "Fingerprint": one.fingerprint,
            }
            for one in told.alerts
        ],
        "TruncatedAlerts": told.left_out,
        "Runbook": links.runbook(told),
        "Dashboard": links.shown(told),
    }


def _map(some: Mapping[str, str]) -> Any:  # noqa: ANN401 - gotpl's
    return gotpl.TypedMap(dict(some), "")


def _rendered(found: gotpl.Template, told: Notification, links: Links) -> str:
    try:
        return str(found.render(data(told, links)))
    except gotpl.TemplateError as error:
        # A message with the plain text is better than none.
        return f"{_title(told)}\n{_text(told, links)}\n(its template failed: {error})"
