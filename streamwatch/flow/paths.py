"""How far each node is behind where its data comes from: the sum of the lags on the way, unknown where one is.

What is left to read passed the source a while ago: the source counts as it was then, where that is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from streamwatch.flow.graph import Edge, Graph


@dataclass(frozen=True, slots=True)
class Path:
    """A way that data takes, from where none comes before to a node."""

    edges: tuple[Edge, ...]

    @property
    def start(self) -> str:
        """The node that it begins at."""
        return self.edges[0].source

    @property
    def end(self) -> str:
        """The node that it ends at."""
        return self.edges[-1].target

    @property
    def at_least(self) -> float:
        """What is known of its age, in seconds."""
        first, *others = self.edges
        return _age(first, sum(map(_lag, others)), self.edges[-1].at)

    @property
    def unknown(self) -> tuple[Edge, ...]:
        """The hops whose lag is not known."""
        return tuple(one for one in self.edges if one.seconds is None)

    @property
    def seconds(self) -> float | None:
        """Its age: that of the oldest data which has not come to its end; None where a lag is not known."""
        return None if self.unknown else self.at_least


@dataclass(frozen=True, slots=True)
class Ways:
    """The worst ways to a node; None where there is none."""

    known: Path | None
    """The oldest of those whose every hop is known."""
    unknown: Path | None
    """Of those with a hop that is not known, the one with the largest known part."""

    @property
    def worst(self) -> Path | None:
        """The one to look at: what is not known may be worse than what is."""
        return self.unknown or self.known


@dataclass(frozen=True, slots=True)
class _Best:
    """The end of the worst way to a node, of which the rest is found where it comes from."""

    age: float
    first: Edge
    after: float
    """The sum of its lags after the first, in seconds."""
    edge: Edge
    is_unknown_before: bool


class Paths:
    """The worst ways to every node of a graph; circles are cut where they close."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.closing = frozenset(_closing(graph))
        """The edges that close a circle, by what they join: no path takes them."""
        self._known: dict[str, _Best] = {}
        self._unknown: dict[str, _Best] = {}
        into = graph.into()
        for node in self.order():
            for edge in into[node]:
                if edge.key not in self.closing:
                    self._take(edge)

    def order(self) -> Iterator[str]:
        """Yield the nodes, each after those that its data comes from."""
        waiting = dict.fromkeys(self.graph.nodes, 0)
        for edge in self.graph.edges:
            waiting[edge.target] += edge.key not in self.closing
        ready = [node for node, count in waiting.items() if not count]
        out_of = self.graph.out_of()
        while ready:
            node = ready.pop()
            yield node
            for edge in out_of[node]:
                if edge.key not in self.closing:
                    waiting[edge.target] -= 1
                    if not waiting[edge.target]:
                        ready.append(edge.target)

    def to(self, node: str) -> Ways:
        """Return the worst ways to a node."""
        return Ways(self._path(node, is_unknown=False), self._path(node, is_unknown=True))

    def ends(self) -> list[str]:
        """Return the nodes where paths end."""
        out_of, into = self.graph.out_of(), self.graph.into()
        return [node for node in self.graph.nodes if not self._open(out_of[node]) and self._open(into[node])]

    def _open(self, edges: list[Edge]) -> bool:
        return any(edge.key not in self.closing for edge in edges)

    def _take(self, edge: Edge) -> None:
        known, unknown = self._known.get(edge.source), self._unknown.get(edge.source)
        if known is not None or unknown is None:
            best = self._known if edge.seconds is not None else self._unknown
            _keep(best, edge.target, _longer(known, edge, is_unknown=False))
        if unknown is not None:
            _keep(self._unknown, edge.target, _longer(unknown, edge, is_unknown=True))

    def _path(self, node: str, *, is_unknown: bool) -> Path | None:
        edges: list[Edge] = []
        while (best := (self._unknown if is_unknown else self._known).get(node)) is not None:
            edges.append(best.edge)
            node, is_unknown = best.edge.source, best.is_unknown_before
        return Path(tuple(reversed(edges))) if edges else None


def _longer(before: _Best | None, edge: Edge, *, is_unknown: bool) -> _Best:
    """Return a way that goes on by an edge, or begins with it."""
    first, after = (edge, 0.0) if before is None else (before.first, before.after + _lag(edge))
    return _Best(_age(first, after, edge.at), first, after, edge, is_unknown)


def _lag(edge: Edge) -> float:
    return edge.at_least if edge.seconds is None else edge.seconds


def _age(first: Edge, after: float, at: float | None) -> float:
    """Return the age at a way's end: what is oldest there passed the first edge so many seconds before a moment."""
    now = _lag(first)
    if first.past is None or at is None or not after:
        return now + after
    # What the source has not passed on yet has not come to the end, either.
    return max(now, after + first.past.at(at - after))


def _keep(some: dict[str, _Best], node: str, one: _Best) -> None:
    if node not in some or one.age > some[node].age:
        some[node] = one


def _closing(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield the edges that lead back to a node on the way, from where no data comes on, then from the other streams."""
    out_of, into = graph.out_of(), graph.into()
    done: set[str] = set()
    for start in sorted(graph.nodes, key=lambda name: (bool(into[name]), graph.nodes[name].role != "stream", name)):
        if start in done:
            continue
        on_the_way, stack = {start}, [(start, iter(out_of[start]))]
        while stack:
            node, edges = stack[-1]
            edge = next(edges, None)
            if edge is None:
                stack.pop()
                on_the_way.discard(node)
                done.add(node)
            elif edge.target in on_the_way:
                yield edge.key
            elif edge.target not in done:
                on_the_way.add(edge.target)
                stack.append((edge.target, iter(out_of[edge.target])))
