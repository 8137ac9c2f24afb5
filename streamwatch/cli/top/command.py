"""``streamwatch top``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamwatch.cli.agent_client import AgentClient
from streamwatch.cli.agent_client import options as agent_options
from streamwatch.cli.named_config import named_config
from streamwatch.cli.top.state import TopState
from streamwatch.cli.top.views import TABS

if TYPE_CHECKING:
    from streamwatch.cli.top.agents import RunningAgent

_LEAST_SECONDS: Final = 0.5


@click.command()
@agent_options
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of a running agent: what a configuration watches, read by this command; it notifies nobody.",
)
@click.option("--kafka", metavar="HOST:PORT", help="Instead of a running agent: a broker of one cluster, in the clear.")
@click.option("--kinesis", metavar="REGION", help="Instead of a running agent: the streams of a region.")
@click.option("--view", type=click.Choice(TABS), default=TABS[0], show_default=True, help="What to begin with.")
@click.option(
    "--interval",
    type=click.FloatRange(_LEAST_SECONDS),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@click.option("--plain", is_flag=True, help="Print text, again and again; so it is without a terminal, too.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="With --plain: print it so often, and end.")
@click.option("--width", type=click.IntRange(40), metavar="COLUMNS", help="With --plain: how wide.  [$COLUMNS, or 200]")
def top(  # noqa: PLR0913, PLR0917 - its options
    url: str,
    username: str | None,
    password_file: Path | None,
    file: Path | None,
    kafka: str | None,
    kinesis: str | None,
    view: str,
    interval: float,
    plain: bool,  # noqa: FBT001 - a flag
    count: int | None,
    width: int | None,
) -> None:
    """Show what is watched, live in a terminal: the worst first, by topic, group, stream, reader.

    It asks a running agent (--url), or watches by itself what --config, --kafka or --kinesis name. `?` lists the keys.
    """
    client = AgentClient(url, username, password_file)
    with _agent(client, url, (file, kafka, kinesis)) as agent:
        state = TopState(view)
        if plain or count is not None or not _has_screen():
            from streamwatch.cli.top.agents import await_first_read  # noqa: PLC0415 - of this command only
            from streamwatch.cli.top.plain import show  # noqa: PLC0415 - one of the two

            if file is not None or kafka is not None or kinesis is not None:
                await_first_read(agent)

            show(agent, state, interval, count, width)
            return
        from streamwatch.cli.top.screen import TopApp  # noqa: PLC0415 - the library takes its time
        from streamwatch.core.clock import SystemClock  # noqa: PLC0415

        TopApp(agent, state, interval, SystemClock()).run(mouse=False)


def _has_screen() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


@contextmanager
def _agent(
    client: AgentClient, url: str, named: tuple[Path | None, str | None, str | None]
) -> "Iterator[RunningAgent]":
    """Give whom to ask; an agent of its own ends with the command."""
    from streamwatch.cli.top.agents import RunningAgent, own_agent  # noqa: PLC0415 - of this command only

    file, kafka, kinesis = named
    if file is None and kafka is None and kinesis is None:
        yield RunningAgent(client, url)
        return
    config = named_config(file, kafka, kinesis)
    click.echo(f"starting to watch {', '.join(source.name for source in config.sources)} ...", err=True)
    name = str(file) if file is not None else ", ".join(filter(None, (kafka, kinesis)))
    with own_agent(config, name, is_live=file is None) as agent:
        yield agent
