"""The commands: thin, and slow imports only inside the command that needs them."""

import gc
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from streamwatch import __version__
from streamwatch.cli.named_config import loaded, loader, run_loader
from streamwatch.core.errors import StreamWatchError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from streamwatch.agent.app import App
    from streamwatch.agent.config import Config

_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)

_file = click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE", help="The configuration file (YAML)."
)
_kafka = click.option("--kafka", metavar="HOST:PORT", help="Instead of a file: a broker of one cluster, in the clear.")
_kinesis = click.option(
    "--kinesis", metavar="REGION", help="Instead of a file: the streams of a region, with AWS's usual credentials."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class _Commands(click.Group):
    """The commands below, and those that live in packages of their own, which are imported when they are asked for."""

    _elsewhere: ClassVar = {
        "advise": (
            "streamwatch.cli.advise",
            "Ask a running agent what to change before it is full: shards, members, brokers, and what it costs.",
        ),
        "alerts": (
            "streamwatch.cli.alerts",
            "List what fires and what is pending on a running agent, by cause: how bad, what, since when, who knows.",
        ),
        "audit": (
            "streamwatch.cli.audit",
            "List what is set so that something will go wrong: evidence, and the command that mends it, never run.",
        ),
        "completion": ("streamwatch.cli.completion", "Print what SHELL needs to complete commands, options and files."),
        "dashboards": ("streamwatch.cli.dashboards", "Bring the dashboards to Grafana."),
        "demo": (
            "streamwatch.demo.commands",
            "See it work: a reference cluster and streams, load on them, the agent, and one incident.",
        ),
        "events": (
            "streamwatch.cli.events",
            "List what changed: topics, brokers, groups, streams, readers, silences, the agent itself; newest last.",
        ),
        "may-restart": (
            "streamwatch.cli.may_restart",
            "Ask a running agent whether a broker, or a reader, may be restarted now: yes or no by the exit code.",
        ),
        "notify": ("streamwatch.cli.notify", "Send a test notification through the channels."),
        "query": ("streamwatch.cli.rules", "Evaluate EXPRESSION (PromQL) on a running agent."),
        "reference": (
            "streamwatch.reference.commands",
            "Run a reference Kafka cluster, or Kinesis streams: real to every client, and broken on purpose.",
        ),
        "rules": (
            "streamwatch.cli.rules",
            "Check, test and export rule files, as Prometheus and its operator read them.",
        ),
        "silence": (
            "streamwatch.cli.silences",
            "Mute alerts by hand, for a time, on a running agent: see --url. amtool and Grafana can do it as well.",
        ),
        "top": (
            "streamwatch.cli.top.command",
            "Show what is watched, live in a terminal: the worst first, by topic, group, stream, reader.",
        ),
    }
    """By name: the module, and the line of the list of commands, which is written without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._elsewhere])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._elsewhere:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(
            importlib.import_module(self._elsewhere[cmd_name][0]), cmd_name.replace("-", "_")
        )
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete a command without importing any."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell's Tab needs it

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=self._short_help(name, 80)) for name in names), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names))
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(name, limit)) for name in names])

    def _short_help(self, name: str, limit: int) -> str:
        if name in self._elsewhere:
            return click.Command(name, help=self._elsewhere[name][1]).get_short_help_str(limit)
        return self.commands[name].get_short_help_str(limit)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="streamwatch")
def main() -> None:
    """Watch Kafka, Amazon MSK and Kinesis, and report what matters.

    Start with `streamwatch snapshot --kafka HOST:PORT` or `streamwatch snapshot --kinesis REGION` to see it once,
    `streamwatch doctor` when that does not work, and `streamwatch run` to serve its metrics to Prometheus.
    """


@main.command()
@_file
@_kafka
@_kinesis
@click.option("--listen", metavar="HOST:PORT", help="Without a file: where to serve the metrics.  [127.0.0.1:9308]")
@click.option(
    "--share",
    metavar="INDEX/COUNT",
    help="Of several agents with one configuration, which share of the sources this one watches, from 0/COUNT on.",
)
def run(file: Path | None, kafka: str | None, kinesis: str | None, listen: str | None, share: str | None) -> None:
    """Watch, and serve what is seen until a signal stops it.

    SIGHUP reads the configuration again, SIGTERM and SIGINT end the agent. Without a file and without flags, variables
    of the environment say what to watch: STREAMWATCH_KAFKA_BOOTSTRAP and others (docs/configuration.md).
    """
    # Blocked and waited for, in every thread, those of libraries too (numpy has one): a handler can miss what comes
    # just before the main thread begins to wait, and a thread that does not block them would end the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    # Imports make objects that stay: to walk them again and again for garbage is a seventh of the time of a start.
    gc.disable()
    from streamwatch.core import memory  # noqa: PLC0415 - only this command needs it

    memory.share_arena()
    memory.keep_large_blocks_apart()
    load = run_loader(file, kafka, kinesis, listen)
    config = loaded(load)

    from streamwatch.agent.app import App  # noqa: PLC0415 - only this command needs all of it
    from streamwatch.agent.config import share as read_share  # noqa: PLC0415
    from streamwatch.agent.service_watch import ServiceWatch  # noqa: PLC0415
    from streamwatch.core.clock import SystemClock  # noqa: PLC0415
    from streamwatch.core.supervisor import Supervisor  # noqa: PLC0415

    _configure_log(config)
    _log_exposures(config)

    def reload() -> "Config":
        fresh = load()
        _configure_log(fresh)
        _log_exposures(fresh)
        return fresh

    try:
        has_flags = kafka is not None or kinesis is not None  # they say the same again; files of secrets may not
        app = App(config, SystemClock(), None if has_flags else reload, read_share(share) if share else None)
    except StreamWatchError as error:
        raise click.ClickException(str(error)) from error
    try:
        app.start()
    except StreamWatchError as error:
        app.stop()
        raise click.ClickException(str(error)) from error
    gc.freeze()
    memory.look_for_cycles_seldom()
    gc.enable()
    click.echo(f"serving http{'s' if config.listen.tls else ''}://{app.address}/metrics", err=True)
    watch = ServiceWatch(Supervisor.of(os.environ, os.getpid()), app.ready, app.working)
    while watch.wait(_SIGNALS) == signal.SIGHUP:
        _reload(app)
    watch.leave()
    app.stop()


@main.command("check-config")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def check_config(file: Path | None) -> None:
    """Check a configuration FILE; every mistake is reported at once, with its line. Exit code 2 when there are any.

    Without FILE, that in the environment is checked, and printed as a file would say it, without its secrets.
    """
    from streamwatch.cli.check_config import check  # noqa: PLC0415 - the parser of expressions takes its time

    checked = loaded(lambda: check(file))
    config = checked.config
    click.echo(checked.as_file, nl=False)
    for doubt in checked.warnings:
        click.echo(f"doubtful: {doubt}")
    rules = sum(len(group.rules) for group in checked.groups)
    names = ", ".join(repr(source.name) for source in config.sources)
    kinds = [
        f"{len(found)} {what}{'s' * (len(found) != 1)}"
        for what, found in (
            ("Kafka cluster", config.kafka),
            ("Kinesis account", config.kinesis),
            ("Kafka Connect cluster", config.connect),
        )
        if found
    ]
    click.echo(f"{file or 'environment'}: fine: {', '.join(kinds)}: {names}; {rules} rules")


@main.command()
@_json
def metrics(as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List every metric: what it is called, what it means, and by which names CloudWatch has it."""
    from streamwatch.catalogue import METRICS  # noqa: PLC0415
    from streamwatch.catalogue.cloudwatch_names import cloudwatch_names  # noqa: PLC0415

    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "unit": one.unit,
            "labels": list(one.labels),
            "help": one.help,
            "cloudwatch": {
                each.name: {
                    "namespace": each.namespace,
                    "level": each.level,
                    "statistic": each.statistic,
                    "labels": dict(each.labels),
                }
                for each in cloudwatch_names(one)
            },
        }
        for one in METRICS
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return

    from streamwatch.cli.tables import metrics_table, show  # noqa: PLC0415

    show(metrics_table(METRICS))


