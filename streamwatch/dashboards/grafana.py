"""Grafana's JSON of a dashboard, as Grafana 10 to 13 load it."""

import json
from collections.abc import Sequence
from typing import Any, Final

from streamwatch.catalogue import kafka, kinesis, msk
from streamwatch.dashboards import links, tables
from streamwatch.dashboards.judged import NOT_KNOWN, is_judged, judged
from streamwatch.dashboards.panel import SEVERITIES, Dashboard, Panel, firing, series
from streamwatch.model.metric import Metric

_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_FULL: Final = 24
_ROW_HEIGHT: Final = 1
_ABOUT: Final = ("kafka_cluster", "broker", "group", "topic", "stream", "shard", "reader", "connector", "source")
"""Labels of an alert that say what it is about."""
_NOW: Final = frozenset({"stat", "table", "bargauge", "nodeGraph"})
"""Shapes that show the last value alone."""
_ROWS: Final = frozenset({"table", "nodeGraph"})
"""What gets a column a label, and not a series a frame."""


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
        "annotations": {"list": [*map(_alerts, SEVERITIES), _maintenance()]},
        "templating": {"list": [_data_source(), *_variables(dashboard.variables)]},
        "panels": _panels(dashboard, all_of_them),
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


def _alerts(severity: str) -> dict[str, Any]:
    """Return what marks the time in which alerts fire: what is wrong, and of what."""
    return {
        "name": f"Alerts: {severity}",
        "datasource": _SOURCE,
        "enable": severity != "info",
        "iconColor": SEVERITIES[severity][1],
        "expr": firing(f'severity="{severity}"'),
        "titleFormat": "{{alertname}}",
        "textFormat": " ".join(f"{{{{{label}}}}}" for label in _ABOUT),
        "tagKeys": "severity",
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


def _panels(dashboard: Dashboard, boards: Sequence[Dashboard]) -> list[dict[str, Any]]:
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
            made.append({"id": len(made) + 1, "gridPos": place, **_panel(panel, boards)})
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest
    return made


def _panel(panel: Panel, boards: Sequence[Dashboard]) -> dict[str, Any]:
    is_table, is_now = panel.shape in _ROWS, panel.shape in _NOW
    targets = [
        {
            "refId": tables.letter(at),
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
        "links": links.of_title(panel, boards),
        "fieldConfig": {
            "defaults": _defaults(panel, boards),
            "overrides": tables.overrides(panel, boards) if panel.shape == "table" else _colours(panel),
        },
        "options": _options(panel),
        **({"transformations": tables.transformations(panel)} if is_table else {}),
    }


def _defaults(panel: Panel, boards: Sequence[Dashboard]) -> dict[str, Any]:
    first = panel.queries[0]
    looks: dict[str, dict[str, Any]] = {
        "timeseries": {
            "custom": {
                "fillOpacity": 8,
                "showPoints": "never",
                "spanNulls": False,
                "lineWidth": 1,
                "thresholdsStyle": {"mode": "dashed" if is_judged(first) else "off"},
                # Without it an axis of noughts goes up to 10000 %.
                **({"axisSoftMax": 1} if first.unit in {"percentunit", "s"} else {}),
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
        **({"noValue": panel.nothing} if panel.nothing else {}),
        # Columns of a table have all this one by one: an account's number is no percentage, and a label that is not
        # there is no value that is not known.
        **({"unit": first.unit, "noValue": NOT_KNOWN, **judged(first)} if panel.shape != "table" else {}),
        **({"decimals": 0} if first.is_left and panel.shape != "table" else {}),
        **({"links": links.of_series(panel, boards)} if panel.links and panel.shape != "table" else {}),
        **looks[panel.shape],
    }


def _colours(panel: Panel) -> list[dict[str, Any]]:
    """Return the colours of series that are severities."""
    if not any("severity" in query.legend for query in panel.queries):
        return []
    return [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for name, (_, colour) in SEVERITIES.items()
    ]


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
            return tables.options(panel)
