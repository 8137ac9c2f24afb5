"""``streamwatch rules`` and ``streamwatch query``."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import click

from streamwatch.agent.config import load as load_config
from streamwatch.catalogue import METRICS, kafka_exporter
from streamwatch.cli.agent_client import AgentClient, options
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError, RuleError
from streamwatch.rules.config import Config, pack_folder
from streamwatch.rules.export import FORMS, ExportOptions, export
from streamwatch.rules.lint import lint
from streamwatch.rules.load import load
from streamwatch.rules.rule import RuleGroup
from streamwatch.rules.trial import trial
from streamwatch.rules.unit import run

_files = click.argument("files", nargs=-1, type=click.Path(path_type=Path))


@click.group()
def rules() -> None:
    """Check, test and export rule files, as Prometheus and its operator read them."""


@rules.command()
@_files
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A configuration: its rule files, where none is given, and the metrics of its `export.compatibility`.",
)
@click.option("--tick", type=float, default=15.0, show_default=True, help="Seconds between samples.")
@click.option("--strict", is_flag=True, help="Exit with 1 for doubts, too.")
def check(files: tuple[Path, ...], config_file: Path | None, tick: float, strict: bool) -> None:  # noqa: FBT001 - a flag
    """Check rule FILES (by default the alerts that come with StreamWatch).

    Exit code 1 when one cannot be used, or fails over series as there may be. What is doubtful (an unknown metric, a
    rule that cannot fire) is reported, too.
    """
    config, compatibility = (Config(), ()) if config_file is None else _configured(config_file)
    paths = list(files) or config.paths()
    groups = _loaded(paths)
    is_compatible = "kafka_exporter" in compatibility
    theirs = kafka_exporter.METRICS
    if failures := trial(groups, (*METRICS, *theirs), SystemClock()):
        click.echo("\n".join(failures), err=True)
        raise SystemExit(1)
    doubts = lint(groups, (*METRICS, *theirs), tick) if is_compatible else lint(groups, METRICS, tick, theirs)
    for doubt in doubts:
        click.echo(f"doubtful: {doubt}")
    count = sum(len(group.rules) for group in groups)
    doubtful = f", {_counted(len(doubts), 'doubt')}" if doubts else ""
    click.echo(f"{_counted(len(paths), 'file')}, {_counted(count, 'rule')}: fine{doubtful}")
    if doubts and strict:
        raise SystemExit(1)


@rules.command()
@_files
def test(files: tuple[Path, ...]) -> None:
    """Run promtool's test FILES (by default those of the alerts that come with StreamWatch), without promtool.

    Exit code 1 when a test fails.
    """
    failed = 0
    for path in list(files) or sorted((pack_folder() / "tests").glob("*.yml")):
        try:
            verdicts = run(path, SystemClock())
        except RuleError as error:
            click.echo(f"{path}: FAILED: {error}")
            failed += 1
            continue
        wrong = [verdict for verdict in verdicts if verdict.failures]
        failed += len(wrong)
        click.echo(f"{path}: {'FAILED' if wrong else 'SUCCESS'}: {len(verdicts) - len(wrong)} of {len(verdicts)} tests")
        for verdict in wrong:
            click.echo(f"  {verdict.name}:")
            for failure in verdict.failures:
                click.echo("    " + failure.replace("\n", "\n    "))
    if failed:
        raise SystemExit(1)


@rules.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option(
    "--as",
    "form",
    type=click.Choice(tuple(FORMS)),
    default="prometheus",
    show_default=True,
    help="Files for `rule_files`, or PrometheusRule objects for the operator.",
)
@click.option("--runbooks", metavar="URL", help="Where runbooks are: an agent, as in https://agent.example.com.")
@click.option("--namespace", metavar="NAME", help="Of the Kubernetes objects.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of the Kubernetes objects, as operators select them.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there and say something else.")
def export_command(  # noqa: PLR0913, PLR0917 - its options
    folder: Path,
    form: str,
    runbooks: str | None,
    namespace: str | None,
    labels: tuple[str, ...],
    overwrite: bool,  # noqa: FBT001 - a flag
) -> None:
    """Write the alerts that come with StreamWatch into a folder, for a Prometheus or its operator."""
    if runbooks is not None and not runbooks.startswith(("http://", "https://")):
        raise click.UsageError(f"--runbooks: {runbooks!r} is no address: write https://HOST")
    split = [label.partition("=") for label in labels]
    if wrong := [name for name, is_given, _ in split if not (name and is_given)]:
        raise click.UsageError(f"--label: {wrong[0]!r}: write NAME=VALUE")
    wanted = ExportOptions(form, runbooks, namespace, {name: value for name, _, value in split})
    try:
        written = export(folder, wanted, overwrite=overwrite)
    except RuleError as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(str(path))


def _configured(file: Path) -> tuple[Config, Sequence[str]]:
    try:
        config = load_config(file)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    return config.rules, config.export.compatibility


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _loaded(paths: list[Path]) -> tuple[RuleGroup, ...]:
    try:
        return load(paths)
    except RuleError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        raise SystemExit(1) from None


@click.command()
@click.argument("expression")
@options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def query(expression: str, url: str, username: str | None, password_file: Path | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Evaluate EXPRESSION (PromQL) on a running agent."""
    asked = f"/api/v1/query?{urlencode({'query': expression})}"
    data = AgentClient(url, username, password_file).ask("GET", asked)["data"]
    if as_json:
        click.echo(json.dumps(data))
    elif data["resultType"] == "vector":
        for one in data["result"]:
            name = one["metric"].pop("__name__", "")
            labels = ", ".join(f"{label}={json.dumps(value)}" for label, value in one["metric"].items())
            click.echo(f"{name}{{{labels}}} {one['value'][1]}")
        if not data["result"]:
            click.echo("nothing", err=True)
    else:
        click.echo(data["result"][1])
