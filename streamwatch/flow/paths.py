"""How far each node is behind where its data comes from: by the lags on the way, unknown where one is.

These add up; but what is left to read passed the source a while ago, and the source counts as it was then, where that
is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamwatch.flow.graph import Edge, Graph


@dataclass(frozen=True, slots=True)
class Path:
    """A way that data takes, from where none comes before to a node."""

    edges: tuple[Edge, ...]
    at_least: float
    """What is known of its age, in seconds."""

    @property
    def start(self) -> str:
        """The node that it begins at."""
        return self.edges[0].source

    @property
    def end(self) -> str:
        """The node that it ends at."""
        return self.edges[-1].target

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
    before: "_Best | None"
    """The way to where the edge begins; None where it is the first."""


_Ways = dict[str, _Best]
"""The worst ways to a node, by where they begin; those that only add up are one."""
_MOST_STARTS: Final = 64
"""Of the sources of one node of which is known how they were earlier: a path is not made for each of thousands."""


class Paths:
    """The worst ways to every node of a graph; circles are cut where they close."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.closing = frozenset(_closing(graph))
        """The edges that close a circle, by what they join: no path takes them."""
        self._known: dict[str, _Ways] = {}
        self._unknown: dict[str, _Ways] = {}
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
        return Ways(_worst(self._known.get(node)), _worst(self._unknown.get(node)))

    def ends(self) -> list[str]:
        """Return the nodes where paths end."""
        out_of, into = self.graph.out_of(), self.graph.into()
        return [node for node in self.graph.nodes if not self._open(out_of[node]) and self._open(into[node])]

    def _open(self, edges: list[Edge]) -> bool:
        return any(edge.key not in self.closing for edge in edges)

    def _take(self, edge: Edge) -> None:
        known, unknown = self._known.get(edge.source), self._unknown.get(edge.source)
        best = self._known if edge.seconds is not None else self._unknown
        if known is not None:
            for before in known.values():
                _keep(best, _longer(before, edge, is_known=edge.seconds is not None))
        elif unknown is None:
            _keep(best, _Best(_lag(edge), edge, 0.0, edge, None))
        for before in () if unknown is None else unknown.values():
            _keep(self._unknown, _longer(before, edge, is_known=False))


def _longer(before: _Best, edge: Edge, *, is_known: bool) -> _Best:
    """Return a way that goes on by an edge."""
    after = before.after + _lag(edge)
    return _Best(_age(before.first, after, edge.at, is_known=is_known), before.first, after, edge, before)


def _lag(edge: Edge) -> float:
    return edge.at_least if edge.seconds is None else edge.seconds


def _age(first: Edge, after: float, at: float | None, *, is_known: bool) -> float:
    """Return the age at a way's end: what is oldest there passed the first edge so many seconds before a moment.

    What the source has not passed on yet has not come to the end, either. Where a hop is not known, the age is not less
    than what is returned.
    """
    now = _lag(first)
    if first.past is None or at is None or not after:
        return now + after
    return max(now, after + first.past.at(at - after) if is_known else after)


def _keep(some: dict[str, _Ways], one: _Best) -> None:
    """Keep of a way's first node the oldest: it alone says how old what passed it earlier was."""
    ways = some.setdefault(one.edge.target, {})
    start = "" if one.first.past is None else one.first.source
    if start not in ways or one.age > ways[start].age:
        ways[start] = one
        if len(ways) > _MOST_STARTS:
            del ways[min(ways, key=lambda name: ways[name].age)]


def _worst(ways: _Ways | None) -> Path | None:
    if ways is None:
        return None
    worst = max(ways.values(), key=lambda way: way.age)
    edges, before = [worst.edge], worst.before
    while before is not None:
        edges.append(before.edge)
        before = before.before
    return Path(tuple(reversed(edges)), worst.age)


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
