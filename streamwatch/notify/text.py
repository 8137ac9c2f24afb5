"""What people read of a notification where no template says otherwise, and how text is cut."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

from streamwatch.core.times import rfc3339
from streamwatch.http.client import check_url
from streamwatch.model.alert import Alert
from streamwatch.model.notification import Notification
from streamwatch.settings.types import Secret, refuse, setting, tried

Escape: TypeAlias = Callable[[str], str]
"""Makes text of an alert harmless to a service's own notation."""

_ELLIPSIS: Final = "…"
_JOINER: Final = "\u200d"
_MOST_LINES: Final = 10
_MOST_SUMMARY: Final = 1000
MOST_ANNOTATION: Final = 4000
_BEFORE_SECONDS: Final = 3600
_AFTER_SECONDS: Final = 900
_MOST_ADDRESS: Final = 2000
"""Characters of an address; a longer one is no address any more that a service takes."""
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Zs", "Zl", "Zp"})
"""Unicode's categories of what leaves no mark."""
_FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and a sign that leave none, either."""


_NO_VARIABLES: Final = frozenset({"alertname", "severity", "job", "instance"})
"""Labels of alerts that no dashboard of sources has as a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What messages point to."""

    runbooks: str | None = setting(
        "where runbooks are, put before an alert's `runbook_url` that is a path; by default the agent", default=None
    )
    dashboard: str | None = setting(
        "a dashboard's address; `from` and `to` around the incident and `var-…` of its labels are added", default=None
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        for field, where in (("runbooks", self.runbooks), ("dashboard", self.dashboard)):
            yield from tried(check_url, field, None if where is None else Secret(where))

    def runbook(self, notification: Notification) -> str:
        """Return the address of the first alert's runbook; empty where it has none."""
        for alert in notification.alerts:
            annotations = dict(alert.annotations)
            runbook = annotations.get("runbook_url") or annotations.get("runbook") or ""
            if runbook:
                bare = "://" in runbook or self.runbooks is None
                return runbook if bare else f"{(self.runbooks or '').rstrip('/')}/{runbook.lstrip('/')}"
        return ""

    def shown(self, notification: Notification) -> str:
        """Return the dashboard's address, at the time of the incident; empty where there is none."""
        if self.dashboard is None:
            return ""
        started = min((alert.active_at for alert in notification.alerts), default=notification.at)
        ended = max((alert.resolved_at or 0.0 for alert in notification.alerts), default=0.0)
        until = "now" if notification.status == "firing" else str(round((ended + _AFTER_SECONDS) * 1000))
        labels = [(name, value) for name, value in notification.group.pairs if name != "alertname"]
        return self._dashboard(self.dashboard, started, until, labels)

    def dashboard_of(self, alert: Alert) -> str:
        """Return the dashboard's address, for an alert that is active; empty where there is none."""
        if self.dashboard is None:
            return ""
        labels = [pair for pair in alert.labels.pairs if pair[0] not in _NO_VARIABLES]
        return self._dashboard(self.dashboard, alert.active_at, "now", labels)

    def _dashboard(self, address: str, started: float, until: str, labels: Iterable[tuple[str, str]]) -> str:
        query = [("from", str(round((started - _BEFORE_SECONDS) * 1000))), ("to", until)]
        query += [(f"var-{name}", value) for name, value in labels]
        joined = f"{address}{'&' if '?' in address else '?'}"
        return f"{joined}{urlencode(query, quote_via=quote, errors='replace')}"


def truncated(text: str, most: int) -> str:
    """Return at most so many characters of a text; where some are cut off, whole ones, and an ellipsis shows it."""
    return text if len(text) <= most else text[: _whole(text, most - 1)].rstrip() + _ELLIPSIS


def cleaned(text: str) -> str:
    """Return a text without what no service takes: control characters, and halves of a character."""
    return _UNPRINTABLE.sub("\ufffd", text)


def is_blank(text: str) -> bool:
    """Say whether nothing is to be seen of a text."""
    return all(unicodedata.category(sign) in _UNSEEN or sign in _FILLERS for sign in text)


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
    text = dict(alert.annotations).get("summary", "")
    if not is_blank(text):
        return text
    return f"{alert.name} {alert.labels.without(['alertname', 'severity', 'job', 'instance'])}"


def plain_title(notification: Notification) -> str:
    """Return one line, never a blank one."""
    more = len(notification.alerts) + notification.left_out - 1
    line = summary(notification.alerts[0]) if notification.alerts else notification.name
    line = cleaned(truncated(line, _MOST_SUMMARY))
    shown = "an alert" if is_blank(line) else line
    status = "RESOLVED: " if notification.status == "resolved" else ""
    return f"{status}{shown}{f' (and {more} more)' if more > 0 else ''}"


def plain_text(notification: Notification, links: Links) -> str:
    """Return lines: the first alerts, what the first is about, and where to look; never blank ones."""
    lines = [] if notification.alerts else [plain_title(notification)]
    for alert in notification.alerts[:_MOST_LINES]:
        ended = alert.state == "inactive" and notification.status == "firing"
        lines.append(f"{'resolved: ' if ended else ''}{summary(alert)}")
    more = notification.left_out + max(0, len(notification.alerts) - _MOST_LINES)
    if more:
        lines.append(f"and {more} more")
    if notification.incident:
        lines.append(f"Cause: {truncated(notification.incident, _MOST_SUMMARY)}")
    for alert in notification.alerts[:1]:
        if description := dict(alert.annotations).get("description"):
            lines.append(description)
        severity = notification.severity or "not given"
        lines.append(f"{notification.name}, severity {severity}, since {rfc3339(alert.active_at)}")
    lines += [f"{what}: {where}" for what, where in named_links(notification, links).items()]
    return cleaned("\n".join(lines))


def named_links(notification: Notification, links: Links) -> dict[str, str]:
    """Return what a message points to, by name."""
    links_by_name = {"Runbook": links.runbook(notification), "Dashboard": links.shown(notification)}
    return {what: where for what, where in links_by_name.items() if where and len(where) <= _MOST_ADDRESS}
