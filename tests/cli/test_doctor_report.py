"""How a check-up is printed."""

import click

from streamwatch.cli.doctor_report import DoctorReport
from streamwatch.model.finding import Finding


def printed(*findings: Finding, is_verbose: bool = False) -> list[str]:
    lines: list[str] = []
    report = DoctorReport(lambda line: lines.append(" ".join(click.unstyle(line).split())), is_verbose=is_verbose)
    for finding in findings:
        report.add(finding)
    report.end()
    return lines


def ok(target: str, step: str) -> Finding:
    return Finding(target, step, "ok", "fine")


def test_what_is_well_is_a_line_for_each_target_and_what_is_not_is_a_line_each() -> None:
    findings = [ok("broker 1", step) for step in ("name", "tcp", "login")]
    failed = Finding("broker 2", "tcp", "failed", "no connection", "is it there?")

    assert printed(*findings, ok("broker 2", "name"), failed) == [
        "ok broker 1 3 checks: name, tcp, login",
        "ok broker 2 name fine",
        "failed broker 2 tcp no connection",
        "-> is it there?",
        "5 checks: 4 ok, 0 warnings, 1 failed",
    ]


def test_each_check_is_a_line_where_that_is_wanted() -> None:
    lines = printed(*(ok("broker 1", step) for step in ("name", "tcp", "login")), is_verbose=True)

    assert [line.split()[3] for line in lines[:-1]] == ["name", "tcp", "login"]
    assert lines[-1] == "3 checks: 3 ok, 0 warnings, 0 failed"


def test_many_steps_are_folded_and_none_is_left_out() -> None:
    steps = [f"DescribeSomething{at}" for at in range(30)]

    lines = printed(*(ok("cluster shop", step) for step in steps))

    assert len(lines) > 4
    assert all(step in " ".join(lines) for step in steps)
