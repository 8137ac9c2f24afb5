"""The parts of docs/audit.md that are made of the checks."""

from streamwatch.audit.checks import CHECKS


def table() -> str:
    """Return the table of findings."""
    rows = [f"| [{check.name}](#{check.name}) | {check.title} | {check.severity} |" for check in CHECKS]
    return "\n".join(["| finding | what is so | severity |", "|---|---|---|", *rows])


def findings() -> str:
    """Return a section for each finding."""
    return "\n\n".join(
        f"### {check.name}\n\n{check.title}. {check.harm}\n\nJudged by {check.known_by}." for check in CHECKS
    )
