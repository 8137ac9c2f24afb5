"""``streamwatch notify``, ``streamwatch silence`` and ``streamwatch alerts``."""

import json
import re
import sqlite3
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from streamwatch.clock import SystemClock
from streamwatch.config import Config, load
from streamwatch.errors import ConfigError, NotifyError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify import outbox
from streamwatch.notify.channels import targets
from streamwatch.notify.matchers import matchers
from streamwatch.notify.routing import key
from streamwatch.statefile import StateFile

T = TypeVar("T")

_file = click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The configuration file."
)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIMEOUT_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 2**20
_REFUSED: Final = 2


@click.group()
def notify() -> None:
    """Try the ways by which people are told."""


@notify.command()
@_file
@click.option("--channel", "names", metavar="NAME", multiple=True, help="Only these channels; can be given again.")
@click.option("--resolve/--no-resolve", default=True, show_default=True, help="Say that it is over, right after.")
def test(file: Path, names: tuple[str, ...], resolve: bool) -> None:  # noqa: FBT001 - a flag
    """Send a clearly marked test through the channels of a configuration. Exit code 1 when one does not take it."""
    config = _loaded(file)
    clock = SystemClock()
    some = targets(config.notify, clock, f"http://{config.listen.address}")
    unknown = set(names) - {one.channel for one in some}
    if unknown:
        known = ", ".join(sorted({one.channel for one in some}))
        raise click.UsageError(f"no channel is called {', '.join(sorted(unknown))}: there are {known}")
    now = clock.now()
    group = Labels({"alertname": "StreamWatchTest"})
    summary = "This is a test of StreamWatch: nothing is wrong"
    labels = Labels({**group, "severity": "info"})
    alert = Alert(labels, "firing", 1.0, now, (("summary", summary),), now)
    told = [Notification(key(group), group, "firing", (alert,), now, is_test=True)]
    if resolve:
        over = alert.but(state="inactive", resolved_at=clock.now())
        told.append(Notification(key(group), group, "resolved", (over,), now, is_test=True))
    failed = False
    for one in some:
        if names and one.channel not in names:
            continue
        try:
            for said in told:
                one.notifier.send([said])
        except NotifyError as error:
            failed = True
            click.echo(f"{one.name}: {click.style('failed', fg='red')}: {error}")
        else:
            click.echo(f"{one.name}: {click.style('taken', fg='green')}")
    if failed:
        raise SystemExit(1)


@click.group()
def silence() -> None:
    """Mute alerts by hand, for a time. Needs `rules.state` in the configuration; a running agent sees it at once."""


@silence.command("add")
@_file
@click.argument("conditions", nargs=-1, required=True)
@click.option("--for", "lasts", metavar="DURATION", default="1h", show_default=True, help="How long, as in 90m or 2d.")
@click.option("--by", default="", help="Who wants it.")
@click.option("--comment", default="", help="Why.")
def silence_add(file: Path, conditions: tuple[str, ...], lasts: str, by: str, comment: str) -> None:
    """Mute the alerts whose labels fulfil all CONDITIONS, as in kafka_cluster=shop 'alertname=~KafkaGroup.*'."""
    try:
        matchers(conditions)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    until = SystemClock().now() + _seconds(lasts)
    number = _in_state(file, lambda connection: outbox.silence(connection, conditions, until, by, comment))
    click.echo(f"silence {number}: until {_time(until)}")


@silence.command("list")
@_file
def silence_list(file: Path) -> None:
    """List the silences that hold."""
    found = _in_state(file, lambda connection: outbox.silences(connection, SystemClock().now()))
    for one in found:
        why = "".join(f" {part}" for part in (one.by and f"by {one.by}", one.comment and f"({one.comment})") if part)
        click.echo(f"{one.number}: {' '.join(one.matchers)} until {_time(one.until)}{why}")
    if not found:
        click.echo("none", err=True)


@silence.command("end")
@_file
@click.argument("number", type=int)
def silence_end(file: Path, number: int) -> None:
    """End the silence with this NUMBER now."""
    if not _in_state(file, lambda connection: outbox.end_silence(connection, number, SystemClock().now())):
        raise click.ClickException(f"no silence {number} holds: `streamwatch silence list` shows those that do")


@click.command()
@click.option("--url", default="http://127.0.0.1:9308", show_default=True, help="The running agent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def alerts(url: str, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List what is pending and firing on a running agent, and what each channel was told of it."""
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"{url!r} is no address: write http://HOST:PORT")
    some: list[dict[str, Any]] = _asked(url, "alerts")
    told: list[dict[str, Any]] = _asked(url, "notifications")
    if as_json:
        click.echo(json.dumps({"alerts": some, "notifications": told}, indent=2))
        return
    for one in sorted(some, key=lambda one: (one["state"], one["activeAt"])):
        labels = " ".join(f"{name}={value}" for name, value in one["labels"].items() if name != "alertname")
        colour = "red" if one["state"] == "firing" else "yellow"
        click.echo(
            f"{click.style(one['state'], fg=colour):9} {one['labels']['alertname']} since {one['activeAt']} {labels}"
        )
    for note in told:
        labels = " ".join(f"{name}={value}" for name, value in note["labels"].items())
        click.echo(f"{note['channel']}: {_state(note)}: {labels}")
    if not some and not told:
        click.echo("nothing is pending, fires, or waits", err=True)


def _state(note: dict[str, Any]) -> str:
    if note["parked"]:
        return f"parked: {note['parked']}"
    told = f"told that it {'fires' if note['told'] == 'firing' else 'is over'}" if note["told"] else "not told yet"
    return told + (f", {note['wanted']} waits, {note['attempts']} attempts failed" if note["wanted"] else "")


def _asked(url: str, what: str) -> list[dict[str, Any]]:
    try:
        asked = f"{url.rstrip('/')}/api/v1/{what}"
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked by the caller
            found: list[dict[str, Any]] = json.loads(answer.read(_MOST_BYTES))["data"][what]
    except (OSError, ValueError, KeyError) as error:
        raise click.ClickException(f"{url}: no answer: {error}: is the agent running there? See --url") from None
    return found


def _loaded(file: Path) -> Config:
    try:
        return load(file)
    except ConfigError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        raise SystemExit(_REFUSED) from None


def _in_state(file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do something in the state file of a configuration."""
    path = _loaded(file).rules.state
    if path is None:
        raise click.ClickException(f"{file}: silences are kept in the state file: set `rules.state` to a path")

    def fail(problem: str) -> None:
        raise click.ClickException(problem)

    state = StateFile(Path(path), fail, SystemClock())
    try:
        return state.write(work)
    finally:
        state.close()


def _seconds(text: str) -> float:
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise click.UsageError(f"{text!r} is no duration: write it like 90m, 2h or 1h30m")
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
