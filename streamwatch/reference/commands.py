"""The commands of the reference cluster: run it, break it, list what can be broken and which stories there are."""

import json
import signal
import threading
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import click

from streamwatch.reference.kafka.spec import RELEASES

_CONTROL = "127.0.0.1:9399"
_JUST_LISTEN = 30.0


@click.group()
def reference() -> None:
    """Run a reference cluster: a Kafka to every client, that can be broken on purpose."""


@reference.command()
@click.option("--brokers", default=3, show_default=True, type=click.IntRange(1, 200), help="How many brokers.")
@click.option("--port", default=0, help="The first broker's port; the others follow.  [of the system's choice]")
@click.option(
    "--release",
    default=".".join(map(str, RELEASES[-1])),
    show_default=True,
    type=click.Choice([f"{a}.{b}" for a, b in RELEASES]),
    help="The release of Kafka to pose as; 2.8 is in ZooKeeper mode.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A broker's setting, by Kafka's name.")
@click.option("--scenario", metavar="NAME", help="Play a story once it runs, with load: see `reference scenarios`.")
@click.option("--load", "with_load", is_flag=True, help="Run producers and consumers on it.")
@click.option("--rate", default=50.0, show_default=True, help="Records a second and topic, of the load.")
@click.option("--control", default=_CONTROL, show_default=True, metavar="HOST:PORT", help="Where faults are taken.")
def kafka(  # noqa: PLR0913, PLR0917 - its options
    brokers: int,
    port: int,
    release: str,
    settings: tuple[str, ...],
    scenario: str | None,
    with_load: bool,  # noqa: FBT001 - a flag
    rate: float,
    control: str,
) -> None:
    """Run a reference Kafka cluster on loopback until told to stop; print its bootstrap servers first."""
    from streamwatch.reference.kafka.server import ReferenceKafka  # noqa: PLC0415 - only this command needs them
    from streamwatch.reference.kafka.settings import BadSetting  # noqa: PLC0415
    from streamwatch.reference.kafka.spec import Spec  # noqa: PLC0415
    from streamwatch.reference.play import LoadProcess, play  # noqa: PLC0415

    story = _story(scenario) if scenario else None
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        major, minor = release.split(".")
        spec = Spec(
            brokers=max(brokers, story.brokers if story else 1),
            release=(int(major), int(minor)),
            settings=dict(_pair(one) for one in settings),
        )
        with ExitStack() as stack:
            running = stack.enter_context(ReferenceKafka(spec, first_port=port))
            click.echo(running.bootstrap)
            click.echo(f"control  http://{running.serve_control(control)}", err=True)
            for broker, (jmx, node) in running.serve_pages().items():
                click.echo(f"broker {broker}: JMX http://{jmx}/metrics, node http://{node}/metrics", err=True)
            if story or with_load:
                load = stack.enter_context(LoadProcess(running.bootstrap, rate))
            if story:
                click.echo(f"{story.name}: {story.tells}\nexpect: {story.seen}", err=True)
                play(story, running, load, lambda step: click.echo(f"{step.at:6.1f}s  {step.told}", err=True), ended)
            else:
                ended.wait()
    except (BadSetting, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


@reference.command()
@click.argument("name")
@click.argument("options", nargs=-1, metavar="[OPTION=VALUE]...")
@click.option("--control", default=_CONTROL, show_default=True, metavar="HOST:PORT", help="Of the running cluster.")
def fault(name: str, options: tuple[str, ...], control: str) -> None:
    """Break something on a running cluster, as in `fault stop broker=2` or `fault heal`; `fault list` names all.

    With seconds=N everything is healed after that time.
    """
    if name == "list":
        click.echo(_fault_list())
        return
    given = {key: _value(text) for key, text in map(_pair, options)}
    connection = HTTPConnection(control, timeout=_JUST_LISTEN)
    try:
        connection.request("POST", f"/faults/{name}", json.dumps(given))
        answer = connection.getresponse()
        text = answer.read().decode().strip()
    except OSError as error:
        why = (
            f"{control}: {error}: start `streamwatch reference kafka` first, or name its control endpoint by --control"
        )
        raise click.ClickException(why) from error
    finally:
        connection.close()
    if answer.status != 200:  # noqa: PLR2004 - HTTP's
        raise click.ClickException(text)
    click.echo(f"done: {name} {' '.join(options)}".rstrip())


@reference.command()
def scenarios() -> None:
    """List the stories that can be played, and what should be seen in each."""
    from streamwatch.reference.scenarios import SCENARIOS  # noqa: PLC0415

    for one in SCENARIOS.values():
        click.echo(f"{one.name:20} {one.tells}\n{'':20} -> {one.seen}")


def _story(name: str) -> Any:  # noqa: ANN401 - a Scenario, imported late
    from streamwatch.reference.scenarios import SCENARIOS  # noqa: PLC0415

    if name not in SCENARIOS:
        raise click.BadParameter(f"{name!r} is unknown: one of {', '.join(SCENARIOS)}", param_hint="--scenario")
    return SCENARIOS[name]


def _fault_list() -> str:
    import inspect  # noqa: PLC0415

    from streamwatch.reference.kafka.faults import FAULTS  # noqa: PLC0415

    lines: list[str] = []
    for name, one in FAULTS.items():
        parameters = [p for p in inspect.signature(one).parameters.values() if p.name not in {"site", "now"}]
        shown = [p.name if p.default is p.empty else f"[{p.name}={p.default}]" for p in parameters]
        lines += [f"{name} {' '.join(shown)}", f"    {one.__doc__}"]
    return "\n".join(lines)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r}: write NAME=VALUE")
    return name, value


def _value(text: str) -> object:
    """Read a value as JSON would; what is none is text."""
    try:
        found: object = json.loads(text)
    except ValueError:
        return text
    return found
