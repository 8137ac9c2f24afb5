"""Where each node of a map is drawn: in layers from left to right, none over another, whatever the map."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.flow.graph import WORST_FIRST, Edge, Graph, GraphNode
from streamwatch.flow.paths import Paths

WIDTH: Final = 200
"""Of a box."""
_GAP: Final = 190
"""Between layers: room for curves, and for the text of edges left of where they end."""
_BETWEEN: Final = 14
"""Between the boxes of a layer."""
_MARGIN: Final = 10
_LINE: Final = 17
"""A line of text, or the text of an edge, is so high."""
_PADDING: Final = 10
_STRAIGHT: Final = 104
"""So long an edge is straight at its end: its text stands there."""
_MOST_PORTS: Final = 4
"""A node with more edges into it has one text for all of them."""
_SWEEPS: Final = 6
_FIRST_LAYER: Final = {"writer": 0, "stream": 1, "reader": 2, "sink": 2}


@dataclass(frozen=True, slots=True)
class NodeBox:
    """A node where it is drawn."""

    node: GraphNode
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """An edge where it is drawn."""

    edge: Edge
    points: tuple[float, float, float, float]
    """It begins at the first two, and arrives at the others, over a straight end."""
    is_back: bool
    """Whether it closes a circle."""


@dataclass(frozen=True, slots=True)
class Label:
    """Text at the end of one edge or of several, right-aligned: it stands on the line, and ends at these points."""

    x: float
    y: float
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """All of it, within so much room."""

    width: float
    height: float
    boxes: tuple[NodeBox, ...]
    lines: tuple[EdgeLine, ...]
    labels: tuple[Label, ...]
    straight: float = _STRAIGHT


def layout(graph: Graph, lines: Callable[[GraphNode], int]) -> GraphLayout:
    """Return where everything is.

    Args:
        graph: what is drawn.
        lines: how many lines of text a node has.

    """
    paths = Paths(graph)
    layers = _ordered(graph, _layers(graph, paths))
    into = graph.into()
    heights = {
        name: _PADDING + _LINE * max(lines(one), min(len(into[name]), _MOST_PORTS), 1)
        for name, one in graph.nodes.items()
    }
    tops = _tops(graph, layers, heights)
    least = min(tops.values(), default=0.0)
    boxes = {
        name: NodeBox(
            graph.nodes[name], _MARGIN + at * (WIDTH + _GAP), _MARGIN + tops[name] - least, WIDTH, heights[name]
        )
        for at, layer in enumerate(layers)
        for name in layer
    }
    drawn, labels = _edges(into, boxes, paths)
    return GraphLayout(
        max((one.x + one.width for one in boxes.values()), default=0.0) + _MARGIN,
        max((one.y + one.height for one in boxes.values()), default=0.0) + _MARGIN,
        tuple(boxes.values()), drawn, labels,
    )  # fmt: skip


def _layers(graph: Graph, paths: Paths) -> list[list[str]]:
    """Return the nodes by layer: each right of all that its data comes from."""
    at = {name: _FIRST_LAYER[node.role] for name, node in graph.nodes.items()}
    out_of = graph.out_of()
    for name in paths.order():
        for edge in out_of[name]:
            if edge.key not in paths.closing:
                at[edge.target] = max(at[edge.target], at[name] + 1)
    used = {layer: number for number, layer in enumerate(sorted(set(at.values())))}
    found: list[list[str]] = [[] for _ in used]
    for name in graph.nodes:
        found[used[at[name]]].append(name)
    return found


def _ordered(graph: Graph, layers: list[list[str]]) -> list[list[str]]:
    """Return the layers in an order in which few edges cross: each node near the middle of its neighbours."""
    near: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for edge in graph.edges:
        near[edge.source].append(edge.target)
        near[edge.target].append(edge.source)
    first = _together(graph, near)
    for layer in layers:
        layer.sort(key=first.__getitem__)
    place = {name: float(at) for layer in layers for at, name in enumerate(layer)}
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {name: (_middle([place[one] for one in near[name]], place[name]), first[name]) for name in layer}
            layer.sort(key=middle.__getitem__)
            place |= {name: float(at) for at, name in enumerate(layer)}
    return layers


def _middle(some: Sequence[float], otherwise: float) -> float:
    return sum(some) / len(some) if some else otherwise


def _together(graph: Graph, near: Mapping[str, Sequence[str]]) -> Mapping[str, int]:
    """Return an order in which what is connected stands together, what is in trouble first."""
    found: dict[str, int] = {}
    worst_first = sorted(graph.nodes, key=lambda name: (WORST_FIRST.index(graph.nodes[name].health), name))
    for start in worst_first:
        stack = [start]
        while stack:
            name = stack.pop()
            if name not in found:
                found[name] = len(found)
                stack += reversed(near[name])
    return found


def _tops(graph: Graph, layers: Sequence[Sequence[str]], heights: Mapping[str, float]) -> dict[str, float]:
    """Return how far from the top each node is: as near as can be to the middle of its neighbours."""
    middle: dict[str, float] = {}
    for layer in layers:
        below = 0.0
        for name in layer:
            middle[name] = below + heights[name] / 2
            below += heights[name] + _BETWEEN
    sources: dict[str, list[str]] = {name: [] for name in graph.nodes}
    targets: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for edge in graph.edges:
        sources[edge.target].append(edge.source)
        targets[edge.source].append(edge.target)
    for sweep in range(_SWEEPS):
        near = sources if sweep % 2 == 0 else targets
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_middle([middle[one] for one in near[name]], middle[name]) for name in layer]
            middle |= zip(layer, _apart(wanted, [heights[name] for name in layer]), strict=True)
    return {name: middle[name] - heights[name] / 2 for name in graph.nodes}


def _apart(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Return places in this order, none over another, together as near as can be to those that are wanted.

    Without their heights the places must only not fall: blocks that would are put at their mean (isotonic regression).
    """
    offsets, below = [], 0.0
    for height in heights:
        offsets.append(below + height / 2)
        below += height + _BETWEEN
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=True):
        mean, size = place - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, size = (before * many + mean * size) / (many + size), many + size
        blocks.append((mean, size))
    bases = [mean for mean, size in blocks for _ in range(size)]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]


def _edges(
    into: Mapping[str, list[Edge]], boxes: Mapping[str, NodeBox], paths: Paths
) -> tuple[tuple[EdgeLine, ...], tuple[Label, ...]]:
    lines, labels = [], []
    for name, some in into.items():
        box = boxes[name]
        edges = sorted(some, key=lambda edge: boxes[edge.source].y)
        is_shared = len(edges) > _MOST_PORTS
        ports = 1 if is_shared else len(edges)
        for at, edge in enumerate(edges):
            source = boxes[edge.source]
            y = box.y + box.height * ((0 if is_shared else at) + 0.5) / ports
            points = (source.x + source.width, source.y + source.height / 2, box.x, y)
            lines.append(EdgeLine(edge, points, edge.key in paths.closing))
            if not is_shared:
                labels.append(Label(box.x - _MARGIN, y, (edge,)))
        if is_shared:
            labels.append(Label(box.x - _MARGIN, box.y + box.height / 2, tuple(edges)))
    return tuple(lines), tuple(labels)
