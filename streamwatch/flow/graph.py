"""What a map is made of: nodes, and edges that carry a lag."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.flow.past import SourceAges

Role = Literal["writer", "stream", "reader", "sink"]
"""What data passes: a writer has none before it; a topic counts as a stream; a sink takes data out."""
Health = Literal["good", "warn", "bad", "unknown"]
WORST_FIRST: Final[tuple[Health, ...]] = ("bad", "unknown", "warn", "good")


@dataclass(frozen=True, slots=True)
class GraphNode:
    """Something that data passes through."""

    id: str
    """Tells it from every other: kind, place and name."""
    role: Role
    kind: str
    """As people call it: topic, stream, group, sink connector, ..."""
    name: str
    place: str = ""
    """The cluster, or account and region."""
    health: Health = "good"
    words: str = ""
    """What is wrong with it; empty where nothing is."""
    count: int = 1
    """So many alike are shown as this one."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Data flows from a node to another, which is behind it."""

    source: str
    target: str
    seconds: float | None
    """How far; None where that is not known."""
    why: str = ""
    """Why it is not known."""
    at_least: float = 0.0
    """The lag in seconds is not less than this, also where it is not known."""
    records: float | None = None
    at: float | None = None
    """When that was so, in seconds since 1970; None where it is not known."""
    past: SourceAges | None = field(default=None, compare=False)
    """How far it was earlier; None where it is taken to have been as now."""

    @property
    def key(self) -> tuple[str, str]:
        """What it joins."""
        return self.source, self.target


@dataclass(frozen=True, slots=True)
class Graph:
    """All nodes that some edge touches, and the edges between them: at most one from a node to another."""

    nodes: Mapping[str, GraphNode]
    edges: tuple[Edge, ...]
    alone: int = 0
    """Topics and streams that are well, and of which no edge is known."""
    idle: int = 0
    """Pairs of a group and a topic that are left out: nobody runs the group for it any more."""
    aside: int = 0
    """Readers and writers that are well, and of which it is not known what they read or write."""

    def into(self) -> Mapping[str, list[Edge]]:
        """Return the edges by the node that they lead to."""
        found: dict[str, list[Edge]] = {one: [] for one in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        return found

    def out_of(self) -> Mapping[str, list[Edge]]:
        """Return the edges by the node that they come from."""
        found: dict[str, list[Edge]] = {one: [] for one in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return found


@dataclass(slots=True)
class Builder:
    """Puts a graph together; what is added twice counts as it was added first."""

    nodes: dict[str, GraphNode] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    idle: int = 0

    def node(self, node: GraphNode) -> str:
        """Add a node, and return its id."""
        return self.nodes.setdefault(node.id, node).id

    def edge(self, edge: Edge) -> None:
        """Add an edge between nodes that were added."""
        self.edges.setdefault(edge.key, edge)

    def graph(self) -> Graph:
        """Return what was added, without nodes that stand alone and are well: those are counted."""
        touched = set(self._ends())
        kept = {name: one for name, one in self.nodes.items() if name in touched or one.health != "good"}
        edges = tuple(self.edges[key] for key in sorted(self.edges))
        alone = sum(one.role == "stream" for name, one in self.nodes.items() if name not in kept)
        aside = len(self.nodes) - len(kept) - alone
        return Graph(dict(sorted(kept.items())), edges, alone, self.idle, aside)

    def _ends(self) -> Iterator[str]:
        for edge in self.edges.values():
            yield edge.source
            yield edge.target
