"""``streamwatch dashboards``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamwatch.core.errors import GrafanaError
from streamwatch.core.words import printable
from streamwatch.dashboards.export import FORMS, export
from streamwatch.dashboards.files import files

if TYPE_CHECKING:
    from streamwatch.dashboards.push import Planned

_FOLDER: Final = "StreamWatch"
_REFUSED: Final = 1
_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}


@click.group()
def dashboards() -> None:
    """Bring the dashboards to Grafana."""


@dashboards.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option(
    "--as",
    "form",
    type=click.Choice(tuple(FORMS)),
    default="files",
    show_default=True,
    help="Files with a provider for Grafana's provisioning, ConfigMaps for its sidecar, or objects of its operator.",
)
@click.option("--folder", "title", default=_FOLDER, show_default=True, metavar="TITLE", help="The folder in Grafana.")
@click.option("--namespace", metavar="NAME", help="Of the Kubernetes objects.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there and say something else.")
def export_command(folder: Path, form: str, title: str, namespace: str | None, overwrite: bool) -> None:  # noqa: FBT001
    """Write the dashboards into a folder."""
    try:
        written = export(folder, form, title, namespace, overwrite=overwrite)
    except GrafanaError as error:
        raise click.ClickException(printable(str(error))) from error
    for path in written:
        click.echo(str(path))


@dashboards.command()
@click.option("--url", required=True, metavar="URL", envvar="GRAFANA_URL", help="As in https://grafana.example/prefix.")
@click.option("--token", envvar="GRAFANA_TOKEN", metavar="TOKEN", help="A service account's; better: --token-file.")
@click.option("--token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@click.option("--user", metavar="NAME", help="Instead of a token: a user.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="Authorities to trust.")
@click.option(
    "--folder", "title", default=_FOLDER, show_default=True, metavar="TITLE", help="Made where it is not there."
)
@click.option("--datasource", metavar="NAME", help="The Prometheus to look at; by default the only one there is.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--overwrite", is_flag=True, help="Replace dashboards that are there and differ.")
def push(  # noqa: PLR0913, PLR0917 - its options
    url: str,
    token: str | None,
    token_file: Path | None,
    user: str | None,
    password_file: Path | None,
    ca_file: str | None,
    title: str,
    datasource: str | None,
    dry_run: bool,  # noqa: FBT001 - a flag
    overwrite: bool,  # noqa: FBT001 - a flag
) -> None:
    """Write the dashboards into a Grafana. Those that differ from what is there are shown, and left as they are."""
    from streamwatch.dashboards.push import Grafana, with_source  # noqa: PLC0415 - requests takes 0.2 s

    auth = _auth(token, token_file, user, password_file)
    try:
        grafana = Grafana(url, auth, verify=True if ca_file is None else ca_file)
        source = grafana.data_source(datasource)
        planned = [grafana.plan(with_source(json.loads(text), source)) for text in files().values()]
        wanted = [one for one in planned if one.state == "new" or (one.state == "differs" and overwrite)]
        folder = None
        if wanted and not dry_run:
            folder = grafana.folder(title) or grafana.make_folder(title)
        for one in planned:
            _show(one, is_shown=dry_run or one not in wanted)
            if one in wanted:
                click.echo(
                    "  would be written" if folder is None else f"  written: {printable(grafana.push(one, folder))}"
                )
    except GrafanaError as error:
        raise click.ClickException(printable(str(error))) from error
    if source is None:
        click.echo("Grafana has no Prometheus, or several: each dashboard asks which; or give --datasource NAME")
    left = [one.title for one in planned if one not in wanted and one.state == "differs"]
    if left:
        click.echo(f"left as they are: {', '.join(left)}: give --overwrite to replace them", err=True)
        raise SystemExit(_REFUSED)


def _show(planned: "Planned", *, is_shown: bool) -> None:
    words = {"new": "is not there yet", "same": "is there, the same", "differs": "is there, and differs"}
    click.echo(f"{planned.title}: {words[planned.state]}")
    for line in planned.diff if is_shown else ():
        click.echo("  " + click.style(printable(line), fg=_COLOURS.get(line[:1])))


def _auth(
    token: str | None, token_file: Path | None, user: str | None, password_file: Path | None
) -> str | tuple[str, str]:
    if token_file is not None:
        token = token_file.read_text(encoding="utf-8").strip()
    if token:
        return token
    if user is not None and password_file is not None:
        return user, password_file.read_text(encoding="utf-8").strip()
    raise click.UsageError("who are you? give --token-file FILE (or GRAFANA_TOKEN), or --user with --password-file")
