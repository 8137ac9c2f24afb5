"""What several agents see together: an alert fires as long as one of the living sees it."""

import math
from collections.abc import Collection, Iterable
from typing import Final

from streamwatch.model.alert import Alert, fingerprint
from streamwatch.model.labels import Labels
from streamwatch.pair.document import MOST_ALERTS, Body, Head

_SAME_CLOCK_SECONDS: Final = 2.0
"""Clocks that differ by less are one: an alert must not change with every answer."""
_OF_AGENT: Final = "StreamWatch"
"""Alerts of this beginning are of one agent itself: the other need not see them."""


def together(
    own: Collection[Alert], living: Iterable[Collection[Alert]], gone: Iterable[Collection[Alert]]
) -> list[Alert]:
    """Return the alerts to go by.

    Args:
        own: pending, firing, and those that have resolved of late.
        living: those that fire for each peer that lives.
        gone: those that fired for each peer that was not heard of late, when it was. They count on while this agent
            still has them pending: it began later, and would else call over what is not.

    """
    firing = {alert.labels for alert in own if alert.state == "firing"}
    pending = {alert.labels for alert in own if alert.state == "pending"}
    others = {alert.labels: alert for alerts in living for alert in alerts if alert.labels not in firing}
    others |= {
        alert.labels: alert
        for alerts in gone
        for alert in alerts
        if alert.labels in pending and alert.labels not in others
    }
    return [*(alert for alert in own if alert.labels not in others), *others.values()]


def in_own_time(head: Head, body: Body, now: float) -> tuple[Alert, ...]:
    """Return a peer's alerts with their instants as this agent's clock would have them."""
    ahead = now - head.now
    if abs(ahead) < _SAME_CLOCK_SECONDS:
        return body.alerts
    return tuple(
        alert.but(
            active_at=alert.active_at + ahead, fired_at=None if alert.fired_at is None else alert.fired_at + ahead
        )
        for alert in body.alerts
    )


def disagreements(own: Collection[Alert], theirs: Body) -> set[Labels]:
    """Return the alerts that fire for one of two agents, and are not even pending for the other.

    Those about an agent itself are left out. Who has begun a moment ago has pending what has fired for long elsewhere.
    """
    known = {alert.labels for alert in own if alert.state != "inactive"}
    heard = {alert.labels for alert in theirs.alerts}
    found = heard - known
    if len(heard) < MOST_ALERTS and len(theirs.pending) < MOST_ALERTS:  # else it has more than it says
        alone = {alert.labels for alert in own if alert.state == "firing"} - heard
        found |= {labels for labels in alone if fingerprint(labels) not in theirs.pending}
    return {labels for labels in found if not labels.get("alertname", "").startswith(_OF_AGENT)}


class Disagreement:
    """On what this agent and a peer disagree, and for how long. One thread hears, any may ask."""

    def __init__(self, forgets_after: float) -> None:
        """Begin in agreement.

        Args:
            forgets_after: seconds without a word of the peer after which nobody knows whether they disagreed meanwhile.

        """
        self._forgets_after, self._heard_at = forgets_after, -math.inf
        self._since: dict[Labels, float] = {}

    def hear(self, own: Collection[Alert], theirs: Body, now: float) -> None:
        """Compare what both see; ``now`` is monotonic."""
        before = self._since if now - self._heard_at <= self._forgets_after else {}
        self._since = {labels: before.get(labels, now) for labels in disagreements(own, theirs)}
        self._heard_at = now

    @property
    def count(self) -> int:
        """On how many alerts."""
        return len(self._since)

    def seconds(self, now: float) -> float:
        """For how long they have disagreed on the same alert, of several the longest."""
        return max((now - since for since in self._since.values()), default=0.0)