@main.command()
@_file
@_kafka
@_kinesis
@_json
def snapshot(file: Path | None, kafka: str | None, kinesis: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Read each cluster and account once and show what is seen. Exit code 1 when one could not be read."""
    config = loaded(loader(file, kafka, kinesis))

    from streamwatch.cli.snapshot import chosen, read_all  # noqa: PLC0415
    from streamwatch.cli.tables import show, tables  # noqa: PLC0415
    from streamwatch.model.connect import ConnectSnapshot  # noqa: PLC0415
    from streamwatch.model.kinesis import StreamsSnapshot  # noqa: PLC0415
    from streamwatch.model.reader import ReadersSnapshot  # noqa: PLC0415

    _configure_log(config, quiet=True)
    blind = False
    found: list[dict[str, Any]] = []
    for source in config.sources:
        seen = read_all(source)
        now = seen[0].snapshot
        problems = [problem for one in seen for problem in one.snapshot.problems]
        samples = chosen(source, seen)
        blind |= not now.is_up
        if as_json:
            found.append(
                {
                    "cluster" if source in config.kafka else "source": source.name,
                    "taken_at": now.taken_at,
                    "notes": list(now.notes()) if isinstance(now, StreamsSnapshot | ConnectSnapshot) else [],
                    "problems": [
                        {"scope": p.scope, "reason": p.reason, "detail": p.detail, "count": p.count} for p in problems
                    ],
                    "samples": [
                        {
                            "name": s.metric.name,
                            "labels": dict(zip(s.keys.names, row, strict=True)),
                            "value": value,
                            "source": kind,
                        }
                        for kind, s in samples
                        for row, value in s.known().items()
                    ],
                }
            )
        else:
            show(*tables(now, [s for _, s in samples], problems))
            if readers := sorted({one.kind for one in seen if isinstance(one.snapshot, ReadersSnapshot)}):
                click.echo(f"{source.name}: readers ({', '.join(readers)}) are in no table: --json has them")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    sys.exit(int(blind))


@main.command()
@_file
@_json
def compare(file: Path | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Show every metric that several sources know, from each of them. Exit code 1 when a difference is unexplained."""
    config = loaded(loader(file, has_flags=False))

    from dataclasses import asdict  # noqa: PLC0415

    from streamwatch.cli.compare import compared  # noqa: PLC0415
    from streamwatch.cli.snapshot import read_all  # noqa: PLC0415
    from streamwatch.cli.tables import compared_table, comparison_summary, show  # noqa: PLC0415

    _configure_log(config, quiet=True)
    lines = [line for source in config.sources for line in compared(read_all(source))]
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines], indent=2))
    elif lines:
        show(compared_table(lines))
        click.echo(comparison_summary(lines))
    else:
        click.echo("no metric has two sources: add `open_monitoring` to a cluster")
    sys.exit(int(any(line.verdict == "differs" for line in lines)))


