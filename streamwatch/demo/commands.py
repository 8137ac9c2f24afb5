"""The command of the demonstration."""

import click

from streamwatch.reference.commands import rate_of


@click.command()
@click.option("--scenario", default="broker_down", show_default=True, metavar="NAME", help="The story to play.")
@click.option("--for", "seconds", metavar="DURATION", help="End after so long, as in 60s, whatever is going on.")
@click.option("--stay", "stays", is_flag=True, help="Run on when the story is over, until Ctrl-C.")
@rate_of("topic")
@click.option("--plain", is_flag=True, help="Print lines, on a terminal too.")
def demo(scenario: str, seconds: str | None, stays: bool, rate: float, plain: bool) -> None:  # noqa: FBT001 - flags
    """See it work: a reference cluster and streams, load on them, the agent, and one incident. Ctrl-C ends it."""
    from rich.console import Console  # noqa: PLC0415 - only this command needs them

    from streamwatch.demo.agent import AgentFailed  # noqa: PLC0415
    from streamwatch.demo.run import run  # noqa: PLC0415
    from streamwatch.demo.show import Plain, shower  # noqa: PLC0415
    from streamwatch.reference.play import ALL  # noqa: PLC0415

    if scenario not in ALL:
        raise click.BadParameter(f"{scenario!r} is unknown: one of {', '.join(ALL)}", param_hint="--scenario")
    limit = None if seconds is None else _seconds(seconds)
    console = Console()
    try:
        with Plain(console) if plain else shower(console) as view:
            run(ALL[scenario], view, limit, rate, stays=stays)
    except AgentFailed as failure:
        raise click.ClickException(str(failure)) from failure


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60}
    try:
        return float(text[:-1]) * units[text[-1:]]
    except (KeyError, ValueError):
        raise click.BadParameter(f"{text!r} is no duration: write 60s or 2m", param_hint="--for") from None
