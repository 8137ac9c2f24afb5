"""What of a map is drawn: what is well and alike is counted, and of the rest what is in trouble comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.flow.graph import WORST_FIRST, Edge, Graph, GraphNode
from streamwatch.flow.paths import Paths, Ways

_FOLDED_FROM: Final = 24
"""A map of so many nodes or fewer is drawn as it is."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The part of a map that is drawn."""

    graph: Graph
    ways: Mapping[str, Ways]
    """The worst ways to each of its nodes, over the whole map."""
    more: int
    """How many nodes of the map are not drawn, and not counted in a node that is."""


def drawn(graph: Graph, most: int) -> Drawn:
    """Return what is drawn: at most so many nodes."""
    smaller = graph if len(graph.nodes) <= min(most, _FOLDED_FROM) else folded(graph)
    paths = Paths(smaller)
    names = chosen(paths, most)
    nodes = {name: one for name, one in smaller.nodes.items() if name in names}
    edges = tuple(one for one in smaller.edges if one.source in names and one.target in names)
    more = sum(one.count for name, one in smaller.nodes.items() if name not in names)
    return Drawn(replace(smaller, nodes=nodes, edges=edges), {name: paths.to(name) for name in nodes}, more)


def folded(graph: Graph) -> Graph:
    """Return the map with as one node what is well, alike, at the rim of the map, and joined to the same nodes."""
    into, out_of = graph.into(), graph.out_of()
    alike: dict[tuple[object, ...], list[GraphNode]] = {}
    for name, node in graph.nodes.items():
        if node.health == "good" and not (into[name] and out_of[name]):
            edges = [*into[name], *out_of[name]]
            others = frozenset(one.source if one.target == name else one.target for one in edges)
            known = all(one.seconds is not None for one in edges)
            alike.setdefault((node.role, node.kind, node.place, known, bool(into[name]), others), []).append(node)
    stands_for: dict[str, GraphNode] = {}
    for some in alike.values():
        if len(some) > 1:
            one = some[0]
            total = sum(node.count for node in some)
            own = replace(one, id=f"{one.id} and {total - 1} more", name=f"{total} {one.kind}s", count=total)
            stands_for |= dict.fromkeys((node.id for node in some), own)
    nodes = {own.id: own for own in (stands_for.get(name, node) for name, node in graph.nodes.items())}
    return replace(graph, nodes=nodes, edges=_merged(graph, stands_for))


def _merged(graph: Graph, stands_for: dict[str, GraphNode]) -> tuple[Edge, ...]:
    found: dict[tuple[str, str], list[Edge]] = {}
    for edge in graph.edges:
        ends = (name if (own := stands_for.get(name)) is None else own.id for name in edge.key)
        source, target = ends
        found.setdefault((source, target), []).append(replace(edge, source=source, target=target))
    return tuple(some[0] if len(some) == 1 else _worst(some) for some in found.values())


def _worst(some: Sequence[Edge]) -> Edge:
    """Return one edge for several: as far behind as the worst of them."""
    worst = max(some, key=lambda one: (one.seconds is None, one.seconds or one.at_least))
    records = [one.records for one in some]
    known = [one for one in records if one is not None]
    return replace(worst, records=sum(known) if len(known) == len(records) else None)


def chosen(paths: Paths, most: int) -> frozenset[str]:
    """Return at most so many nodes: the worst first, each with the way to it."""
    graph = paths.graph
    if len(graph.nodes) <= most:
        return frozenset(graph.nodes)
    ages = {name: path for name in graph.nodes if (path := paths.to(name).worst) is not None}

    def badness(name: str) -> tuple[int, float, str]:
        path = ages.get(name)
        return WORST_FIRST.index(graph.nodes[name].health), 0.0 if path is None else -path.at_least, name

    found: set[str] = set()
    for name in sorted(graph.nodes, key=badness):
        path = ages.get(name)
        way = {name} if path is None else {name, *(edge.source for edge in path.edges)}
        if len(found | way) <= most:
            found |= way
        elif len(found) < most:
            found.add(name)
    return frozenset(found)
