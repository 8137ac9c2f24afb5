"""HTML of the page and of runbooks, by templates; with a policy that lets a browser fetch nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from streamwatch.export.web_page.flow import Shown as Flow
from streamwatch.export.web_page.markdown import blocks
from streamwatch.export.web_page.view import PageView
from streamwatch.export.web_page.words import number
from streamwatch.http.message import Response

_CONTENT_TYPE: Final = "text/html; charset=utf-8"


class Renderer:
    """Renders the page; may be used from any thread."""

    def __init__(self) -> None:
        loader = PackageLoader("streamwatch.export.web_page")
        self._environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._environment.globals["number"] = number
        names = ("page.css", "page.js", "flow.js")
        css, script, flow_script = (loader.get_source(self._environment, name)[0] for name in names)
        self._inline = {"css": Markup(css), "script": Markup(script), "flow_script": Markup(flow_script)}  # noqa: S704 - our own files
        policy = (
            f"default-src 'none'; style-src {_hash(css)}; script-src {_hash(script)} {_hash(flow_script)};"
            " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._headers = (
            ("Content-Security-Policy", policy),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("Vary", "Accept, Accept-Encoding"),
        )

    def render(self, view: PageView) -> Response:
        """Return the page as an answer to a browser."""
        return self._answer("page.html", view=view)

    def flow(self, view: Flow) -> Response:
        """Return the data-flow map as an answer to a browser."""
        return self._answer("flow.html", view=view)

    def runbook(self, name: str, text: str) -> Response:
        """Return a runbook, which is Markdown, as an answer to a browser."""
        return self._answer("runbook.html", name=name, blocks=blocks(text), names=())

    def runbooks(self, names: Sequence[str]) -> Response:
        """Return links to all of them."""
        return self._answer("runbook.html", name="Runbooks", blocks=(), names=names)

    def _answer(self, template: str, **given: object) -> Response:
        text = self._environment.get_template(template).render(**given, **self._inline)
        return Response(HTTPStatus.OK, text.encode(), _CONTENT_TYPE, self._headers)


def _hash(text: str) -> str:
    """Return what the policy knows a text by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
