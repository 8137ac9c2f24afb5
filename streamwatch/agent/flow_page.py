"""The data-flow map, for browsers and as JSON: made when somebody asks, of the samples that there are."""

import json
import threading
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from streamwatch.agent.target_runner import TargetRunner
from streamwatch.core.clock import Clock
from streamwatch.export.web_page.addresses import FLOW_JSON
from streamwatch.export.web_page.flow import flow
from streamwatch.flow.answer import answer
from streamwatch.flow.assemble import assembled
from streamwatch.flow.facts import Part
from streamwatch.flow.graph import Graph
from streamwatch.http.message import Response
from streamwatch.model.metric import PRECEDENCE
from streamwatch.samples.hub import Hub

if TYPE_CHECKING:
    from streamwatch.export.web_page.render import Renderer

_FRESH_SECONDS: Final = 1.0
_SHARE: Final = 10.0
"""A map that took long to make is shown for so many times as long: making it takes a tenth of a processor at most."""


class FlowPage:
    """What ``/flow`` and ``/api/v1/flow`` show. May be used from any thread."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub, self._clock = hub, clock
        self._lock = threading.Lock()
        self._made: dict[str, tuple[float, Response]] = {}
        """What was made by path, and until when it is fresh."""
        self._renderer: Renderer | None = None

    def answer(self, path: str, runners: Iterable[TargetRunner]) -> Response:
        """Return the map at one of the two paths; one that was made a moment ago, where there is."""
        with self._lock:
            now = self._clock.monotonic()
            made = self._made.get(path)
            if made is None or now >= made[0]:
                read = tuple(runners)
                graph = assembled(self._parts(read), self._hub.past)
                unread = [why for one in read if (why := _unread(one))]
                response = _json(graph, unread) if path == FLOW_JSON else self._page(graph, unread)
                ended = self._clock.monotonic()
                made = self._made[path] = (ended + max(_FRESH_SECONDS, _SHARE * (ended - now)), response)
            return made[1]

    def _parts(self, runners: tuple[TargetRunner, ...]) -> list[Part]:
        """Return what is known of each part, as of the read of the source that counts first."""
        found = []
        for part in self._hub.current().values():
            reads = [runner for runner in runners if runner.name in part.sources and runner.last is not None]
            first = min(reads, key=_rank, default=None)
            found.append(Part(part.samples, None if first is None or first.last is None else first.last.taken_at))
        return found

    def _page(self, graph: Graph, unread: Sequence[str]) -> Response:
        from streamwatch.export.web_page.render import Renderer  # noqa: PLC0415 - only who is looked at pays for the templates

        if self._renderer is None:
            self._renderer = Renderer()
        return self._renderer.flow(flow(graph, unread))


def _rank(runner: TargetRunner) -> int:
    kinds: tuple[str, ...] = PRECEDENCE
    return kinds.index(runner.kind) if runner.kind in kinds else len(kinds)


def _unread(runner: TargetRunner) -> str:
    """Return what a source could not read, and why; empty where it read everything."""
    if runner.last is None:
        return f"{runner.name}: the first read has not ended yet"
    problems = runner.last.problems
    if not problems:
        return "" if runner.last.is_up else f"{runner.name}: it cannot be read"
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{runner.name}: {problems[0].reason}: {problems[0].detail}{more}"


def _json(graph: Graph, unread: Sequence[str]) -> Response:
    text = json.dumps({"status": "success", "data": answer(graph, unread)}, separators=(",", ":"), allow_nan=False)
    return Response(HTTPStatus.OK, text.encode(), "application/json")
