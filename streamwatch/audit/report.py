"""An audit: every check run on what is known, and what of it is ignored for a while."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.audit.checks import CHECKS
from streamwatch.audit.config import Ignore
from streamwatch.audit.facts import AuditFacts
from streamwatch.audit.finding import SEVERITIES, Check, NotChecked, Observation
from streamwatch.core.times import rfc3339

log = logging.getLogger(__name__)

_MOST_OF_A_CHECK: Final = 200
"""Findings of one check that are listed; the others are counted."""
_MOST_TARGETS: Final = 50
_DOCS: Final = "docs/audit.md"


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One finding, and who ignores it."""

    check: Check
    observation: Observation
    ignored: Ignore | None = None
    """What ignores it now."""
    ended: Ignore | None = None
    """What ignored it until a day that is over."""

    @property
    def counts(self) -> bool:
        """Whether nobody ignores it."""
        return self.ignored is None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found, and what could not be looked at."""

    at: float
    findings: tuple[AuditFinding, ...]
    """The worst first."""
    unread: tuple[str, ...]
    """Sources that could not be read at all."""
    left_out: int
    """Findings that are counted only: there are too many of their kind."""
    not_checked: tuple[tuple[Check, str, tuple[str, ...]], ...]
    """Why, and of which targets: those of one reason together."""
    unread_why: Mapping[str, str]
    """Why sources could not be read, of those of which that is known."""


def audit(facts: AuditFacts, ignores: Sequence[Ignore], checks: Sequence[Check] = CHECKS) -> AuditReport:
    """Return what all checks find; one that breaks is a check that could not be made."""
    findings: list[AuditFinding] = []
    unchecked: dict[tuple[str, str], tuple[Check, dict[str, None]]] = {}
    left_out = 0
    for check in checks:
        found: list[AuditFinding] = []
        for outcome in _outcomes(check, facts):
            if isinstance(outcome, NotChecked):
                unchecked.setdefault((check.name, outcome.why), (check, {}))[1][outcome.target] = None
            else:
                found.append(_judged(check, outcome, ignores, facts.now))
        found.sort(key=_order)
        left_out += max(0, len(found) - _MOST_OF_A_CHECK)
        findings += found[:_MOST_OF_A_CHECK]
    findings.sort(key=_order)
    not_checked = tuple((check, why, tuple(targets)) for (_, why), (check, targets) in unchecked.items())
    return AuditReport(facts.now, tuple(findings), facts.unread, left_out, not_checked, facts.unread_why)


def answer(report: AuditReport) -> dict[str, Any]:
    """Return a report as JSON has it."""
    counts = Counter(each.observation.severity for each in report.findings if each.counts)
    return {
        "at": rfc3339(report.at),
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "unread": list(report.unread),
        "unreadWhy": dict(report.unread_why),
        "findings": [_shown(each) for each in report.findings],
        "findingsLeftOut": report.left_out,
        "notChecked": [
            {"finding": check.name, "targets": list(targets[:_MOST_TARGETS]), "count": len(targets), "why": why}
            for check, why, targets in report.not_checked
        ],
    }


def _outcomes(check: Check, facts: AuditFacts) -> Iterator[Observation | NotChecked]:
    try:
        yield from check.run(facts)
    except Exception:  # a bug in one check costs the others nothing
        log.exception("audit: a check failed: the others go on; please report this: %s", check.name)
        yield NotChecked("everything", "the check failed: the log has why")


def _judged(check: Check, observation: Observation, ignores: Sequence[Ignore], now: float) -> AuditFinding:
    mine = [each for each in ignores if each.matches(check.name, observation.target)]
    ignored = next((each for each in mine if now < each.ends_at), None)
    ended = next((each for each in mine if now >= each.ends_at), None) if ignored is None else None
    return AuditFinding(check, observation, ignored, ended)


def _order(finding: AuditFinding) -> tuple[bool, int]:
    return not finding.counts, SEVERITIES.index(finding.observation.severity)


def _shown(finding: AuditFinding) -> dict[str, Any]:
    check, observation = finding.check, finding.observation
    return {
        "finding": check.name,
        "severity": observation.severity,
        "title": check.title,
        "harm": check.harm,
        "kind": observation.kind,
        "target": observation.target,
        "evidence": list(observation.evidence),
        "remedy": observation.remedy,
        "docs": f"{_DOCS}#{check.name}",
        "ignored": _ignored(finding.ignored),
        "ignoreEnded": _ignored(finding.ended),
    }


def _ignored(ignore: Ignore | None) -> dict[str, str] | None:
    return None if ignore is None else {"reason": ignore.reason, "until": ignore.until}
