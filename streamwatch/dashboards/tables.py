"""Grafana's JSON of a table: which columns it has, how wide, how sorted, what is red in them, and where they lead."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamwatch.dashboards import links
from streamwatch.dashboards.judged import NOT_KNOWN, is_judged, judged
from streamwatch.dashboards.panel import DURATION, Dashboard, Panel, Query

WIDEST: Final[Mapping[str, int]] = {
    "alertname": 31, "attempts": 8, "aws_account": 12, "aws_region": 14, "bisects": 6, "broker": 4,
    "connect_cluster": 14, "connector": 18, "group": 18, "hash_key": 39, "kafka_cluster": 13, "kind": 12, "limit": 11,
    "log_dir": 22, "metadata_version": 9, "on_failure": 20, "other": 14, "partition": 5, "policy": 14, "reader": 14,
    "reason": 40, "record_age": 8, "result": 40, "sentence": 52, "shard": 20, "source": 14, "state": 12, "stream": 14,
    "topic": 14, "type": 8, "version": 8,
}  # fmt: skip
"""Characters that a label needs in its column; what is longer is wrapped."""
_VALUES: Final[Mapping[str, int]] = {"recps": 12, "reqps": 12, "bytes": 9, "Bps": 11, DURATION: 16, "none": 12}
_SHORT, _LONG, _PROSE = 6, 20, 50
"""Labels of names, between the first two lengths, share the room that is left: others need no more than they have. From
the third on it is prose, which takes all of it."""
_VALUE: Final = 9
"""Characters of other values; of one that is not known, too."""
_CHARACTER: Final = 8.0
_PADDING: Final = 16
_SORTED: Final = 20
"""What the arrow needs in a column's head."""
_STEP: Final = 5


def column(panel: Panel, at: int) -> str:
    """Return what Prometheus's data source calls the values of a query in a table, once they are merged."""
    return "Value" if len(panel.queries) == 1 else f"Value #{letter(at)}"


def letter(at: int) -> str:
    """Return Grafana's name of a query."""
    return chr(ord("A") + at)


def width(head: str, characters: int, *, is_sorted: bool) -> int:
    """Return how many pixels a column needs for its head and its content."""
    of_head = len(head) * _CHARACTER + (_SORTED if is_sorted else 0)
    return math.ceil((max(of_head, characters * _CHARACTER) + _PADDING) / _STEP) * _STEP


def transformations(panel: Panel) -> list[dict[str, Any]]:
    """Return what makes one table of the answers, with the columns in their order."""
    columns = [column(panel, at) for at, _ in enumerate(panel.queries)]
    if panel.shape == "nodeGraph":  # one frame of edges and one of nodes: they are not merged
        values = dict.fromkeys(columns, "mainStat")
        return [{"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": values}}]
    named = [name for name, one in zip(columns, panel.queries, strict=True) if one.legend]
    first = [name for name, one in zip(columns, panel.queries, strict=True) if one.words is not None and one.legend]
    order = [*first[:1], *panel.labels, *(one for one in named if one not in first[:1])]
    return [
        # Without the time, or rows of other moments stay apart; and without what tells nobody anything.
        {"id": "filterFieldsByName", "options": {"include": {"names": order}}},
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {"excludeByName": {}, "indexByName": {name: at for at, name in enumerate(order)}},
        },
    ]


def columns(panel: Panel) -> dict[str, int]:
    """Return the columns of a table by their heads, and how wide each has to be."""
    by = {one.lstrip("-") for one in panel.sort}
    found = {label: width(label, WIDEST[label], is_sorted=label in by) for label in panel.labels}
    for one in panel.queries:
        if one.legend:
            found[one.legend] = width(one.legend, _characters(one), is_sorted=one.legend in by)
    return found


def overrides(panel: Panel, boards: Sequence[Dashboard]) -> list[dict[str, Any]]:
    """Return what the columns of a table are called, their units and widths, what is red, and where a click leads."""
    wide = columns(panel)
    prose = [label for label in panel.labels if WIDEST[label] >= _PROSE]
    names = [label for label in panel.labels if _SHORT < WIDEST[label] < _LONG]
    stretched = prose or names or [max(panel.labels, key=lambda label: wide[label])]
    found = []
    for at, one in enumerate(panel.queries):
        if not one.legend:
            continue
        properties: list[dict[str, Any]] = [
            {"id": "unit", "value": one.unit},
            {"id": "noValue", "value": NOT_KNOWN},
            {"id": "displayName", "value": one.legend},
            {"id": "custom.width", "value": wide[one.legend]},
        ]
        if one.is_left:
            properties.append({"id": "decimals", "value": 0})
        if one.words is not None:
            properties.append({"id": "custom.align", "value": "left"})
        if is_judged(one):
            properties += [{"id": name, "value": value} for name, value in judged(one).items()]
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
        found.append({"matcher": {"id": "byName", "options": column(panel, at)}, "properties": properties})
    for label in panel.labels:
        size = "custom.minWidth" if label in stretched else "custom.width"
        properties = [
            {"id": size, "value": wide[label]},
            {"id": "custom.cellOptions", "value": {"type": "auto", "wrapText": True}},
            {"id": "custom.wrapText", "value": True},
        ]
        if panel.nothing:
            properties.append({"id": "noValue", "value": ""})  # or that would be in each cell that is empty
        if label in panel.links:
            where = links.of_cell(panel, label, panel.links[label], boards)
            properties.append({"id": "links", "value": where})
        found.append({"matcher": {"id": "byName", "options": label}, "properties": properties})
    return found


def options(panel: Panel) -> dict[str, Any]:
    """Return how a table is sorted."""
    by = [{"displayName": one.lstrip("-"), "desc": one.startswith("-")} for one in panel.sort]
    return {"showHeader": True, "cellHeight": "sm", "sortBy": by}


def _characters(query: Query) -> int:
    if query.words is not None:
        return max(len(NOT_KNOWN), *(len(word) for word, _ in query.words.values()))
    return _VALUES.get(query.unit, _VALUE)
