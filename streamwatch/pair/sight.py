"""What several agents see together: an alert fires as long as one of the living sees it."""

from collections.abc import Collection, Iterable
from typing import Final

from streamwatch.model.alert import Alert
from streamwatch.pair.document import Body, Head

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


def disagreements(own: Iterable[Alert], others: Iterable[Alert]) -> int:
    """Return how many alerts fire for one of two agents only, besides those about an agent itself."""
    sets = [
        {alert.labels for alert in some if alert.state == "firing" and not alert.name.startswith(_OF_AGENT)}
        for some in (own, others)
    ]
    return len(sets[0] ^ sets[1])
