"""Grafana's JSON of a dashboard, as Grafana 10 to 13 load it."""

import json
from typing import Any, Final

from streamwatch.catalogue import agent, kafka, kinesis, msk
from streamwatch.dashboards.panel import Dashboard, Panel
from streamwatch.model.metric import Metric

_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_FULL: Final = 24
_TABLE: Final = [
    {"id": "merge", "options": {}},
    {"id": "organize", "options": {"excludeByName": {"Time": True, "__name__": True, "job": True, "instance": True}}},
]
_ROW_HEIGHT: Final = 1


def text(dashboard: Dashboard, all_of_them: list[Dashboard]) -> str:
    """Return a dashboard's file."""
    return json.dumps(document(dashboard, all_of_them), indent=1, ensure_ascii=False) + "\n"


def document(dashboard: Dashboard, all_of_them: list[Dashboard]) -> dict[str, Any]:
    """Return a dashboard as Grafana has it; it links to the others."""
    return {
        "uid": dashboard.uid,
        "title": f"StreamWatch / {dashboard.title}",
        "description": dashboard.tells,
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
        "templating": {"list": [_data_source(), *(_variable(*one) for one in dashboard.variables)]},
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
        "expr": f'{agent.ALERTS.name}{{alertstate="firing", alertname!~".*Watchdog"}} > 0',
        "titleFormat": "{{alertname}}",
    }


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(label: str, metric: Metric) -> dict[str, Any]:
    return {
        "name": label,
        "type": "query",
        "datasource": _SOURCE,
        "definition": f"label_values({metric.name}, {label})",
        "query": {"query": f"label_values({metric.name}, {label})", "refId": label},
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
    is_table = panel.shape == "table"
    is_now = panel.shape in {"stat", "table", "bargauge"}
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": _SOURCE,
            "expr": one.expr,
            "legendFormat": one.legend or "__auto",
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
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel) if is_table else []},
        "options": _options(panel),
        **({"transformations": _TABLE} if is_table else {}),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_above is not None:
        steps.append({"color": "red", "value": panel.red_above})
    if panel.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.red_below}]
    custom = {"fillOpacity": 8, "showPoints": "never", "spanNulls": False, "lineWidth": 1}
    return {
        "unit": panel.queries[0].unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        # What is not known is absent: it is shown as that, and never as nought.
        "noValue": "not known",
        **({"custom": custom} if panel.shape == "timeseries" else {}),
        **({"min": 0} if panel.shape == "timeseries" else {}),
    }


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    """Return what the columns of a table are called, their units, and where a click leads."""
    found = []
    for at, one in enumerate(panel.queries):
        column = "Value" if len(panel.queries) == 1 else f"Value #{chr(ord('A') + at)}"
        properties: list[dict[str, Any]] = [{"id": "unit", "value": one.unit}]
        if one.legend and "{{" not in one.legend:
            properties.append({"id": "displayName", "value": one.legend})
        found.append({"matcher": {"id": "byName", "options": column}, "properties": properties})
    if panel.link is not None:
        label, uid = panel.link
        url = f"/d/{uid}?var-{label}=${{__value.raw}}&${{__url_time_range}}&var-datasource=${{datasource}}"
        link = {"id": "links", "value": [{"title": "Look closer", "url": url}]}
        found.append({"matcher": {"id": "byName", "options": label}, "properties": [link]})
    return found


def _options(panel: Panel) -> dict[str, Any]:
    if panel.shape == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if panel.shape in {"stat", "bargauge"}:
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "background"}
    return {"showHeader": True}
