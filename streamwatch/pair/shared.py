"""The body of what an agent says, made anew only where something of it may have changed."""

import math
import threading
from collections.abc import Sequence
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.pair.document import Notified, body_text, digest
from streamwatch.pair.outbox import PairOutbox

_MADE_SECONDS: Final = 0.2
"""For so long one body is good for whoever asks."""


class BodyCache:
    """The last body."""

    def __init__(self, clock: Clock) -> None:
        self._lock, self._clock = threading.Lock(), clock
        self._made_at = -math.inf
        self._text, self._digest = "", ""
        self._fingerprints: dict[Labels, str] = {}
        """Of the alerts that were pending: to make one takes as long as to write an alert down."""

    def of(self, own: tuple[Alert, ...], outbox: PairOutbox, forgotten: Sequence[Notified]) -> tuple[str, str]:
        """Return the body and its digest."""
        with self._lock:
            if self._clock.monotonic() - self._made_at >= _MADE_SECONDS:
                firing = [alert for alert in own if alert.state == "firing"]
                pending = {alert.labels: alert for alert in own if alert.state == "pending"}
                known = self._fingerprints
                self._fingerprints = {
                    labels: known.get(labels) or alert.fingerprint for labels, alert in pending.items()
                }
                notified, silences = outbox.notified(self._clock.now())
                self._text = body_text(firing, [*self._fingerprints.values()], [*notified, *forgotten], silences)
                self._digest, self._made_at = digest(self._text), self._clock.monotonic()
            return self._text, self._digest
