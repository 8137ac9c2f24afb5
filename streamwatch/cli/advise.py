"""``streamwatch advise``: what to change before it is full (docs/advice.md)."""

import json
from pathlib import Path
from typing import Any, Final

import click

from streamwatch.cli.agent_client import AgentClient, options
from streamwatch.core.words import printable

_MARKS: Final = {"do": ("do", "yellow"), "fine": ("fine", "green"), "unknown": ("not known", "magenta")}


@click.command()
@options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
@click.option("--all", "with_all", is_flag=True, help="What needs no change, too.")
def advise(
    url: str,
    username: str | None,
    password_file: Path | None,
    as_json: bool,  # noqa: FBT001 - a flag
    with_all: bool,  # noqa: FBT001 - a flag
) -> None:
    """Ask a running agent what to change before it is full: shards, members, brokers, and what it costs.

    Every advice has its sum, the data behind it and how sure it is. Nothing is changed: commands are printed.
    """
    found = AgentClient(url, username, password_file).ask("GET", "/api/v1/advise")["data"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    shown = [each for each in found["advice"] if with_all or each["state"] != "fine"]
    for each in shown:
        _show(each)
    hidden = len(found["advice"]) - len(shown)
    if hidden or not shown:
        click.echo(f"{hidden} more need no change{': see --all' if hidden else ''}")
    if found["adviceLeftOut"]:
        click.echo(f"and {found['adviceLeftOut']} more that the agent leaves out")


def _show(advice: dict[str, Any]) -> None:
    mark, colour = _MARKS[advice["state"]]
    subject = printable("/".join(advice["labels"].values()))
    action = printable(advice["action"])
    said = action.removeprefix(mark) if action.startswith(mark) else f": {action}"
    click.echo(f"{advice['about']} {subject}, {advice['question']}: {click.style(mark, fg=colour)}{said}")
    lines = [("sum", advice["sum"]), ("sure", advice["sure"])]
    lines += [("data", each) for each in advice["data"]] + [("run", each) for each in advice["commands"]]
    for name, text in lines:
        if text:
            click.echo(f"  {name}: {printable(text)}")
