"""The data-flow map as it is shown: boxes, lines and texts, and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.export.web_page.fitting import fitted, plain
from streamwatch.export.web_page.words import Health, counted, number, span, worst
from streamwatch.flow.fold import Drawn, drawn
from streamwatch.flow.graph import WORST_FIRST, Edge, Graph, GraphNode
from streamwatch.flow.layout import WIDTH, EdgeLine, GraphLayout, Label, layout
from streamwatch.flow.paths import Path, Paths, Ways

_MOST_NODES: Final = 70
_MOST_ENDS: Final = 20
_MOST_UNREAD: Final = 5
_LINE: Final = 17
_FIRST_LINE: Final = 18
_NAME_SIZE: Final = 13.0
_SIZE: Final = 11.0
_LEFT: Final = 10
_MARK: Final = 22
_STEPS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text, at a place of the picture or of its box."""

    text: str
    x: float
    y: float
    style: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node."""

    x: float
    y: float
    width: float
    height: float
    role: str
    health: Health
    title: str
    lines: Sequence[Text]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge."""

    path: str
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class End:
    """How far the end of a path is behind its beginning, in words."""

    name: str
    age: str
    start: str
    hops: Sequence[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is shown of a map."""

    health: Health
    headline: str
    width: float
    height: float
    boxes: Sequence[NodeView]
    arrows: Sequence[Arrow]
    labels: Sequence[Text]
    ends: Sequence[End]
    more_ends: int
    notes: Sequence[str]
    """What is not in the picture."""


def flow(graph: Graph, unread: Sequence[str] = (), most: int = _MOST_NODES) -> Shown:
    """Return what is shown of a map.

    Args:
        graph: the map.
        unread: what could not be read, and so may be missing.
        most: at most so many nodes are drawn.

    """
    picture, paths = drawn(graph, most), Paths(graph)
    placed = layout(picture.graph, lambda node: len(_words(node, picture)))
    ends = [path for end in paths.ends() for path in _ways(paths.to(end))]
    ends.sort(key=lambda path: (path.seconds is None, -path.at_least, path.end))
    return Shown(
        _health(graph, ends, unread),
        _headline(graph, ends),
        placed.width,
        placed.height,
        [_box(box.node, (box.x, box.y, box.height), picture) for box in placed.boxes],
        [_arrow(line, placed, picture.graph) for line in placed.lines],
        [_label(label, picture.graph) for label in placed.labels],
        [_end(path, graph) for path in ends[:_MOST_ENDS]],
        max(0, len(ends) - _MOST_ENDS),
        [*_notes(graph, picture), *_unread(unread)],
    )


def _ways(ways: Ways) -> list[Path]:
    return [one for one in (ways.known, ways.unknown) if one is not None]


def _health(graph: Graph, ends: Sequence[Path], unread: Sequence[str]) -> Health:
    is_known = not unread and any(path.seconds is not None for path in ends)
    return worst([*(node.health for node in graph.nodes.values()), "good" if is_known else "unknown"])


def _headline(graph: Graph, ends: Sequence[Path]) -> str:
    """Return what is wrong, the worst first, and how old the oldest is that has arrived."""
    troubled = sorted(
        (node for node in graph.nodes.values() if node.health != "good"),
        key=lambda node: (WORST_FIRST.index(node.health), node.id),
    )
    ages = _ages(graph, ends)
    if not troubled:
        return ages
    first, more = troubled[0], sum(node.count for node in troubled[1:])
    others = f", and {number(more)} more {'is' if more == 1 else 'are'} not well" if more else ""
    return f"{_kind_and_name(first.id, graph)}: {first.words or first.health}{others}. {ages}"


def _ages(graph: Graph, ends: Sequence[Path]) -> str:
    if not graph.edges:
        return "Nobody is known who reads or writes"
    known = [path for path in ends if path.seconds is not None]
    unknown = len(ends) - len(known)
    if not known:
        return f"Of {counted(unknown, 'path')} the age is not known"
    first = known[0]
    age = f"{_kind_and_name(first.end, graph)} is {span(first.seconds)} behind {_kind_and_name(first.start, graph)}"
    sentence = age if first.seconds else "All that is known has arrived"
    return f"{sentence}; of {counted(unknown, 'path')} the age is not known" if unknown else sentence


def _kind_and_name(node: str, graph: Graph) -> str:
    """Return what a node is called: things of several kinds may have one name."""
    return f"{graph.nodes[node].kind} {fitted(graph.nodes[node].name, 40 * _SIZE, _SIZE)}"


def _notes(graph: Graph, picture: Drawn) -> list[str]:
    notes = []
    if picture.more:
        notes.append(
            f"{counted(picture.more, 'more node is', 'more nodes are')} not drawn, none worse: /api/v1/flow has them"
        )
    if graph.alone:
        notes.append(
            f"of {counted(graph.alone, 'topic or stream', 'topics and streams')} nobody is known who reads or writes"
        )
    if graph.aside:
        notes.append(f"of {counted(graph.aside, 'reader or writer', 'readers and writers')} it is not known of what")
    if graph.idle:
        notes.append(f"{counted(graph.idle, 'group')} and topics are left out that nobody runs any more")
    return notes


def _unread(unread: Sequence[str]) -> list[str]:
    notes = [f"could not be read: {one}" for one in unread[:_MOST_UNREAD]]
    more = len(unread) - len(notes)
    return [*notes, f"nor could {counted(more, 'more part')}"] if more else notes


def _words(node: GraphNode, picture: Drawn) -> list[tuple[str, str]]:
    """Return the lines of a box, with their styles."""
    lines = [(node.name, "name"), (f"{node.kind} · {node.place}" if node.place else node.kind, "kind")]
    if node.words:
        lines.append((node.words, "words"))
    path = picture.ways[node.id].worst
    if path is not None and len(path.edges) > 1:
        start = picture.graph.nodes.get(path.start)
        age = "?" if not path.at_least and path.unknown else f"{'≥ ' if path.unknown else ''}{span(path.at_least)}"
        lines.append((f"{age} behind {'what is before' if start is None else start.name}", "age"))
    return lines


def _age(path: Path) -> str:
    if path.seconds is not None:
        return span(path.seconds)
    return f"at least {span(path.at_least)}" if path.at_least else "it is not known how far"


def _box(node: GraphNode, at: tuple[float, float, float], picture: Drawn) -> NodeView:
    x, y, height = at
    lines, words = [], _words(node, picture)
    top = (height - _LINE * len(words)) / 2 + _FIRST_LINE - 5
    for row, (text, style) in enumerate(words):
        left = _MARK if row == 0 else _LEFT
        size = _NAME_SIZE if row == 0 else _SIZE
        lines.append(
            Text(fitted(text, WIDTH - left - _LEFT, size), left + (_LEFT if row == 0 else 0), top + _LINE * row, style)
        )
    title = "\n".join(plain(text) for text, _ in words)
    return NodeView(x, y, WIDTH, height, node.role, node.health, title, lines)


def _arrow(line: EdgeLine, placed: GraphLayout, graph: Graph) -> Arrow:
    x1, y1, x2, y2 = line.points
    straight = x2 - placed.straight
    bend = max(40.0, (straight - x1) / 2)
    path = (
        f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {straight - bend:.0f} {y2:.0f} {straight:.0f} {y2:.0f}H{x2:.0f}"
    )
    style = "back" if line.is_back else "known" if line.edge.seconds is not None else "unsure"
    return Arrow(path, style, _title(line.edge, graph))


def _title(edge: Edge, graph: Graph) -> str:
    """Return all that is known of an edge."""
    ends = plain(f"{graph.nodes[edge.source].name} → {graph.nodes[edge.target].name}")
    lag = span(edge.seconds) if edge.seconds is not None else f"unknown: {edge.why}"
    if edge.seconds is None and edge.at_least:
        lag = f"at least {span(edge.at_least)}: {edge.why}"
    records = "" if edge.records is None else f", {counted(edge.records, 'record')}"
    return f"{ends}: {lag}{records}"


def _label(label: Label, graph: Graph) -> Text:
    titles = "\n".join(_title(edge, graph) for edge in label.edges[:_MOST_ENDS])
    unknown = [edge for edge in label.edges if edge.seconds is None]
    style = "unsure" if unknown else "known"
    if len(label.edges) == 1:
        return Text(fitted(_short(label.edges[0]), 96, _SIZE), label.x, label.y - 4, style, titles)
    most = max((edge.seconds for edge in label.edges if edge.seconds is not None), default=None)
    text = f"{len(unknown)} of {len(label.edges)} unknown" if unknown else f"{len(label.edges)}: up to {span(most)}"
    return Text(fitted(text, 96, _SIZE), label.x, label.y - 4, style, titles)


def _short(edge: Edge) -> str:
    if edge.seconds is not None:
        return span(edge.seconds)
    if edge.at_least:
        return f"≥ {span(edge.at_least)}"
    return f"{_rough(edge.records)} records" if edge.records else "unknown"


def _rough(count: float) -> str:
    step, sign = next(((step, sign) for step, sign in _STEPS if count >= step), (1.0, ""))
    return f"{count / step:.{0 if step == 1 else 1}f}{sign}"


def _end(path: Path, graph: Graph) -> End:
    end, start = graph.nodes[path.end], graph.nodes[path.start]
    hops = [_title(edge, graph) for edge in path.edges]
    return End(plain(f"{end.kind} {end.name}"), _age(path), plain(f"{start.kind} {start.name}"), hops)
