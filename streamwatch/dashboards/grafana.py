"""Grafana's JSON of a dashboard, as Grafana 10 to 13 load it."""

import json
from collections.abc import Sequence
from typing import Any, Final

from streamwatch.catalogue import kafka, kinesis, msk
from streamwatch.dashboards.panel import Dashboard, Panel, Query, firing, series
from streamwatch.model.metric import Metric

_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_FULL: Final = 24
_LEFT_OUT: Final = ("__name__", "job", "instance")
"""Columns of a table that tell nobody anything."""
_ROW_HEIGHT: Final = 1
_NOT_KNOWN: Final = "not known"
_GREY: Final = "#5a626b"
_NOW: Final = frozenset({"stat", "table", "bargauge", "nodeGraph"})
_ROWS: Final = frozenset({"table", "nodeGraph"})
"""What gets a column a label, and not a series a frame."""
"""Shapes that show the last value alone."""


def text(dashboard: Dashboard, all_of_them: list[Dashboard]) -> str:
    """Return a dashboard's file."""
    return json.dumps(document(dashboard, all_of_them), indent=1, ensure_ascii=False) + "\n"


def document(dashboard: Dashboard, all_of_them: list[Dashboard]) -> dict[str, Any]:
    """Return a dashboard as Grafana has it; it links to the others."""
    return {
        "uid": dashboard.uid,
        "title": f"StreamWatch / {dashboard.title}",
        "description": dashboard.description,
        "tags": ["streamwatch"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "links": [
            {"type": "link", "title": one.title, "url": f"/d/{one.uid}", "keepTime": True, "includeVars": True}
            for one in all_of_them
            if one.uid != dashboard.uid
        ],
        "annotations": {"list": [_alerts(), _maintenance()]},
        "templating": {"list": [_data_source(), *_variables(dashboard.variables)]},
        "panels": _panels(dashboard),
    }


def _maintenance() -> dict[str, Any]:
    """Return what marks that somebody is at work: partitions moved, MSK's own operations, streams resharded."""
    return {
        "name": "Maintenance",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": f"{kafka.REASSIGNING_PARTITIONS.name} > 0 or {msk.OPERATIONS.name} > 0 or {kinesis.STREAM_STATE.name}"
        '{state="UPDATING"} == 1',
        "titleFormat": "at work: {{kafka_cluster}}{{stream}} {{type}}",
    }


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": firing(),
        "titleFormat": "{{alertname}} {{kafka_cluster}}{{stream}}",
    }


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variables(some: Sequence[tuple[str, Metric]]) -> list[dict[str, Any]]:
    """Return the variables; what can be chosen of each is narrowed by what is chosen of those before."""
    names = [label for label, _ in some]
    return [_variable(label, series(metric, names[:at])) for at, (label, metric) in enumerate(some)]


def _variable(label: str, selector: str) -> dict[str, Any]:
    query = f"label_values({selector}, {label})"
    return {
        "name": label,
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    y = 0
    for row in dashboard.rows:
        where = {"h": _ROW_HEIGHT, "w": _FULL, "x": 0, "y": y}
        made.append(
            {"id": len(made) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": where, "panels": []}
        )
        y += _ROW_HEIGHT
        x, tallest = 0, 0
        for panel in row.panels:
            if x + panel.width > _FULL:
                x, y, tallest = 0, y + tallest, 0
            place = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            made.append({"id": len(made) + 1, "gridPos": place, **_panel(panel)})
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return made


def _panel(panel: Panel) -> dict[str, Any]:
    is_table, is_now = panel.shape in _ROWS, panel.shape in _NOW
    targets = [
        {
            "refId": _letter(at),
            "datasource": _SOURCE,
            "expr": one.expr,
            "legendFormat": "" if is_table else one.legend or "__auto",
            "instant": is_now,
            "range": not is_now,
            **({"format": "table"} if is_table else {}),
        }
        for at, one in enumerate(panel.queries)
    ]
    return {
        "type": panel.shape,
        "title": panel.title,
        "description": panel.asks,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel) if panel.shape == "table" else []},
        "options": _options(panel),
        **({"transformations": _transformations(panel)} if is_table else {}),
    }


def _letter(at: int) -> str:
    return chr(ord("A") + at)


def _column(panel: Panel, at: int) -> str:
    """Return what Prometheus's data source calls the values of a query in a table, once they are merged."""
    return "Value" if len(panel.queries) == 1 else f"Value #{_letter(at)}"


