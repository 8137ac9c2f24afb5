"""An audit as a whole: its order, what is ignored and for how long, and what a bug in a check costs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatch.agent.config import parse
from streamwatch.audit.checks import CHECKS
from streamwatch.audit.config import Ignore
from streamwatch.audit.facts import AuditFacts
from streamwatch.audit.finding import SEVERITIES, Check, NotChecked, Observation, Outcome, Severity
from streamwatch.audit.report import answer, audit
from streamwatch.core.errors import ConfigError
from tests.audit.knowing import NOW, facts

ONE = "replication-factor-one"
_KAFKA = 'kafka: [{name: shop, bootstrap: ["h:9092"]}]\n'


def check(*outcomes: Outcome, name: str = ONE) -> Check:
    def run(_: AuditFacts) -> Iterator[Outcome]:
        yield from outcomes

    return replace(CHECKS[0], name=name, run=run)


def seen(target: str, severity: Severity = "warning") -> Observation:
    return Observation(severity=severity, kind="topic", target=target, evidence=("so it is",), remedy="mend it")


def ignore(until: str, target: str = "shop/a.*") -> Ignore:
    return Ignore(finding=ONE, target=target, reason="rebuilt every night", until=until)


def test_names_are_anchors_and_no_two_are_alike() -> None:
    names = [each.name for each in CHECKS]
    assert len(set(names)) == len(names)
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    assert all(f"\n### {name}\n" in text for name in names)


def test_the_worst_is_first_and_what_is_ignored_last() -> None:
    one = check(seen("shop/a", "critical"), seen("shop/b", "info"), seen("shop/c", "critical"))
    report = audit(facts(), [ignore("2027-01-15")], [one])
    assert [each.observation.target for each in report.findings] == ["shop/c", "shop/b", "shop/a"]
    shown = answer(report)
    assert shown["counts"] == {"critical": 1, "warning": 0, "info": 1}
    assert shown["findings"][0]["docs"] == "docs/audit.md#replication-factor-one"
    assert shown["findings"][2]["ignored"] == {"reason": "rebuilt every night", "until": "2027-01-15"}


def test_what_was_ignored_until_yesterday_counts_again_and_says_so() -> None:
    (found,) = answer(audit(facts(), [ignore("2027-01-14")], [check(seen("shop/a"))]))["findings"]
    assert (found["ignored"], found["ignoreEnded"]["until"]) == (None, "2027-01-14")
    (found,) = answer(audit(facts(), [ignore("2027-01-14"), ignore("2027-02-01")], [check(seen("shop/a"))]))["findings"]
    assert (found["ignored"]["until"], found["ignoreEnded"]) == ("2027-02-01", None)


def test_an_ignore_is_of_one_finding_and_of_whole_targets() -> None:
    report = audit(facts(), [ignore("2027-02-01", "shop/a")], [check(seen("shop/a"), seen("shop/ab"))])
    assert [each.counts for each in report.findings] == [True, False]
    report = audit(facts(), [ignore("2027-02-01")], [check(seen("shop/a"), name="one-rack")])
    assert [each.counts for each in report.findings] == [True]


def test_of_one_check_so_many_are_listed() -> None:
    many = check(*(seen(f"shop/{number}") for number in range(205)))
    shown = answer(audit(facts(), [], [many]))
    assert (len(shown["findings"]), shown["findingsLeftOut"]) == (200, 5)


def test_a_bug_in_a_check_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: AuditFacts) -> Iterator[Outcome]:
        yield seen("shop/a")
        raise ZeroDivisionError

    report = audit(facts(), [], [replace(CHECKS[0], run=broken), check(seen("shop/b"), name="one-rack")])
    assert [each.observation.target for each in report.findings] == ["shop/a", "shop/b"]
    assert [why for _, why, _ in report.not_checked] == ["the check failed: the log has why"]
    assert "a check failed" in caplog.text


def test_severities_are_those_that_the_documents_name() -> None:
    assert all(any(word in each.severity for word in (*SEVERITIES, "-")) for each in CHECKS)


def test_a_configuration_that_ignores() -> None:
    text = f"{_KAFKA}audit: {{ignore: [{{finding: {ONE}, target: shop/a.*, reason: why, until: 2027-01-31}}]}}"
    (ignored,) = parse(text, "file", Path()).audit.ignore
    assert (ignored.matches(ONE, "shop/abc"), ignored.matches(ONE, "pay/abc")) == (True, False)
    assert ignored.ends_at == NOW - NOW % 86_400 + 17 * 86_400


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("finding: one-rak, target: a, reason: b, until: 2027-01-31", "did you mean 'one-rack'?"),
        ("finding: nothing, target: a, reason: b, until: 2027-01-31", "'nothing' is none: there are "),
        ("finding: one-rack, target: a, reason: ' ', until: 2027-01-31", "reason: it is empty"),
        (
            "finding: one-rack, target: a, reason: b, until: 2027-02-31",
            "'2027-02-31' is no day: write it as 2027-01-31",
        ),
        ("finding: one-rack, target: a, reason: b, until: soon", "'soon' is no day"),
        ("finding: one-rack, target: a, until: 2027-01-31", "reason"),
        ("finding: one-rack, target: a, reason: b", "until"),
        ("finding: one-rack, target: '(', reason: b, until: 2027-01-31", "target"),
    ],
)
def test_a_configuration_that_is_refused(entry: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"{_KAFKA}audit: {{ignore: [{{{entry}}}]}}", "file", Path())
    assert why in str(refused.value)
    assert "audit.ignore[0]" in str(refused.value)


def test_what_could_not_be_looked_at_for_one_reason_is_together() -> None:
    blind = check(NotChecked("a", "no"), NotChecked("b", "no"), NotChecked("a", "never"), NotChecked("a", "no"))
    assert answer(audit(facts(), [], [blind]))["notChecked"] == [
        {"finding": ONE, "targets": ["a", "b"], "count": 2, "why": "no"},
        {"finding": ONE, "targets": ["a"], "count": 1, "why": "never"},
    ]
