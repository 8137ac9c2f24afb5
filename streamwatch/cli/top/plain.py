"""``top`` without a screen: for a terminal that can do nothing, a file, a pipe, or a test."""

import os
import threading
from typing import Final

import click

from streamwatch.cli.top.picture import Liveness, picture
from streamwatch.cli.top.poll import Agent, poll
from streamwatch.cli.top.state import TopState

_WIDTH: Final = 200
_MOST_LINES: Final = 120


def show(agent: Agent, state: TopState, interval: float, count: int | None, width: int | None) -> None:
    """Print a view again and again, as text without any control.

    Args:
        agent: whom to ask.
        state: what to show.
        interval: seconds between two looks.
        count: how often; None: until somebody ends it.
        width: columns; by default those of the environment, or as many as are good in a file.

    Raises:
        click.ClickException: the agent does not answer.

    """
    columns = width or int(os.environ.get("COLUMNS") or _WIDTH)
    pause, times = threading.Event(), 0
    while count is None or times < count:
        if times:
            pause.wait(interval)
            click.echo()
        state.take(poll(agent, state.place.wanted))
        lines = picture(state, Liveness(agent.name, interval), columns, _MOST_LINES)[:-1]
        texts = ("".join(text for text, _ in line).rstrip() for line in lines)
        click.echo("\n".join(text for text in texts if text))
        times += 1