def _transformations(panel: Panel) -> list[dict[str, Any]]:
    if panel.shape == "nodeGraph":  # one frame of edges and one of nodes: they are not merged
        values = {_column(panel, at): "mainStat" for at, _ in enumerate(panel.queries)}
        return [{"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": values}}]
    unnamed = [_column(panel, at) for at, one in enumerate(panel.queries) if not one.legend]
    return [
        {
            "id": "filterFieldsByName",
            "options": {"exclude": {"names": ["Time"]}},
        },  # or rows of other moments stay apart
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": dict.fromkeys([*_LEFT_OUT, *unnamed], True)}},
    ]


def _defaults(panel: Panel) -> dict[str, Any]:
    first = panel.queries[0]
    looks: dict[str, dict[str, Any]] = {
        "timeseries": {
            "custom": {
                "fillOpacity": 8,
                "showPoints": "never",
                "spanNulls": False,
                "lineWidth": 1,
                "thresholdsStyle": {"mode": "dashed" if _is_judged(first) else "off"},
            },
            "min": 0,
            "color": {"mode": "palette-classic"},
        },
        "state-timeline": {"custom": {"fillOpacity": 70, "lineWidth": 0}, "color": {"mode": "thresholds"}},
        "table": {"custom": {"filterable": True}},
        "bargauge": {
            "min": 0,
            **({"max": 1} if first.unit == "percentunit" else {}),
            "color": {"mode": "thresholds"},
        },
        "stat": {"color": {"mode": "thresholds"}},
        "nodeGraph": {},
    }
    return {
        # Columns of a table have all this one by one: an account's number is no percentage, and a label that is not
        # there is no value that is not known.
        **({"unit": first.unit, "noValue": _NOT_KNOWN, **_judged(first)} if panel.shape != "table" else {}),
        **looks[panel.shape],
    }


def _is_judged(query: Query) -> bool:
    return query.red_above is not None or query.red_below is not None


def _judged(query: Query) -> dict[str, Any]:
    """Return what is red and what is green, and the words for it."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if query.red_above is not None:
        steps.append({"color": "red", "value": query.red_above})
    if query.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": query.red_below}]
    # What is not known is absent: it is shown as that, never as nought, and neither green nor red.
    unknown = {"text": _NOT_KNOWN, "color": _GREY, "index": 2}
    mappings: list[dict[str, Any]] = [{"type": "special", "options": {"match": "null+nan", "result": unknown}}]
    if query.words is not None:
        words = {
            str(value): {"text": word, "color": colour, "index": value}
            for value, (word, colour) in enumerate(zip(query.words, ("red", "green"), strict=True))
        }
        mappings.append({"type": "value", "options": words})
    return {"thresholds": {"mode": "absolute", "steps": steps}, "mappings": mappings}


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    """Return what the columns of a table are called, their units, what is red in them, and where a click leads."""
    found = []
    for at, one in enumerate(panel.queries):
        properties: list[dict[str, Any]] = [
            {"id": "unit", "value": one.unit},
            {"id": "noValue", "value": _NOT_KNOWN},
        ]
        if one.legend:
            properties.append({"id": "displayName", "value": one.legend})
        if _is_judged(one):
            properties += [{"id": name, "value": value} for name, value in _judged(one).items()]
            cell = {"type": "color-background", "mode": "basic"}
            properties.append({"id": "custom.cellOptions", "value": cell})
        found.append({"matcher": {"id": "byName", "options": _column(panel, at)}, "properties": properties})
    if panel.link is not None:
        label, uid = panel.link
        url = f"/d/{uid}?var-{label}=${{__value.raw}}&${{__url_time_range}}&var-datasource=${{datasource}}"
        link = {"id": "links", "value": [{"title": "Look closer", "url": url}]}
        found.append({"matcher": {"id": "byName", "options": label}, "properties": [link]})
    return found


def _options(panel: Panel) -> dict[str, Any]:
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    tooltip = {"mode": "multi", "sort": "desc"}
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match panel.shape:
        case "timeseries":
            return {"legend": legend, "tooltip": tooltip}
        case "state-timeline":
            quiet = {**legend, "showLegend": False}
            return {"mergeValues": True, "showValue": "never", "rowHeight": 0.85, "legend": quiet, "tooltip": tooltip}
        case "stat":
            return {"reduceOptions": last, "colorMode": "background", "graphMode": "none", "textMode": "auto"}
        case "nodeGraph":
            return {}
        case "bargauge":
            return {"reduceOptions": last, "orientation": "horizontal", "displayMode": "gradient"}
        case "table":
            named = [one.legend for one in panel.queries if one.legend]
            return {"showHeader": True, "sortBy": [{"displayName": one, "desc": True} for one in named[:1]]}
