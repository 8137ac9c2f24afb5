"""``streamwatch events``: what changed, for a terminal."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import click

from streamwatch.cli.agent_client import AgentClient, options
from streamwatch.core.clock import SystemClock
from streamwatch.core.words import printable

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")
_PAGE: Final = 500
_APART_SECONDS: Final = 90.0
"""What happened between two moments that are further apart is shown with both."""


@click.command()
@options
@click.option(
    "--since", metavar="WHEN", default="1d", show_default=True, help="How long ago, as in 90m or 2d, or when."
)
@click.option("--until", metavar="WHEN", help="The same; by default now.")
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Of this source; may be repeated.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="As in topic or topic.created; may be repeated.")
@click.option("--most", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="So many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def events(  # noqa: PLR0913, PLR0917 - an argument an option
    url: str,
    username: str | None,
    password_file: Path | None,
    since: str,
    until: str | None,
    sources: tuple[str, ...],
    kinds: tuple[str, ...],
    most: int,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """List what changed: topics, brokers, groups, streams, readers, silences, the agent itself; newest last."""
    agent = AgentClient(url, username, password_file)
    wanted = [("since", _when(since)), *(("source", name) for name in sources), *(("kind", kind) for kind in kinds)]
    if until is not None:
        wanted.append(("until", _when(until)))
    found = _all(agent, wanted, most)
    if as_json:
        click.echo(json.dumps({"events": found}, indent=2))
        return
    for event in reversed(found):
        click.echo(f"{_time(event)}  {click.style(printable(event['source']), bold=True)}  {printable(event['text'])}")
    if not found:
        click.echo("nothing changed", err=True)


def _all(agent: AgentClient, wanted: list[tuple[str, str]], most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    place: list[tuple[str, str]] = []
    while len(found) < most:
        limit = ("limit", str(min(_PAGE, most - len(found))))
        data = agent.ask("GET", f"/api/v1/events?{urlencode([*wanted, limit, *place])}")["data"]
        found += data["events"]
        if "next" not in data:
            break
        place = [("after", data["next"])]
    return found


def _when(text: str) -> str:
    """Return an instant as the API takes it."""
    if match := _SPAN.fullmatch(text):
        return str(SystemClock().now() - int(match[1]) * _UNITS[match[2]])
    if "-" in text[1:] or text.replace(".", "", 1).isdecimal():
        return text  # the agent says whether it is an instant
    raise click.UsageError(f"{text!r}: write how long ago, as in 90m or 2d, or when, as in 2027-01-31T12:00:00Z")


def _time(event: dict[str, Any]) -> str:
    since, at = (datetime.fromisoformat(event[name]).astimezone() for name in ("since", "time"))
    shown = f"{at:%Y-%m-%d %H:%M:%S}"
    return f"{shown} (after {since:%H:%M:%S})" if (at - since).total_seconds() > _APART_SECONDS else shown
