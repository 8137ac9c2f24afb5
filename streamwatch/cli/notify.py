"""``streamwatch notify``."""

from pathlib import Path

import click

from streamwatch.cli.named_config import loaded, loader
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import NotifyError
from streamwatch.core.words import printable
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.integrations import integrations
from streamwatch.notify.routing import key

_file = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file; without it, the environment's.",
)


@click.group()
def notify() -> None:
    """Send a test notification through the channels."""


@notify.command()
@_file
@click.option("--channel", "names", metavar="NAME", multiple=True, help="Only these channels; can be given again.")
@click.option("--resolve/--no-resolve", default=True, show_default=True, help="Say that it is over, right after.")
def test(file: Path | None, names: tuple[str, ...], resolve: bool) -> None:  # noqa: FBT001 - a flag
    """Send a clearly marked test through the channels of a configuration. Exit code 1 when one does not take it."""
    config = loaded(loader(file, has_flags=False))
    clock = SystemClock()
    some = integrations(config.notify, clock, f"http://{config.listen.address}")
    unknown = set(names) - {one.channel for one in some}
    if unknown:
        known = ", ".join(sorted({one.channel for one in some}))
        raise click.UsageError(f"no channel is called {', '.join(sorted(unknown))}: there are {known}")
    now = clock.now()
    group = Labels({"alertname": "StreamWatchTest"})
    summary = "This is a test of StreamWatch: nothing is wrong"
    labels = Labels({**group, "severity": "info"})
    alert = Alert(labels, "firing", 1.0, now, (("summary", summary),), now)
    notifications = [Notification(key(group), group, "firing", (alert,), now, is_test=True)]
    if resolve:
        over = alert.but(state="inactive", resolved_at=clock.now())
        notifications.append(Notification(key(group), group, "resolved", (over,), now, is_test=True))
    failed = False
    for one in some:
        if names and one.channel not in names:
            continue
        try:
            for notification in notifications:
                one.notifier.send([notification])
        except NotifyError as error:
            failed = True
            click.echo(f"{one.name}: {click.style('failed', fg='red')}: {printable(str(error))}")
        else:
            click.echo(f"{one.name}: {click.style('taken', fg='green')}")
    if failed:
        raise SystemExit(1)
