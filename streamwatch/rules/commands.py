"""``streamwatch rules`` and ``streamwatch query``."""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import click

from streamwatch.catalogue import METRICS
from streamwatch.clock import SystemClock
from streamwatch.errors import RuleError
from streamwatch.rules.config import Config, pack_folder
from streamwatch.rules.lint import lint
from streamwatch.rules.load import load
from streamwatch.rules.rule import Group
from streamwatch.rules.unit import run

_files = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
_TIMEOUT_SECONDS = 10.0
_MOST_BYTES = 64 * 2**20


@click.group()
def rules() -> None:
    """Check and test rule files, as Prometheus reads them."""


@rules.command()
@_files
@click.option("--tick", type=float, default=15.0, show_default=True, help="Seconds between samples.")
@click.option("--strict", is_flag=True, help="Exit with 1 for doubts, too.")
def check(files: tuple[Path, ...], tick: float, strict: bool) -> None:  # noqa: FBT001 - a flag
    """Check rule FILES (by default the alerts that come with StreamWatch).

    Exit code 1 when one cannot be used. What is doubtful (an unknown metric, a rule that cannot fire) is told as well.
    """
    paths = list(files) or Config().paths()
    groups = _loaded(paths)
    doubts = lint(groups, METRICS, tick)
    for doubt in doubts:
        click.echo(f"doubtful: {doubt}")
    count = sum(len(group.rules) for group in groups)
    click.echo(f"{len(paths)} files, {count} rules: fine" + (f", {len(doubts)} doubts" if doubts else ""))
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


def _loaded(paths: list[Path]) -> tuple[Group, ...]:
    try:
        return load(paths)
    except RuleError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        raise SystemExit(1) from None


@click.command()
@click.argument("expression")
@click.option("--url", default="http://127.0.0.1:9308", show_default=True, help="The running agent.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def query(expression: str, url: str, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Evaluate EXPRESSION (PromQL) on a running agent."""
    asked = f"{url.rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    if not asked.startswith(("http://", "https://")):
        raise click.UsageError(f"{url!r} is no address: write http://HOST:PORT")
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
            told = json.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        body = error.read(_MOST_BYTES).decode("utf-8", "replace")
        try:
            why = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError):
            why = body.strip()
        raise click.ClickException(f"{url}: {why}") from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{url}: no answer: {error}: is the agent running there? See --url") from None
    data = told["data"]
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
