"""``streamwatch audit``: what is set so that something will go wrong, for a terminal (docs/audit.md)."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from streamwatch.cli.agent_client import AgentClient
from streamwatch.cli.agent_client import options as agent_options
from streamwatch.cli.named_config import named_config
from streamwatch.core.words import printable

_SEVERITIES: Final = ("critical", "warning", "info")
_MOST_TARGETS: Final = 3
_FEW_CHECKS: Final = 3
"""More that could not be made for one reason are one line."""
_MARGIN: Final = " " * 10
_STYLES: Final[dict[str, dict[str, Any]]] = {
    "critical": {"fg": "red", "bold": True}, "warning": {"fg": "yellow"}, "info": {"fg": "cyan"},
}  # fmt: skip


@click.command()
@agent_options
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of a running agent: what a configuration watches, read once by this command.",
)
@click.option("--kafka", metavar="HOST:PORT", help="Instead of a running agent: a broker of one cluster, in the clear.")
@click.option("--kinesis", metavar="REGION", help="Instead of a running agent: the streams of a region.")
@click.option(
    "--fail-on",
    type=click.Choice((*_SEVERITIES, "never")),
    default="warning",
    show_default=True,
    help="Exit code 1 from this severity on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def audit(  # noqa: PLR0913, PLR0917 - an argument an option
    url: str,
    username: str | None,
    password_file: Path | None,
    file: Path | None,
    kafka: str | None,
    kinesis: str | None,
    fail_on: str,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """List what is set so that something will go wrong: evidence, and the command that mends it, never run.

    It asks a running agent (--url), or reads once what --config, --kafka or --kinesis name. Exit code 1: there is a
    finding of --fail-on or worse that nothing ignores; or a source, or the agent, cannot be read. 2: the
    configuration is wrong.
    """
    if file is None and kafka is None and kinesis is None:
        found = AgentClient(url, username, password_file).ask("GET", "/api/v1/audit")["data"]
    else:
        found = _read_once(file, kafka, kinesis)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show(found)
    failing = _SEVERITIES[: _SEVERITIES.index(fail_on) + 1] if fail_on != "never" else ()
    sys.exit(int(bool(found["unread"]) or any(found["counts"][severity] for severity in failing)))


def _read_once(file: Path | None, kafka: str | None, kinesis: str | None) -> dict[str, Any]:
    config = named_config(file, kafka, kinesis)
    from streamwatch.cli.audit_once import audit_once  # noqa: PLC0415 - it knows all sources

    return audit_once(config)


def _show(found: dict[str, Any]) -> None:
    """Print lines and no table: a command is whole in one of them, to be copied, however narrow the terminal is."""
    ignored = [each for each in found["findings"] if each["ignored"] is not None]
    for each in found["findings"]:
        if each["ignored"] is None:
            _echo_finding(each)
    for each in ignored:
        why = f"ignored until {each['ignored']['until']}: {each['ignored']['reason']}"
        click.echo(printable(f"ignored   {each['severity']}, {_subject(each)}: {why}"))
    for line in _not_checked(found["notChecked"]):
        click.echo(printable(f"not checked  {line}"))
    for name in found["unread"]:
        why = found.get("unreadWhy", {}).get(name, "")
        reason = f": {why}: `streamwatch doctor` tries it step by step" if why else ""
        click.secho(printable(f"{name}: could not be read{reason}"), fg="red")
    counts = ", ".join(f"{found['counts'][severity]} {severity}" for severity in _SEVERITIES)
    left = f"; {found['findingsLeftOut']} more are counted only" if found["findingsLeftOut"] else ""
    click.echo(f"{counts}; {len(ignored)} ignored; {len(found['notChecked'])} not checked{left}")


def _not_checked(outcomes: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each reason, and for each check where a reason holds of few."""
    together: dict[tuple[str, str], list[str]] = {}
    for each in outcomes:
        targets = ", ".join(each["targets"][:_MOST_TARGETS])
        more = f" and {each['count'] - _MOST_TARGETS} more" if each["count"] > _MOST_TARGETS else ""
        together.setdefault((f"{targets}{more}", each["why"]), []).append(each["finding"])
    for (targets, why), checks in together.items():
        for name in checks if len(checks) <= _FEW_CHECKS else [f"{len(checks)} checks"]:
            yield f"{name}, {targets}: not known: {why}"


def _echo_finding(finding: dict[str, Any]) -> None:
    severity = finding["severity"]
    mark = click.style(f"{severity:8}", **_STYLES[severity])
    click.echo(f"{mark}  {printable(_subject(finding))}: {printable(finding['title'])}")
    ended = finding["ignoreEnded"]
    was = [] if ended is None else [f"it was ignored until {ended['until']}: {ended['reason']}"]
    for line in (*finding["evidence"], *was):
        click.echo(_MARGIN + printable(line))
    click.echo(_MARGIN + click.style(printable(finding["remedy"]), fg="green"))


def _subject(finding: dict[str, Any]) -> str:
    return f"{finding['finding']}, {finding['kind']} {finding['target']}"
