"""A running agent, asked over HTTP by the commands."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from streamwatch.core.files import read_short
from streamwatch.core.words import printable
from streamwatch.http.transport import basic

F = TypeVar("F", bound=Callable[..., Any])

_TIMEOUT_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 2**20
_MOST_WORDS: Final = 2000


class AgentRefused(click.ClickException):
    """It answers, with a status that is no success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AgentClient:
    """Where it is, and who asks."""

    def __init__(self, url: str, username: str | None, password: Path | str | None) -> None:
        """Take what the options say; the password is in a file, or it is the password itself.

        Raises:
            click.UsageError: it is no address, or the password is missing.

        """
        _refuse_what_is_no_address(url)
        if (username is None) != (password is None):
            raise click.UsageError("--username and --password-file belong together")
        self._url = url.rstrip("/")
        self._headers: dict[str, str] = {}
        if username is not None and password is not None:
            known = password if isinstance(password, str) else _read(password)
            self._headers["Authorization"] = basic(username, known)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._url

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Return what it answers.

        Raises:
            click.ClickException: it does not answer, or refuses.

        """
        raw = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, **({} if raw is None else {"Content-Type": "application/json"})}
        asked = urllib.request.Request(f"{self._url}{path}", raw, headers, method=method)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the same
                text = answer.read(_MOST_BYTES)
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            why = printable(_sentence(error.read(_MOST_WORDS).decode("utf-8", "replace").strip()))
            raise AgentRefused(f"{self._url}: refused, status {error.code}: {why}", error.code) from None
        except (OSError, ValueError, http.client.HTTPException) as error:  # the last: it speaks something else
            why = f"no answer: {printable(str(error) or type(error).__name__)}: is the agent running there? See --url"
            raise click.ClickException(f"{self._url}: {why}") from None


def _refuse_what_is_no_address(url: str) -> None:
    """Refuse what cannot be asked, without repeating a password that it holds."""
    if "@" in url:  # wherever it is: no address of an agent has one, and what is written wrongly may hold a password
        raise click.UsageError("a name and a password are no part of --url: give --username and --password-file")
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise click.UsageError(f"{url!r} is no address: write http://HOST:PORT") from None
    if not is_fine or parts.query or parts.fragment or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise click.UsageError(f"{url!r} is no address: write http://HOST:PORT")


def _sentence(answer: str) -> str:
    """Return the error that an answer in JSON names, or is; the answer itself where it is none."""
    try:
        found = json.loads(answer)
    except ValueError:
        return answer
    error = found.get("error") if isinstance(found, dict) else found
    return error if isinstance(error, str) else answer


def _read(password_file: Path) -> str:
    try:
        return read_short(password_file).rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--password-file {password_file}: cannot be read: {error}") from None


def options(command: F) -> F:
    """Add the options that say where the agent is, and who asks."""
    for one in (
        click.option(
            "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="A file with its password."
        ),
        click.option("--username", metavar="NAME", help="A user name, where the agent asks for one."),
        click.option("--url", default="http://127.0.0.1:9308", show_default=True, help="The running agent."),
    ):
        command = one(command)
    return command
