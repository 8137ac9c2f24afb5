"""An alert: one label set for which a rule's condition holds."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from streamwatch.model.labels import Labels

State = Literal["pending", "firing", "inactive"]

WATCHDOG_SEVERITY: Final = "none"
"""Of alerts that fire to show that the way to people is open: nobody is notified of them but by a route."""
_OFFSET: Final = 0xCBF29CE484222325
_PRIME: Final = 0x100000001B3
_SEPARATOR: Final = b"\xff"
_MOST_KEPT: Final = 256
"""Fingerprints that are known again: a message of some two hundred alerts is tried in several lengths."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is now. Instants are seconds since 1970."""

    labels: Labels
    """Its identity: with ``alertname``, and without the metric's name."""
    state: State
    value: float
    active_at: float
    """Since when the condition holds."""
    annotations: tuple[tuple[str, str], ...] = ()
    fired_at: float | None = None
    resolved_at: float | None = None
    keep_firing_since: float | None = None
    """Since when it fires only because it is to be kept firing."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.labels.get("alertname", "")

    @property
    def summary(self) -> str:
        """What it says in a line, or its name; of one that is pending not as if it were so already."""
        return text_in_state(dict(self.annotations).get("summary", ""), self.state) or self.name

    @property
    def fingerprint(self) -> str:
        """Its identity, here and in Alertmanager: 16 digits made of the labels alone."""
        return fingerprint(self.labels)

    def but(self, **changes: object) -> "Alert":
        """Return the alert with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def text_in_state(text: str, state: str) -> str:
    """Return what an alert in this state says by a text of its rule: texts are of when it fires ("for 15 minutes")."""
    return f"If it stays so: {text}" if text and state == "pending" else text


@lru_cache(maxsize=_MOST_KEPT)
def fingerprint(labels: Labels) -> str:
    """Return the fingerprint of a label set, as Prometheus and Alertmanager make it (FNV-1a)."""
    text = b"".join(
        part
        for name, value in labels.pairs
        for part in (name.encode("utf-8", "replace"), _SEPARATOR, value.encode("utf-8", "replace"), _SEPARATOR)
    )
    found = _OFFSET
    for byte in text:
        found = ((found ^ byte) * _PRIME) & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"
