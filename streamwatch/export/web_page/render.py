"""HTML of the page and of runbooks, by templates; with a policy that lets a browser fetch nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from streamwatch.export.web_page.entity import EntityView
from streamwatch.export.web_page.flow import Shown as Flow
from streamwatch.export.web_page.markdown import blocks
from streamwatch.export.web_page.view import PageView
from streamwatch.export.web_page.words import counted, number
from streamwatch.http.message import Response

_TURNS: Final = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
"""Unicode's signs of direction."""
_CONTENT_TYPE: Final = "text/html; charset=utf-8"


class Renderer:
    """Renders the page; may be used from any thread."""

    def __init__(self) -> None:
        loader = PackageLoader("streamwatch.export.web_page")
        self._environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_in_order
        )
        self._environment.globals |= {"number": number, "counted": counted}
        names = ("page.css", "page.js", "flow.js", "entity.js")
        css, script, flow_script, entity_script = (loader.get_source(self._environment, name)[0] for name in names)
        own = {"css": css, "script": script, "flow_script": flow_script, "entity_script": entity_script}
        self._inline = {name: Markup(text) for name, text in own.items()}  # noqa: S704 - our own files
        policy = (
            f"default-src 'none'; style-src {_hash(css)}; "
            f"script-src {' '.join(_hash(each) for each in (script, flow_script, entity_script))};"
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

    def entity(self, view: EntityView) -> Response:
        """Return the page of a single thing as an answer to a browser."""
        return self._answer("entity.html", view=view)

    def runbook(self, name: str, text: str) -> Response:
        """Return a runbook, which is Markdown, as an answer to a browser."""
        return self._answer("runbook.html", name=name, blocks=blocks(text), names=())

    def runbooks(self, names: Sequence[str]) -> Response:
        """Return links to all of them."""
        return self._answer("runbook.html", name="Runbooks", blocks=(), names=names)

    def _answer(self, template: str, **given: object) -> Response:
        text = self._environment.get_template(template).render(**given, **self._inline)
        return Response(HTTPStatus.OK, text.encode(errors="replace"), _CONTENT_TYPE, self._headers)


def _in_order(value: object) -> object:
    """Return what is written for a value: a name has no signs that turn the order of what stands around it."""
    return value.translate(_TURNS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _hash(text: str) -> str:
    """Return what the policy knows a text by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
