"""The commands of the reference: run a cluster or streams, break them, list what can be broken, and the stories."""

import errno
import json
import math
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamwatch.reference.aws.msk_kinds import LEVELS, kind_of
from streamwatch.reference.kafka.spec import RELEASES
from streamwatch.reference.signals import set_by_signals

if TYPE_CHECKING:
    from streamwatch.reference.aws.cloud import Cloud
    from streamwatch.reference.aws.server import ReferenceAws
    from streamwatch.reference.kafka.server import ReferenceKafka

F = TypeVar("F", bound=Callable[..., Any])
_CONTROL = "127.0.0.1:9399"
_AWS_CONTROL = "127.0.0.1:9398"
_JUST_LISTEN = 30.0
_LOAD_SECONDS = 60.0
"""For the load to make its streams."""
_LOOK_SECONDS = 0.05


class RecordRate(click.FloatRange):
    """Records a second, of the load: a number, too, which click's own does not say of NaN."""

    def __init__(self) -> None:
        super().__init__(0.1, 10_000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - as click's
        """See ``FloatRange``."""
        rate = super().convert(value, param, ctx)
        return rate if math.isfinite(rate) else self.fail(f"{value!r} is no number of records", param, ctx)


def rate_of(what: str) -> Callable[[F], F]:
    """Add the option ``--rate`` of the load on topics or streams."""
    text = f"Records a second and {what}, of the load."
    return click.option("--rate", type=RecordRate(), default=50.0, show_default=True, help=text)


@click.group()
def reference() -> None:
    """Run a reference Kafka cluster, or Kinesis streams: real to every client, and broken on purpose."""


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
@rate_of("topic")
@click.option("--control", metavar="HOST:PORT", help=f"Where faults are taken.  [{_CONTROL}, or any port if taken]")
@click.option("--msk", metavar="NAME", help="Serve an AWS too, in which it is an MSK cluster of this name.")
@click.option("--msk-level", default=LEVELS[0], show_default=True, type=click.Choice(LEVELS), help="What it tells.")
@click.option(
    "--msk-type",
    default="kafka.m7g.large",
    show_default=True,
    help="Its instances: express.m7g.large makes it an Express cluster, serverless a Serverless one.",
)
@click.option("--aws-port", default=0, help="The port of that AWS.  [of the system's choice]")
@click.option("--aws-control", metavar="HOST:PORT", help=f"Faults of that AWS.  [{_AWS_CONTROL}, or any port]")
def kafka(  # noqa: PLR0913, PLR0917 - its options
    brokers: int,
    port: int,
    release: str,
    settings: tuple[str, ...],
    scenario: str | None,
    with_load: bool,  # noqa: FBT001 - a flag
    rate: float,
    control: str | None,
    msk: str | None,
    msk_level: str,
    msk_type: str,
    aws_port: int,
    aws_control: str | None,
) -> None:
    """Run a reference Kafka cluster on loopback until stopped; print its bootstrap servers first."""
    from streamwatch.reference.kafka.server import ReferenceKafka  # noqa: PLC0415 - only this command needs them
    from streamwatch.reference.kafka.settings_kinds import BadSetting  # noqa: PLC0415
    from streamwatch.reference.kafka.site import Access  # noqa: PLC0415
    from streamwatch.reference.kafka.spec import Spec  # noqa: PLC0415
    from streamwatch.reference.play import LoadProcess, on_kafka, play  # noqa: PLC0415
    from streamwatch.reference.scenarios import SCENARIOS  # noqa: PLC0415

    story = _story(scenario, SCENARIOS) if scenario else None
    ended = threading.Event()
    try:
        kind_of(msk_type)
        major, minor = release.split(".")
        spec = Spec(
            brokers=max(brokers, story.brokers if story else 1),
            release=(int(major), int(minor)),
            settings=dict(_pair(setting) for setting in settings),
        )
        with ExitStack() as stack:
            stack.enter_context(set_by_signals(ended))
            access = Access(keeps_acls=msk is not None)  # MSK's brokers have an authorizer, and allow what no ACL names
            running = stack.enter_context(ReferenceKafka(spec, access, first_port=port))
            click.echo(running.bootstrap)
            click.echo(f"control  http://{_control(running, control, _CONTROL)}", err=True)
            if msk is not None:
                _serve_msk(stack, running, (msk, msk_level, msk_type), aws_port, aws_control)
            for broker, (jmx, node) in running.serve_pages().items():
                click.echo(f"broker {broker}: JMX http://{jmx}/metrics, node http://{node}/metrics", err=True)
            if story or with_load:
                load = stack.enter_context(LoadProcess(running.bootstrap, rate))
            if story:
                _announce(story)
                performers = {"cluster": on_kafka(running), "load": load.order}
                play(story, performers, running.site.clock, _tell, ended)
                _announce_end(ended)
            ended.wait()
    except (BadSetting, ValueError, OSError) as error:
        raise click.ClickException(_why(error)) from error


@reference.command()
@click.option("--shards", default=4, show_default=True, type=click.IntRange(1, 10_000), help="Of each --stream.")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="A stream to make; may be given again.")
@click.option("--region", default="us-east-1", show_default=True, help="Where the streams are; others have none.")
@click.option("--port", default=0, help="The endpoint's port.  [of the system's choice]")
@click.option("--access-key", metavar="ID:SECRET", help="Check signatures (SigV4): only this key is let in.")
@click.option("--scenario", metavar="NAME", help="Play a story once it runs, with load: see `reference scenarios`.")
@click.option("--load", "with_load", is_flag=True, help="Run producers and consumers on it.")
@rate_of("stream")
@click.option("--control", metavar="HOST:PORT", help=f"Where faults are taken.  [{_AWS_CONTROL}, or any port if taken]")
@click.option(
    "--with", "beside", default="", metavar="KIND,...", help="Who reads the first stream, or `all`: see below."
)
def kinesis(  # noqa: PLR0913, PLR0917 - its options
    shards: int,
    streams: tuple[str, ...],
    region: str,
    port: int,
    access_key: str | None,
    scenario: str | None,
    with_load: bool,  # noqa: FBT001 - a flag
    rate: float,
    control: str | None,
    beside: str,
) -> None:
    """Run reference Kinesis streams, with CloudWatch and STS, on loopback until stopped; print the endpoint first.

    It is printed when the streams are there. Give it to any AWS SDK: AWS_ENDPOINT_URL=http://127.0.0.1:PORT, any keys,
    and the region that is printed beside it.

    --with makes one reader of each kind, called `reference`, which faults can break: kcl, functions, firehose,
    msk_connect, dms (it writes the stream), pipes, flink, msk_replicator, redshift (its warehouse is `reference`, too).
    """
    from streamwatch.reference.aws.beside import add  # noqa: PLC0415 - only this command needs them
    from streamwatch.reference.aws.cloud import ACCOUNT, REGION, AccessKey, Cloud  # noqa: PLC0415
    from streamwatch.reference.aws.server import ReferenceAws  # noqa: PLC0415
    from streamwatch.reference.play import LoadProcess, on_aws, play  # noqa: PLC0415
    from streamwatch.reference.stream_scenarios import STREAM_SCENARIOS  # noqa: PLC0415
    from streamwatch.reference.streams_load import STREAMS  # noqa: PLC0415

    story = _story(scenario, STREAM_SCENARIOS) if scenario else None
    if (story or with_load or beside) and region != REGION:
        raise click.BadParameter(f"the streams of a load and of a story are in {REGION}", param_hint="--region")
    kinds = _kinds(beside)
    ended = threading.Event()
    logins: dict[str, AccessKey] = {}
    if access_key is not None:
        key, colon, secret = access_key.partition(":")
        if not colon:
            raise click.BadParameter("write ID:SECRET", param_hint="--access-key")
        logins[key] = AccessKey(secret, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/reference")
    try:
        with ExitStack() as stack:
            stack.enter_context(set_by_signals(ended))
            running = stack.enter_context(ReferenceAws(Cloud(logins), port=port))
            names = streams or (() if story or with_load else ("reference",))
            _make(running, names, shards, region)
            where = _control(running, control, _AWS_CONTROL)
            if story or with_load:
                load = stack.enter_context(LoadProcess(running.url, rate, "streams_load"))
                _await(running, ended)
                names = (*names, *STREAMS)
            if kinds:
                running.do(lambda cloud, now: add(cloud, now, kinds, names[0]))
            click.echo(running.url)
            click.echo(f"control  http://{where}", err=True)
            click.echo(f"region   {region}  (has {', '.join(names)}; other regions have no streams)", err=True)
            if story:
                _announce(story)
                play(story, {"cloud": on_aws(running), "streams": load.order}, running.clock, _tell, ended)
                _announce_end(ended)
            ended.wait()
    except (ValueError, OSError) as error:
        raise click.ClickException(_why(error)) from error


@reference.command()
@click.argument("name")
@click.argument("options", nargs=-1, metavar="[OPTION=VALUE]...")
@click.option("--control", metavar="HOST:PORT", help=f"Of what runs.  [{_CONTROL} for Kafka, {_AWS_CONTROL} for AWS]")
def fault(name: str, options: tuple[str, ...], control: str | None) -> None:
    """Break something that runs, as in `fault stop broker=2`, `fault split stream=orders shard=0` or `fault heal`.

    `fault list` names all. With seconds=N everything is healed after that time.
    """
    from streamwatch.reference.aws.faults import FAULTS as CLOUD_FAULTS  # noqa: PLC0415
    from streamwatch.reference.faulting import listed  # noqa: PLC0415
    from streamwatch.reference.kafka.faults import FAULTS  # noqa: PLC0415

    if name == "list":
        click.echo(f"Kafka\n\n{listed(FAULTS)}\n\nAWS\n\n{listed(CLOUD_FAULTS)}")
        return
    parameters = {key: _value(text) for key, text in map(_pair, options)}
    usual = _AWS_CONTROL if name in CLOUD_FAULTS and name not in FAULTS else _CONTROL
    controls = [control or usual]
    if control is None and name == "heal":
        controls = [one for one in (_CONTROL, _AWS_CONTROL) if _listens(one)] or controls
    for one in controls:
        _order(one, name, parameters)
    click.echo(f"done: {name} {' '.join(options)}".rstrip())


@reference.command()
def scenarios() -> None:
    """List the stories that can be played, and what should be seen in each."""
    from streamwatch.reference.play import ALL  # noqa: PLC0415

    for one in ALL.values():
        click.echo(f"{one.name:24} {one.description}\n{'':24} -> {one.seen}")


def _serve_msk(
    stack: ExitStack, kafka: "ReferenceKafka", msk: tuple[str, str, str], port: int, control: str | None
) -> None:
    """Serve an AWS in which a cluster is one of MSK's, of a name, level and type; say where."""
    from streamwatch.reference.aws.cloud import REGION  # noqa: PLC0415 - only some who run a cluster need them
    from streamwatch.reference.aws.server import ReferenceAws  # noqa: PLC0415

    aws = stack.enter_context(ReferenceAws(port=port))
    aws.add_msk(kafka, *msk)
    click.echo(f"aws      {aws.url}  (MSK cluster {msk[0]} in {REGION}, CloudWatch)", err=True)
    click.echo(f"control  http://{_control(aws, control, _AWS_CONTROL)}  (of aws)", err=True)


def _control(running: "ReferenceKafka | ReferenceAws", control: str | None, usual: str) -> str:
    """Listen for faults where it is wanted, or at the usual place, or where another reference is there on any port."""
    try:
        return running.serve_control(control or usual)
    except OSError:
        if control is not None:
            raise
        return running.serve_control()


def _kinds(beside: str) -> Sequence[str]:
    """Return the kinds of readers that are wanted."""
    from streamwatch.reference.aws.beside import KINDS  # noqa: PLC0415 - of streams only

    wanted = list(KINDS) if beside == "all" else [one for each in beside.split(",") if (one := each.strip())]
    unknown = [one for one in wanted if one not in KINDS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no kind: one of {', '.join(KINDS)}, or all", param_hint="--with")
    return list(dict.fromkeys(wanted))


def _why(error: Exception) -> str:
    """Return what a person reads: of an address that is taken, what to do."""
    is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    return f"{error}: something listens there: give another port, or leave it out for any" if is_taken else str(error)


def _make(running: "ReferenceAws", names: Sequence[str], shards: int, region: str) -> None:
    """Make streams that are ready at once: they were made a little while ago."""

    def make(cloud: "Cloud", now: float) -> None:
        kinesis = cloud.kinesis(region=region)
        for name in names:
            kinesis.create(name, "PROVISIONED", shards, now - kinesis.quotas.create_seconds)
        kinesis.timers.run(now)

    running.do(make)


def _await(running: "ReferenceAws", ended: threading.Event) -> None:
    """Return when the load has made its streams and all that belongs to them, or when the command is to end."""
    from streamwatch.reference.streams_load import CONSUMER, FAN_OUT, STREAMS  # noqa: PLC0415 - of streams only

    def are_there(cloud: "Cloud", _: float) -> bool:
        made = cloud.kinesis().streams
        streams = [made[name] for name in STREAMS if name in made]
        if len(streams) < len(STREAMS) or CONSUMER not in made[FAN_OUT].consumers:
            return False
        are_active = all(stream.status == "ACTIVE" and stream.watched for stream in streams)
        return are_active and made[FAN_OUT].consumers[CONSUMER].status == "ACTIVE"

    left = _LOAD_SECONDS
    while not running.do(are_there) and not ended.wait(_LOOK_SECONDS):
        left -= _LOOK_SECONDS
        if left <= 0:
            raise click.ClickException(
                f"the load did not make {', '.join(STREAMS)} in {_LOAD_SECONDS:.0f} s: try again"
            )


def _order(control: str, name: str, parameters: dict[str, object]) -> None:
    """Send a fault to what runs."""
    connection = HTTPConnection(control, timeout=_JUST_LISTEN)
    try:
        connection.request("POST", f"/faults/{name}", json.dumps(parameters))
        answer = connection.getresponse()
        text = answer.read().decode().strip()
    except OSError as error:
        start = "start `streamwatch reference kafka` or `reference kinesis` first, or name its endpoint by --control"
        raise click.ClickException(f"{control}: {error}: {start}") from error
    finally:
        connection.close()
    if answer.status != 200:  # noqa: PLR2004 - HTTP's
        raise click.ClickException(text)


def _listens(control: str) -> bool:
    host, _, port = control.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def _announce(story: Any) -> None:  # noqa: ANN401 - a Scenario, imported late
    click.echo(f"{story.name}: {story.description}\nexpect: {story.seen}", err=True)


def _announce_end(ended: threading.Event) -> None:
    if not ended.is_set():
        click.echo("the story is over; everything runs on, with its load, until Ctrl-C", err=True)


def _tell(step: Any) -> None:  # noqa: ANN401 - a ScenarioStep
    click.echo(f"{step.at:6.1f}s  {step.announcement}", err=True)


def _story(name: str, stories: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a Scenario
    if name not in stories:
        raise click.BadParameter(f"{name!r} is unknown: one of {', '.join(stories)}", param_hint="--scenario")
    return stories[name]


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
