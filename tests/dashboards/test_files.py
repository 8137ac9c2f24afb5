"""The dashboards: as the code says, of metrics and labels that there are, and each panel with its question."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.dashboards.files import ALL, files
from streamwatch.dashboards.panel import Dashboard, Panel
from streamwatch.promql.nodes import Aggregation, Selector
from streamwatch.promql.parse import parse
from streamwatch.rules.rule import nodes

FOLDER = Path(__file__).parents[2] / "dashboards"
KNOWN = {one.name: one for one in METRICS}
CASES = [pytest.param(board, panel, id=f"{board.title}: {panel.title}") for board in ALL for panel in board.panels]


def plain(expr: str) -> str:
    """An expression without Grafana's variables."""
    return re.sub(r"\$__(rate_interval|range)", "1m", expr)


def legend_labels(text: str) -> set[str]:
    return set(re.findall(r"\{\{(\w+)\}\}", text))


def test_the_files_are_what_the_code_says() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert found == dict(files()), "run `make docs`"


@pytest.mark.parametrize(("board", "panel"), CASES)
def test_every_query_names_what_there_is(board: Dashboard, panel: Panel) -> None:
    for query in panel.queries:
        expr = parse(plain(query.expr))
        there: set[str] = set()
        for node in nodes(expr):
            if isinstance(node, Selector):
                matchers = {one.name: one.value for one in node.matchers}
                metric = KNOWN[matchers.pop("__name__")]
                used = matchers.keys()
                assert used <= set(metric.labels), query.expr
                assert f"`{matchers.get('phase', 'total')}`" in b.REQUEST_MEAN.help, "a phase that there is"
                there |= set(metric.labels)
        made = set(re.findall(r'label_(?:replace|join)\(.+?, "(\w+)", ', query.expr))
        for node in nodes(expr):
            if isinstance(node, Aggregation):
                assert set(node.labels) <= there | made, query.expr
        assert legend_labels(query.legend) <= there, query.legend
        assert panel.shape != "table" or not legend_labels(query.legend), "a column has one name"
        assert set(re.findall(r"\$([a-z_]\w*)", query.expr)) - {"__rate_interval", "__range"} <= {
            name for name, _ in board.variables
        }


@pytest.mark.parametrize(("board", "panel"), CASES)
def test_every_panel_asks_a_question_and_has_a_unit(board: Dashboard, panel: Panel) -> None:
    assert panel.asks.endswith("?")
    units = {query.unit for query in panel.queries}
    assert len(units) == 1 or panel.shape == "table", f"{board.title}: {panel.title} mixes {units}"


def counted(expr: str) -> Iterator[Aggregation]:
    """The sums and counts in an expression."""
    for node in nodes(parse(plain(expr))):
        if isinstance(node, Aggregation) and node.op in {"sum", "count"}:
            yield node


def test_what_several_agents_say_of_the_same_is_counted_once() -> None:
    for query in (one for board in ALL for panel in board.panels for one in panel.queries):
        for total in counted(query.expr):
            inner = list(nodes(total.inner))
            selectors = [one for one in inner if isinstance(one, Selector)]
            names = {each.value for one in selectors for each in one.matchers if each.name == "__name__"}
            is_of_agents = all(one.startswith("streamwatch_") and one != "streamwatch_alerts" for one in names)
            assert is_of_agents or any(isinstance(one, Aggregation) and one.op == "max" for one in inner), query.expr


def grid(name: str) -> Iterator[tuple[int, int]]:
    for one in json.loads((FOLDER / name).read_text())["panels"]:
        place = one["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                yield x, y


@pytest.mark.parametrize("name", sorted(files()))
def test_panels_do_not_cover_each_other(name: str) -> None:
    cells = list(grid(name))
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


@pytest.mark.parametrize("name", sorted(files()))
def test_a_dashboard_links_to_all_others_and_has_ids_of_its_own(name: str) -> None:
    told = json.loads((FOLDER / name).read_text())
    assert len(told["links"]) == len(ALL) - 1
    assert len({one["id"] for one in told["panels"]}) == len(told["panels"])
    assert told["uid"].startswith("streamwatch-")
    assert "streamwatch" in told["tags"]


def test_the_columns_of_a_table_have_names_units_and_a_link_to_where_there_is_more() -> None:
    told = json.loads((FOLDER / "overview.json").read_text())
    (table,) = (one for one in told["panels"] if one["title"] == "Every cluster")
    columns = {one["matcher"]["options"]: one["properties"] for one in table["fieldConfig"]["overrides"]}
    properties = {one["id"]: one["value"] for one in columns["Value #C"]}
    assert (properties["unit"], properties["displayName"]) == ("short", "brokers down")
    assert [one["color"] for one in properties["thresholds"]["steps"]] == ["green", "red"]
    assert properties["custom.cellOptions"]["type"] == "color-background"
    assert len(columns) == len(table["targets"]) + 1
    ((link,),) = (one["value"] for one in columns["kafka_cluster"] if one["id"] == "links")
    uid = link["url"].split("?")[0].removeprefix("/d/")
    assert uid in {board.uid for board in ALL}
    (target,) = (json.loads(text) for text in files().values() if json.loads(text)["uid"] == uid)
    assert "kafka_cluster" in {one["name"] for one in target["templating"]["list"]}


def test_what_can_be_chosen_is_narrowed_by_what_is_chosen_before() -> None:
    told = json.loads((FOLDER / "topics.json").read_text())
    chosen = {one["name"]: one.get("definition") for one in told["templating"]["list"]}
    assert chosen == {
        "datasource": None,
        "kafka_cluster": "label_values(kafka_topic_partitions, kafka_cluster)",
        "topic": 'label_values(kafka_topic_partitions{kafka_cluster=~"$kafka_cluster"}, topic)',
    }


def test_maintenance_is_marked_by_metrics_that_there_are() -> None:
    for text in files().values():
        expr = next(one["expr"] for one in json.loads(text)["annotations"]["list"] if one["name"] == "Maintenance")
        names = {one.value for node in nodes(parse(expr)) if isinstance(node, Selector) for one in node.matchers[:1]}
        assert names <= KNOWN.keys()
        assert len(names) == 3
