"""Rules of every panel by its kind: tables fit and are sorted, units say what is counted, severities have colours."""

import json
import re

import pytest

from streamwatch.catalogue import kafka_groups, kinesis, readers
from streamwatch.dashboards import tables
from streamwatch.dashboards.files import ALL, files
from streamwatch.dashboards.panel import DURATION, RATES, RATES_BY_NAME, SEVERITIES, UNITS, Dashboard, Panel

COLUMN, FRAME = 60, 24
"""Of a window of 1440 pixels, which a dashboard divides by 24; and what a panel needs for itself."""
CHARACTER = 7.9
"""Pixels, of a letter of Grafana's and of DejaVu at 14 pixels, at the most in a usual text."""
TABLES = [
    pytest.param(board, panel, id=f"{board.title}: {panel.title}")
    for board in ALL
    for panel in board.panels
    if panel.shape == "table"
]
OTHERS = [
    pytest.param(panel, id=f"{board.title}: {panel.title}")
    for board in ALL
    for panel in board.panels
    if panel.shape != "table"
]
TIME_LEFT = {kafka_groups.GROUP_TOPIC_EXPIRES, kinesis.TIME_TO_LOSS, readers.TIME_TO_LOSS}
RATE_UNITS = {"recps", "reqps", "pps", "Bps", "percentunit", "cps", "currencyUSD"}


def drawn(board: Dashboard, panel: Panel) -> dict[str, object]:
    told = json.loads(files()[f"{board.uid.removeprefix('streamwatch-')}.json"])
    (found,) = (one for one in told["panels"] if one["title"] == panel.title)
    return dict(found)


@pytest.mark.parametrize(("board", "panel"), TABLES)
def test_the_columns_of_a_table_fit_into_it_and_their_content_into_them(board: Dashboard, panel: Panel) -> None:
    wide = tables.columns(panel)
    assert sum(wide.values()) <= panel.width * COLUMN - FRAME
    for head, width in wide.items():
        assert width >= len(head) * CHARACTER + 12, head
    sizes = {
        one["matcher"]["options"]: {two["id"] for two in one["properties"]}
        for one in json.loads(json.dumps(drawn(board, panel)))["fieldConfig"]["overrides"]
    }
    assert all(ids & {"custom.width", "custom.minWidth"} for ids in sizes.values()), "no column shares what is left"
    assert all("custom.wrapText" in sizes[label] for label in panel.labels), "a longer name is wrapped"


@pytest.mark.parametrize(("board", "panel"), TABLES)
def test_a_table_is_sorted_by_columns_that_it_has(board: Dashboard, panel: Panel) -> None:
    assert panel.sort, board.title
    assert {one.lstrip("-") for one in panel.sort} <= tables.columns(panel).keys()


def test_a_longer_name_of_a_column_is_wider() -> None:
    assert tables.width("shard", 20, is_sorted=False) >= len("shardId-000000000001") * CHARACTER + 12
    assert tables.width("under-replicated", 1, is_sorted=False) < tables.width("under-replicated", 1, is_sorted=True)


def test_what_is_counted_a_second_has_the_unit_of_what_it_is() -> None:
    assert (UNITS["seconds"], RATES["records"], RATES["bytes"], RATES["calls"]) == ("s", "recps", "Bps", "reqps")
    for query in (one for board in ALL for panel in board.panels for one in panel.queries):
        if query.metric is None or not query.is_rate:
            continue
        assert query.unit in RATE_UNITS
        if query.unit == "cps":  # "counts": only of what has no word of its own
            assert query.metric.unit not in RATES
            assert not query.metric.name.endswith(tuple(RATES_BY_NAME))


@pytest.mark.parametrize("panel", OTHERS)
def test_an_axis_is_of_its_kind(panel: Panel) -> None:
    for query in panel.queries:
        is_of_time_left = query.is_left or query.metric in TIME_LEFT
        assert not (is_of_time_left and panel.shape == "timeseries"), "an axis of weeks: a table says it in words"
        assert not is_of_time_left or query.unit == DURATION


@pytest.mark.parametrize("name", sorted(files()))
def test_an_axis_of_percent_ends_at_a_hundred_where_there_is_not_more(name: str) -> None:
    for panel in json.loads(files()[name])["panels"]:
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        if panel["type"] == "timeseries" and defaults["unit"] == "percentunit":
            assert defaults["custom"]["axisSoftMax"] == 1, panel["title"]
        if panel["type"] == "bargauge" and defaults["unit"] == "percentunit":
            assert defaults["max"] == 1, panel["title"]


def test_each_severity_has_its_colour_in_the_table_and_on_the_axis_of_time() -> None:
    told = json.loads(files()["overview.json"])
    (table,) = (one for one in told["panels"] if one["title"] == "Alerts that fire")
    columns = {one["matcher"]["options"]: one["properties"] for one in table["fieldConfig"]["overrides"]}
    (mappings,) = (one["value"] for one in columns["Value #A"] if one["id"] == "mappings")
    (words,) = (one["options"] for one in mappings if one["type"] == "value")
    assert {one["text"]: (int(rank), one["color"]) for rank, one in words.items()} == SEVERITIES
    assert table["options"]["sortBy"][0] == {"displayName": "severity", "desc": True}, "the worst is first"
    marks = {one["name"]: one["iconColor"] for one in told["annotations"]["list"]}
    assert {f"Alerts: {name}": colour for name, (_, colour) in SEVERITIES.items()}.items() <= marks.items()
    assert {"kafka_cluster", "broker", "topic", "group", "stream", "reader", "other"} <= columns.keys()
    assert all(f'"{one}"' in table["targets"][0]["expr"] for one in ("shard", "connector", "source")), "these are other"


def test_everything_on_the_overview_is_one_click_away_from_more() -> None:
    uids = {board.uid: {label for label, _ in board.variables} for board in ALL}
    for panel in json.loads(files()["overview.json"])["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["links"], panel["title"]
        properties = [two for one in panel["fieldConfig"]["overrides"] for two in one["properties"]]
        inner = [one["value"] for one in properties if one["id"] == "links"]
        for link in (*panel["links"], *(two for one in inner for two in one)):
            uid, _, query = link["url"].removeprefix("/d/").partition("?")
            assert set(re.findall(r"var-(\w+)=", query)) - {"datasource"} <= uids[uid], panel["title"]
