"""Dashboards brought into a Grafana: what would change is known before anything is, and nobody's work is overwritten.

The API is grafana-api's. It hides what a broken proxy says behind its own mistakes (``TypeError``, an answer that is no
JSON), which are sent as what they are here.
"""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from grafana_api.grafana_api import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError
from grafana_api.grafana_face import GrafanaFace
from requests.exceptions import RequestException

from streamwatch.core.errors import GrafanaError

T = TypeVar("T")

State = Literal["new", "same", "differs"]
_NOT_FOUND: Final = 404
_THEIRS: Final = ("id", "version", "iteration")
"""What Grafana writes into a dashboard by itself."""
_MESSAGE: Final = "StreamWatch"
_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One dashboard, and what pushing it would do."""

    title: str
    document: Mapping[str, Any]
    state: State
    diff: Sequence[str]
    """From what is there to what would be."""
    version: int
    """Of what is there; 0 where nothing is."""


class Grafana:
    """One Grafana."""

    def __init__(self, url: str, auth: str | tuple[str, str], *, verify: bool | str = True) -> None:
        """Remember where it is; nothing is asked yet.

        Args:
            url: as in ``https://grafana.example/prefix``.
            auth: a service account's token, or a user and a password.
            verify: whether its certificate is checked; or the path of the authorities to check it by.

        Raises:
            GrafanaError: it is no such URL.

        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise GrafanaError(
                f"--url {_bare(url)!r}: is no address: write https://grafana.example or http://HOST:3000"
            )
        prefix = parts.path.strip("/")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._where = _bare(url)
        self._face = GrafanaFace(
            auth=auth,
            host=host,
            port=parts.port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            verify=verify,
            timeout=_TIMEOUT_SECONDS,
        )

    def data_source(self, wanted: str | None) -> tuple[str, str] | None:
        """Return the uid and the name of the Prometheus to use: the one that is wanted, or the only one.

        Raises:
            GrafanaError: there is no such one, or it is no Prometheus.

        """
        found = self._ask("data sources", self._face.datasource.list_datasources)
        some = [(one["uid"], one["name"]) for one in found if one["type"] == "prometheus"]
        if wanted is None:
            return some[0] if len(some) == 1 else None
        chosen = next((one for one in some if wanted in one), None)
        if chosen is None:
            there = ", ".join(repr(name) for _, name in some) or "none"
            raise GrafanaError(f"{self._where}: no Prometheus is called {wanted!r}: there are {there}")
        return chosen

    def folder(self, title: str) -> str | None:
        """Return the uid of a folder; None where there is none of that title."""
        found = self._ask("folders", self._face.folder.get_all_folders)
        return next((str(one["uid"]) for one in found if one["title"] == title), None)

    def make_folder(self, title: str) -> str:
        """Make a folder, and return its uid."""
        return str(self._ask(f"folder {title!r}", lambda: self._face.folder.create_folder(title))["uid"])

    def plan(self, document: Mapping[str, Any]) -> Planned:
        """Return what pushing a dashboard would do."""
        try:
            there = self._face.dashboard.get_dashboard(document["uid"])["dashboard"]
        except GrafanaClientError as error:
            if error.status_code != _NOT_FOUND:
                raise self._failed(f"dashboard {document['title']!r}", error) from error
            return Planned(document["title"], document, "new", (), 0)
        except (GrafanaException, RequestException, ValueError, TypeError, KeyError) as error:
            raise self._failed(f"dashboard {document['title']!r}", error) from error
        before, after = _lines(there), _lines(document)
        diff = list(difflib.unified_diff(before, after, "in Grafana", "StreamWatch's", lineterm="", n=2))
        return Planned(document["title"], document, "differs" if diff else "same", diff, int(there.get("version", 0)))

    def push(self, planned: Planned, folder: str) -> str:
        """Write a dashboard as it was planned, and return its URL; refused when somebody has changed it since."""
        wanted = {
            "dashboard": {**planned.document, "id": None, "version": planned.version},
            "folderUid": folder,
            "message": _MESSAGE,
            "overwrite": False,
        }
        what = f"dashboard {planned.title!r}"
        answer = self._ask(what, lambda: self._face.dashboard.update_dashboard(wanted))
        return str(answer.get("url", ""))

    def _ask(self, what: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (GrafanaException, RequestException, ValueError, TypeError, KeyError) as error:
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: Exception) -> GrafanaError:
        where = f"{self._where}: {what}"
        if isinstance(error, GrafanaUnauthorizedError):
            return GrafanaError(f"{where}: the token or the password is not taken: give that of a service account")
        if isinstance(error, GrafanaException):
            return GrafanaError(f"{where}: {error.message}")
        if isinstance(error, RequestException) and not isinstance(error, ValueError):
            return GrafanaError(f"{where}: no answer: {type(error).__name__}: is the address right?")
        return GrafanaError(f"{where}: the answer is not Grafana's: is there a proxy or a sign-in page before it?")


def with_source(document: Mapping[str, Any], source: tuple[str, str] | None) -> dict[str, Any]:
    """Return a dashboard that looks at a data source, by uid and name; without one, Grafana asks for it."""
    if source is None:
        return dict(document)
    uid, name = source
    chosen = {"text": name, "value": uid, "selected": True}
    variables = [
        {**one, "current": chosen} if one["type"] == "datasource" else one for one in document["templating"]["list"]
    ]
    return {**document, "templating": {"list": variables}}


def _lines(document: Mapping[str, Any]) -> list[str]:
    kept = {name: value for name, value in document.items() if name not in _THEIRS}
    return json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def _bare(url: str) -> str:
    """Return an address without what may be secret in it."""
    return url.rpartition("@")[2] if "@" in url else url.partition("?")[0]
