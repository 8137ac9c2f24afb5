"""What a check finds, and what it cannot check."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from streamwatch.audit.facts import AuditFacts

Severity = Literal["critical", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
"""The worst first."""
TargetKind = Literal["cluster", "topic", "group", "account", "stream", "reader", "connector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Something that is so, and should not be."""

    severity: Severity
    kind: TargetKind
    target: str
    """Its cluster or account and its name, with slashes between."""
    evidence: tuple[str, ...]
    """Sentences without a full stop, with the numbers."""
    remedy: str
    """A command of Kafka's or AWS's own tools, or what to do where there is none."""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Something that could not be looked at."""

    target: str
    why: str


Outcome = Observation | NotChecked


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is looked for."""

    name: str
    title: str
    """What is found, in a sentence without a full stop."""
    harm: str
    """Why it matters, in a sentence."""
    known_by: str
    """What it is judged by, for the documents."""
    severity: str
    """Which it has, and when, for the documents."""
    run: Callable[[AuditFacts], Iterator[Outcome]]
