"""What an incident is made of: a cause, what hangs below it, and whom it concerns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from streamwatch.model.alert import Alert

CauseKind = Literal[
    "monitor", "controller", "broker", "disk", "network", "slow_broker", "quota", "transaction", "producers", "hot",
    "members_lost", "rebalances", "slow_reader", "stuck_record", "reader_stands", "idle_members", "reader_throttled",
    "downstream", "upstream", "reader_failed", "reader_stopped", "change", "capacity", "positions",
]  # fmt: skip
"""What kind of thing is the matter."""
Scope = tuple[str, ...]
"""What an alert is about: ``("broker", "shop", "2")``, ``("group", "shop", "billing")``, ..."""


class ChangeNote(Protocol):
    """Something that changed, as a journal has it."""

    @property
    def at(self) -> float:
        """When it was seen to change, in seconds since 1970."""

    @property
    def kind(self) -> str:
        """What kind of change it is."""

    @property
    def source(self) -> str:
        """Whose read showed it: the name of a cluster, of an account with streams."""

    @property
    def subject(self) -> str:
        """What changed, with what tells it from others of its name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of what changed, as far as the subject says them: of a broker, topic, group, stream or reader."""

    @property
    def sentence(self) -> str:
        """What a person reads."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Alerts that hang below a cause: those of these names that are about this."""

    scope: Scope
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cause:
    """What is the matter, with what shows it."""

    kind: CauseKind
    scope: Scope
    """What it is about: with the kind, this tells it from every other."""
    sentence: str
    """One sentence, without its end."""
    evidence: tuple[str, ...]
    """What shows it, a sentence each."""
    runbook: str
    """The alert whose runbook says what to do."""
    effects: tuple[Effects, ...]
    partitions: float | None = None
    """How many partitions or shards it concerns; None where that is not known."""
    down: tuple[Scope, ...] = ()
    """Brokers that did not answer when it was known."""
    earlier: str = ""
    """What was known of it before, where it is over and something is left of it: its sentence then."""
    remedy: str = ""
    """The first thing to do, where the first of its runbook does not fit; with its end."""
    since: float | None = None
    """Since when it is so, in seconds since 1970; None where its own alerts say that, or nothing does."""
    is_remembered: bool = True
    """Whether what comes in the next minutes, from now on, may be explained by it; else from when it was so last."""

    @property
    def id(self) -> str:
        """What tells it from every other, now and at the next look."""
        return f"{self.kind}:{'/'.join(self.scope[1:])}"


@dataclass(frozen=True, slots=True)
class Impact:
    """Whom an incident concerns, as far as it is known."""

    partitions: float | None
    groups: tuple[str, ...]
    readers: tuple[str, ...]
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts of one cause; or alerts of one thing whose cause is not known."""

    id: str
    cause: Cause | None
    """None: it is not known."""
    sentence: str
    evidence: tuple[str, ...]
    since: float
    """When the first of its alerts became active, in seconds since 1970."""
    holds_since: float
    """Since when it is as its sentence says; as ``since`` where that is not known."""
    ended: float | None
    """When its cause ended, in seconds since 1970, though what follows from it may go on; None where it goes on."""
    alerts: tuple[Alert, ...]
    """The cause's own and its effects: those that fire first, the worst first."""
    impact: Impact
    runbook: str
    """The name of a runbook; empty where there is none."""
    changes: Sequence[ChangeNote] = field(default=())
    """What changed in the minutes before it began, the newest first."""

    def first_remedy(self, remedies: Mapping[str, str]) -> str:
        """Return the first thing to do; nothing where that is not known.

        Args:
            remedies: that of each runbook, by its name.

        """
        own = "" if self.cause is None else self.cause.remedy
        return own or remedies.get(self.runbook, "")

    @property
    def is_firing(self) -> bool:
        """Whether any of its alerts fires: one whose alerts are all pending may be over in a moment."""
        return any(alert.state == "firing" for alert in self.alerts)

    @property
    def is_over(self) -> bool:
        """Whether those of its alerts that fire do so only because they are to be kept firing."""
        firing = [alert for alert in self.alerts if alert.state == "firing"]
        return bool(firing) and all(alert.keep_firing_since is not None for alert in firing)
