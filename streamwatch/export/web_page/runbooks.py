"""The runbooks of the alerts that come with StreamWatch, for a browser and for curl."""

import re
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamwatch.http.message import Request, Response, text_response
from streamwatch.http.negotiate import wants_html

if TYPE_CHECKING:
    from streamwatch.export.web_page.render import Renderer

PREFIX: Final = "/runbooks/"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_TEXT: Final = "text/markdown; charset=utf-8"


class Runbooks:
    """Answers what is asked for below ``/runbooks/``; may be used from any thread."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, in which each is ``NAME.md``."""
        self._folder = folder
        self._renderer: Renderer | None = None

    def answer(self, request: Request) -> Response:
        """Return one by its alert's name, or the names of all."""
        name = request.path.removeprefix(PREFIX).removesuffix(".md")
        if not name:
            return self._list(request)
        # Nothing else is a name: no path, and no sign that a file system reads in its own way.
        path = self._folder / f"{name}.md" if _NAME.fullmatch(name) else None
        if path is None or not path.is_file():
            return text_response(HTTPStatus.NOT_FOUND, f"there is no such runbook: {PREFIX} lists them")
        text = path.read_text(encoding="utf-8")
        if not wants_html(request.headers.get("Accept", "")):
            return replace(
                text_response(HTTPStatus.OK, text.rstrip("\n"), headers=(("Vary", "Accept"),)), content_type=_TEXT
            )
        return self._rendering().runbook(name, text)

    def _list(self, request: Request) -> Response:
        names = sorted(path.stem for path in self._folder.glob("*.md"))
        if wants_html(request.headers.get("Accept", "")):
            return self._rendering().runbooks(names)
        return text_response(HTTPStatus.OK, *names, headers=(("Vary", "Accept"),))

    def _rendering(self) -> "Renderer":
        from streamwatch.export.web_page.render import Renderer  # noqa: PLC0415 - only who is looked at pays for the templates

        if self._renderer is None:
            self._renderer = Renderer()
        return self._renderer
