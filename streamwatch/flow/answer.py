"""The map as JSON, as ``/api/v1/flow`` has it."""

from collections.abc import Sequence
from typing import Any, Final

from streamwatch.flow.fold import chosen
from streamwatch.flow.graph import Edge, Graph, GraphNode
from streamwatch.flow.paths import Path, Paths

_MOST_NODES: Final = 5_000
_MOST_EDGES: Final = 20_000


def answer(
    graph: Graph, unread: Sequence[str] = (), most_nodes: int = _MOST_NODES, most_edges: int = _MOST_EDGES
) -> dict[str, Any]:
    """Return the nodes, the edges and of every end the worst paths; those in trouble first where not all can be.

    Args:
        graph: the map.
        unread: what could not be read, and so may be missing.
        most_nodes: at most so many nodes.
        most_edges: at most so many edges.

    """
    paths = Paths(graph)
    names = chosen(paths, most_nodes)
    edges = [one for one in graph.edges if one.source in names and one.target in names]
    edges.sort(key=lambda one: (one.seconds is not None, -(one.at_least if one.seconds is None else one.seconds)))
    shown = [path for end in paths.ends() if end in names for path in _ways(paths, end)]
    return {
        "nodes": [_node(one) for name, one in graph.nodes.items() if name in names],
        "edges": [_edge(one, paths) for one in edges[:most_edges]],
        "paths": [_path(one) for one in shown],
        "unread": list(unread),
        "leftOut": {
            "nodes": len(graph.nodes) - len(names),
            "edges": len(graph.edges) - len(edges[:most_edges]),
            "streamsWithoutReaders": graph.alone,
            "idleReaders": graph.idle,
            "readersWithoutStreams": graph.aside,
        },
    }


def _ways(paths: Paths, end: str) -> list[Path]:
    ways = paths.to(end)
    return [one for one in (ways.unknown, ways.known) if one is not None]


def _node(one: GraphNode) -> dict[str, Any]:
    return {
        "id": one.id,
        "role": one.role,
        "kind": one.kind,
        "name": one.name,
        "place": one.place,
        "health": one.health,
        "words": one.words,
    }


def _edge(one: Edge, paths: Paths) -> dict[str, Any]:
    return {
        "id": f"{one.source} > {one.target}",
        "source": one.source,
        "target": one.target,
        "lagSeconds": one.seconds,
        "lagSecondsAtLeast": one.at_least if one.seconds is None else one.seconds,
        "lagRecords": one.records,
        "unknown": one.why,
        "at": one.at,
        "closesCircle": one.key in paths.closing,
    }


def _path(one: Path) -> dict[str, Any]:
    return {
        "from": one.start,
        "to": one.end,
        "ageSeconds": one.seconds,
        "ageSecondsAtLeast": one.at_least,
        "nodes": [one.start, *(edge.target for edge in one.edges)],
        "unknown": [{"source": hop.source, "target": hop.target, "why": hop.why} for hop in one.unknown],
    }
