"""``streamwatch silence``: on the running agent, over HTTP; or in the state file of a configuration."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from streamwatch.agent.config import load
from streamwatch.agent.state import open_state
from streamwatch.cli.agent_client import AgentClient, options
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError
from streamwatch.core.times import rfc3339
from streamwatch.core.words import printable
from streamwatch.notify import silence_store, silencing
from streamwatch.notify.matchers import Matchers, matchers, text_of
from streamwatch.notify.silence import Silence, number_of

T = TypeVar("T")

_file = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of a running agent: the configuration of one that has `rules.state`.",
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_REFUSED: Final = 2
_LONGEST_SECONDS: Final = 366 * 86_400
_DIGITS: Final = 12


@click.group()
def silence() -> None:
    """Mute alerts by hand, for a time, on a running agent: see --url. amtool and Grafana can do it as well."""


@silence.command("add")
@options
@_file
@click.argument("conditions", nargs=-1, required=True)
@click.option("--for", "lasts", metavar="DURATION", default="1h", show_default=True, help="How long, as in 90m or 2d.")
@click.option("--by", default="", help="Who wants it.")
@click.option("--comment", default="", help="Why.")
def silence_add(  # noqa: PLR0913, PLR0917 - an argument an option
    url: str,
    username: str | None,
    password_file: Path | None,
    file: Path | None,
    conditions: tuple[str, ...],
    lasts: str,
    by: str,
    comment: str,
) -> None:
    """Mute the alerts whose labels fulfil all CONDITIONS, as in kafka_cluster=shop 'alertname=~KafkaGroup.*'."""
    try:
        found = matchers(conditions)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    now = SystemClock().now()
    until = now + _seconds(lasts)
    if file is not None:
        number = _in_state(file, lambda connection: silence_store.add(connection, conditions, until, by, comment, now))
    else:
        agent = AgentClient(url, username, password_file)
        made = agent.ask("POST", "/api/v2/silences", _posted(found, now, until, by, comment))
        for doubt in made.get("warnings", ()):
            click.echo(f"{click.style('warning', fg='yellow')}: {printable(doubt)}", err=True)
        number = number_of(made["silenceID"]) or 0
    click.echo(f"silence {number}: until {rfc3339(until, 'seconds')}")


@silence.command("list")
@options
@_file
def silence_list(url: str, username: str | None, password_file: Path | None, file: Path | None) -> None:
    """List the silences that hold."""
    now = SystemClock().now()
    if file is not None:
        found = _in_state(file, lambda connection: silence_store.active(connection, now))
    else:
        asked = "/api/v2/silences?expired=false"
        found = [_read(one) for one in AgentClient(url, username, password_file).ask("GET", asked)]
    for one in sorted(found, key=lambda one: one.number):
        why = "".join(f" {part}" for part in (one.by and f"by {one.by}", one.comment and f"({one.comment})") if part)
        starts = f" from {rfc3339(one.starts, 'seconds')}" if one.state(now) == "pending" else ""
        line = f"{one.number}: {' '.join(one.matchers)}{starts} until {rfc3339(one.until, 'seconds')}{why}"
        click.echo(printable(line))
    if not found:
        click.echo("none", err=True)


@silence.command("end")
@options
@_file
@click.argument("number", metavar="NUMBER")
def silence_end(url: str, username: str | None, password_file: Path | None, file: Path | None, number: str) -> None:
    """End the silence with this NUMBER now."""
    which = number_of(number)
    if which is None:
        raise click.UsageError(f"{number!r} is no silence: `streamwatch silence list` shows their numbers")
    if file is None:
        AgentClient(url, username, password_file).ask("DELETE", f"/api/v2/silence/{which}")
    elif not _in_state(file, lambda connection: silence_store.end(connection, which, SystemClock().now())):
        raise click.ClickException(f"no silence {which} holds: `streamwatch silence list` shows those that do")


def _posted(conditions: Matchers, starts: float, until: float, by: str, comment: str) -> dict[str, Any]:
    one = Silence(0, tuple(text_of(each) for each in conditions), until, by, comment, starts, starts)
    shown = silencing.shown(one, starts)
    return {name: shown[name] for name in ("matchers", "startsAt", "endsAt", "createdBy", "comment")}


def _read(one: dict[str, Any]) -> Silence:
    """Return a silence as an agent shows it."""
    starts, until = (datetime.fromisoformat(one[name]).timestamp() for name in ("startsAt", "endsAt"))
    conditions: Sequence[str] = [silencing.condition(each) for each in one["matchers"]]
    return Silence(number_of(one["id"]) or 0, tuple(conditions), until, one["createdBy"], one["comment"], starts)


def _in_state(file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do something in the state file of a configuration."""
    try:
        path = load(file).rules.state
    except ConfigError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        raise SystemExit(_REFUSED) from None
    if path is None:
        raise click.ClickException(f"{file}: it has no `rules.state`: leave --config out to ask the running agent")

    def fail(problem: str) -> None:
        raise click.ClickException(problem)

    state = open_state(Path(path), fail, SystemClock())
    try:
        return state.write(work)
    finally:
        state.close()


def _seconds(text: str) -> float:
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise click.UsageError(f"{text!r} is no duration: write it like 90m, 2h or 1h30m")
    found = float(sum(int(number[:_DIGITS]) * _UNITS[unit] for number, unit in parts))
    if not 0 < found <= _LONGEST_SECONDS:
        raise click.UsageError(f"{text!r}: a silence lasts from a second up to a year")
    return found