@main.command()
@_file
@_kafka
@_kinesis
@click.option("--verbose", is_flag=True, help="A line for each check, those that are well, too.")
def doctor(file: Path | None, kafka: str | None, kinesis: str | None, verbose: bool) -> None:  # noqa: FBT001 - a flag
    """Check each source step by step: name, TCP, TLS, login and every right; say what to do. Exit code 1 on failure."""
    config = loaded(loader(file, kafka, kinesis))

    from streamwatch.cli.doctor import check_up  # noqa: PLC0415
    from streamwatch.cli.doctor_report import DoctorReport  # noqa: PLC0415

    _configure_log(config, quiet=True)
    report = DoctorReport(click.echo, is_verbose=verbose)
    check_up(config, report.add)
    report.end()
    sys.exit(int(report.failed > 0))


def _configure_log(config: "Config", *, quiet: bool = False) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from streamwatch.agent import log  # noqa: PLC0415
    from streamwatch.settings.secrets import secrets_of  # noqa: PLC0415

    settings = replace(config.log, level="error") if quiet else config.log
    log.configure(settings, sys.stdout if not quiet else sys.stderr, secrets=secrets_of(config))


def _log_exposures(config: "Config") -> None:
    import logging  # noqa: PLC0415

    from streamwatch.agent.exposure import exposures  # noqa: PLC0415

    for what, remedy in exposures(config):
        logging.getLogger(__name__).warning("%s: %s", what, remedy)


def _reload(app: "App") -> None:
    try:
        app.reload()
    except StreamWatchError as error:
        import logging  # noqa: PLC0415

        logging.getLogger(__name__).error("configuration refused: %s", error)  # noqa: TRY400 - no traceback
