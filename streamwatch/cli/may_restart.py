"""``streamwatch may-restart``: for scripts that restart one after the other (docs/restarts.md)."""

import json
import re
import sys
import threading
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import click

from streamwatch.cli.agent_client import AgentClient, options
from streamwatch.core.clock import SystemClock
from streamwatch.core.words import printable

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_SPAN: Final = re.compile(r"(\d{1,6})([smh])")
_AGAIN_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.25
_READ_SECONDS: Final = 30.0
"""A read that begins after the question ends within this, or is not waited for."""
_SHOWN: Final = 20


class _Span(click.ParamType[float]):
    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r}: write 30s, 10m or 1h", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


_wait = click.option("--wait", type=_Span(), default="0s", metavar="SPAN", help="Until it may, for so long, as in 10m.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
_cluster = click.option("--cluster", metavar="NAME", help="Of which cluster, where there are several.")


@click.group()
def may_restart() -> None:
    """Ask a running agent whether a broker, or a reader, may be restarted now: yes or no by the exit code.

    0 is yes; 1 is no, not known, or no answer. The answer rests on a read that began after the question.
    """


@may_restart.command()
@options
@click.argument("number", type=click.IntRange(0, 2**31 - 1))
@_cluster
@click.option(
    "--margin",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="How many replicas more than min ISR must be in sync in every partition; 1 is the broker's own.",
)
@_wait
@_json
def broker(  # noqa: PLR0913, PLR0917 - an argument an option
    url: str,
    username: str | None,
    password_file: Path | None,
    number: int,
    cluster: str | None,
    margin: int,
    wait: float,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Ask about broker NUMBER."""
    wanted = {"broker": str(number), "margin": str(margin)} | ({} if cluster is None else {"cluster": cluster})
    _answer(AgentClient(url, username, password_file), wanted, wait, as_json=as_json)


@may_restart.command()
@options
@click.argument("name")
@_cluster
@_wait
@_json
def reader(  # noqa: PLR0913, PLR0917 - the same
    url: str,
    username: str | None,
    password_file: Path | None,
    name: str,
    cluster: str | None,
    wait: float,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Ask about a member of the group, or a worker of the application, NAME."""
    wanted = {"reader": name} | ({} if cluster is None else {"cluster": cluster})
    _answer(AgentClient(url, username, password_file), wanted, wait, as_json=as_json)


def _answer(agent: AgentClient, wanted: dict[str, str], wait: float, *, as_json: bool) -> None:
    clock, pause = SystemClock(), threading.Event()
    deadline = clock.monotonic() + wait
    while True:
        found = _asked(agent, wanted, clock, pause)
        left = deadline - clock.monotonic()
        if found["may"] or left <= 0:
            break
        pause.wait(min(_AGAIN_SECONDS, left))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show(found)
    sys.exit(0 if found["may"] else 1)


def _asked(agent: AgentClient, wanted: dict[str, str], clock: SystemClock, pause: threading.Event) -> dict[str, Any]:
    """Return the answer that rests on a read which began after the question."""
    path = "/api/v1/may-restart?"
    found: dict[str, Any] = agent.ask("GET", path + urlencode(wanted))["data"]
    after = {"after": f"{found['askedAt']:.6f}"}
    deadline = clock.monotonic() + _READ_SECONDS
    while True:
        found = agent.ask("GET", path + urlencode(wanted | after))["data"]
        if "stale" not in {one["kind"] for one in found["objections"]} or clock.monotonic() >= deadline:
            return found
        pause.wait(_LOOK_SECONDS)


def _show(found: dict[str, Any]) -> None:
    answer = click.style("yes", fg="green") if found["may"] else click.style("no", fg="red")
    click.echo(f"{answer}: {printable(found['subject'])}" + ("" if found["may"] else " must not be restarted now"))
    for one in found["objections"][:_SHOWN]:
        where = one["topic"] if one["partition"] is None else f"{one['topic']}-{one['partition']}"
        said = f"{where}: {one['text']}" if where else one["text"]
        click.echo(f"  {'not known: ' if one['unknown'] else ''}{printable(said)}")
    if found["count"] > _SHOWN:
        click.echo(f"  and {found['count'] - _SHOWN} more")
