"""Samples from which maps are made, as sources would give them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.flow.assemble import assembled
from streamwatch.flow.facts import Part
from streamwatch.flow.graph import Edge, Graph, GraphNode
from streamwatch.model.metric import Keys, Metric, Samples

AT = 1000.0
Rows = Mapping[Any, float]
"""Values by labels, whatever their number."""


def samples(metric: Metric, rows: Rows) -> Samples:
    return metric.samples(Keys(metric.labels, list(rows)), np.array(list(rows.values()), dtype=np.float64))


def ones(metric: Metric, rows: Iterable[tuple[str, ...]]) -> Samples:
    return samples(metric, dict.fromkeys(rows, 1.0))


def made_of(*some: Samples) -> Graph:
    return assembled([Part(some, AT)])


def graph(*edges: tuple[str, str, float | None], **health: str) -> Graph:
    """A graph of nodes with one-letter roles, as in ``s-orders``: writer, stream, reader, sink (``x``)."""
    names = sorted({name for source, target, _ in edges for name in (source, target)})
    roles = {"w": "writer", "s": "stream", "r": "reader", "x": "sink"}
    nodes = {
        name: GraphNode(name, roles[name[0]], roles[name[0]], name, "shop", health.get(name.replace("-", "_"), "good"))  # type: ignore[arg-type]
        for name in names
    }
    made = tuple(
        Edge(source, target, seconds, "" if seconds is not None else "nobody says") for source, target, seconds in edges
    )
    return Graph(nodes, made)


def house(nodes: int) -> list[Samples]:
    """A cluster of about so many topics, groups and connectors; some of them behind, stalled, or not known."""
    topics = [f"orders-{at:03}" for at in range(max(1, nodes // 4))]
    groups = [f"application-{at:03}" for at in range(max(1, nodes // 2))]
    sinks = [f"lake-{at:03}" for at in range(max(1, nodes // 8))]
    sources = [f"database-{at:03}" for at in range(max(1, nodes // 8))]
    pairs = [("shop", name, topics[(at * 7) % len(topics)]) for at, name in enumerate(groups)]
    pairs += [("shop", name, topics[(at * 3 + 1) % len(topics)]) for at, name in enumerate(groups) if at % 5 == 0]
    pairs += [("shop", f"connect-{name}", topics[at % len(topics)]) for at, name in enumerate(sinks)]
    seconds: Rows = {row: float(at % 90) for at, row in enumerate(pairs) if at % 11 != 3}
    states: Rows = {(*row, "stalled" if at % 37 == 5 else "reading"): 1.0 for at, row in enumerate(pairs)}
    infos = [("sinks", "shop", name, "sink", "FileStreamSinkConnector", "none") for name in sinks]
    infos += [("sinks", "shop", name, "source", "FileStreamSourceConnector", "none") for name in sources]
    failed: Rows = {("sinks", "shop", name, "FAILED"): float(at % 9 == 4) for at, name in enumerate(sinks)}
    return [
        samples(k.TOPIC_PARTITIONS, {("shop", name): 3.0 for name in topics}),
        samples(g.GROUP_TOPIC_LAG, {row: float(at * 1000) for at, row in enumerate(pairs)}),
        samples(g.GROUP_TOPIC_LAG_SECONDS, seconds),
        samples(g.GROUP_TOPIC_STATE, states),
        ones(c.CONNECTOR_INFO, infos),
        ones(c.CONNECTOR_GROUP, [("sinks", "shop", name, f"connect-{name}") for name in sinks]),
        samples(c.CONNECTOR_TASKS, failed),
        ones(
            c.CONNECTOR_TOPIC,
            [("sinks", "shop", name, topics[at % len(topics)], "name") for at, name in enumerate(sources)],
        ),
    ]
