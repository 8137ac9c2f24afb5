"""Grafana's own library on our dashboards: it knows all that they name, and its tables show what they should."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from streamwatch.dashboards.files import files
from tests.dashboards import drawing
from tests.real import artefacts
from tests.real.browser import Browser
from tests.real.conftest import had

pytestmark = pytest.mark.real
BOARDS = {name: json.loads(text) for name, text in files().items()}
NOW = 1_700_000_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    modules = had(lambda: artefacts.node_modules("grafana-data"))
    with had(Browser) as found:
        drawing.load(found, "known.js", modules, tmp_path_factory.mktemp("grafana"))
        yield found


def panel(board: str, title: str) -> dict[str, Any]:
    (found,) = (dict(one) for one in BOARDS[board]["panels"] if one["title"] == title)
    return found


def told(value: float, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [NOW, str(value)]}


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_grafana_knows_all_that_a_dashboard_names(browser: Browser, name: str) -> None:
    assert drawing.unknown(browser, BOARDS[name]) == []


def test_what_grafana_does_not_know_is_found(browser: Browser) -> None:
    wrong = json.loads(json.dumps(BOARDS["overview.json"]).replace('"percentunit"', '"percentages"'))
    assert any("no unit percentages" in one for one in drawing.unknown(browser, wrong))
    wrong = json.loads(json.dumps(BOARDS["overview.json"]).replace('"merge"', '"mix"'))
    assert any("no transformation mix" in one for one in drawing.unknown(browser, wrong))


def test_every_cluster_is_a_line_and_what_is_wrong_is_red(browser: Browser) -> None:
    table = panel("overview.json", "Every cluster")
    columns = [
        next(one["value"] for one in override["properties"] if one["id"] == "displayName")
        for override in table["fieldConfig"]["overrides"]
        if override["matcher"]["options"].startswith("Value")
    ]
    answers = [[told(0.0, kafka_cluster="clicks"), told(0.0, kafka_cluster="orders")] for _ in table["targets"]]
    answers[columns.index("controllers")] = [told(1.0, kafka_cluster="clicks"), told(1.0, kafka_cluster="orders")]
    answers[columns.index("brokers down")][1] = told(2.0, kafka_cluster="orders")
    answers[columns.index("fullest disk")] = [told(0.5, kafka_cluster="orders")]
    fields = {one["name"]: one["values"] for one in drawing.shown(browser, table, answers)}

    assert list(fields) == ["kafka_cluster", *columns]
    lines = [text for text, _ in fields["kafka_cluster"]]
    assert sorted(lines) == ["clicks", "orders"]
    orders, clicks = lines.index("orders"), lines.index("clicks")
    (red,) = {colour for _, colour in fields["brokers down"]} - {fields["offline"][0][1]}
    assert [fields["brokers down"][at] for at in (orders, clicks)] == [["2", red], ["0", fields["offline"][0][1]]]
    assert fields["fullest disk"][orders][0] == "50%"
    known, unknown = fields["fullest disk"][orders], fields["fullest disk"][clicks]
    assert unknown[0] == "not known", "and not nought"
    assert unknown[1] not in {known[1], red}, "and neither well nor wrong"


def test_what_was_asked_at_other_moments_is_on_one_line_all_the_same(browser: Browser) -> None:
    table = panel("topics.json", "How topics are made")
    answers = [[{"metric": {"topic": "t"}, "value": [NOW + at, "1"]}] for at in range(len(table["targets"]))]
    fields = {one["name"]: one["values"] for one in drawing.shown(browser, table, answers)}
    assert "Time" not in fields
    assert {len(values) for values in fields.values()} == {1}


def test_a_label_that_is_not_there_is_not_said_to_be_unknown(browser: Browser) -> None:
    table = panel("overview.json", "Alerts that fire")
    answers = [[told(1.0, alertname="A", kafka_cluster="c"), told(1.0, alertname="B", stream="s")], []]
    fields = {one["name"]: [text for text, _ in one["values"]] for one in drawing.shown(browser, table, answers)}
    assert sorted(fields["stream"]) == ["", "s"]


@pytest.mark.parametrize("title", ["The cause", "Alerts that fire"])
def test_what_is_said_of_a_table_without_rows_is_in_no_cell_that_is_empty(browser: Browser, title: str) -> None:
    table = panel("overview.json", title)
    assert table["fieldConfig"]["defaults"]["noValue"]
    about = [{"kafka_cluster": "c"}, {"topic": "t", "broker": "1"}]
    answers = [[told(1.0, **labels) for labels in about] for _ in table["targets"]]
    texts = [text for one in drawing.shown(browser, table, answers) for text, _ in one["values"]]
    assert "" in texts
    assert table["fieldConfig"]["defaults"]["noValue"] not in texts


def test_an_account_is_no_percentage_and_a_query_without_answer_costs_its_own_column(browser: Browser) -> None:
    table = panel("kinesis.json", "To split")
    fields = {
        one["name"]: one["values"]
        for one in drawing.shown(browser, table, [[told(0.75, aws_account="123456789012", hash_key="5")]])
    }
    assert fields["aws_account"][0][0] == "123456789012"
    assert fields["of the limit"][0][0] == "75%"
    table = panel("overview.json", "Every cluster")
    answers = [[told(0.0, kafka_cluster="c")] for _ in table["targets"][:-1]] + [[]]
    names = [one["name"] for one in drawing.shown(browser, table, answers)]
    assert len(names) == len(table["targets"])
    assert "throttled" not in names


def test_yes_and_no_are_said_in_words(browser: Browser) -> None:
    stat = panel("kinesis.json", "Being read")
    fields = drawing.shown(browser, stat, [[told(0.0, stream="a"), told(1.0, stream="b")]])
    values = {one["name"]: one["values"] for one in fields if one["name"] != "Time"}
    assert {name: [text for text, _ in some] for name, some in values.items()} == {"a": ["no"], "b": ["yes"]}
    assert values["a"][0][1] != values["b"][0][1]


def test_states_are_a_table_without_a_column_of_ones(browser: Browser) -> None:
    table = panel("readers.json", "What each says of its last work")
    answers = [[told(1.0, __name__="reader_last_result", kind="lambda", reader="ship", result="OK", job="j")]]
    fields = {one["name"]: one["values"] for one in drawing.shown(browser, table, answers)}
    assert list(fields) == ["kind", "reader", "result"]


def test_alerts_are_in_the_colours_of_their_severities_and_say_what_they_are_about(browser: Browser) -> None:
    table = panel("overview.json", "Alerts that fire")
    labels = {"kafka_cluster": "shop", "broker": "2", "topic": "", "group": "", "stream": "", "reader": "", "other": ""}
    answers = [
        [told(rank, alertname=f"A{rank:.0f}", **labels) for rank in ranks] for ranks in ((2.0, 3.0, 1.0), (2.0, 1.0))
    ]
    fields = {one["name"]: one["values"] for one in drawing.shown(browser, table, answers)}
    assert [text for text, _ in fields["severity"]] == ["warning", "critical", "info"]
    assert len({colour for _, colour in fields["severity"]}) == len(fields["severity"])
    assert list(fields)[:4] == ["severity", "alertname", "kafka_cluster", "broker"]
    assert [text for text, _ in fields["for"]] == ["2 seconds", "not known", "1 second"]


def test_a_cause_is_said_with_where_it_is_how_bad_and_since_when(browser: Browser) -> None:
    table = panel("overview.json", "The cause")
    down = {"sentence": "Broker 2 of shop does not answer", "kafka_cluster": "shop", "broker": "2"}
    late = {"sentence": "Group billing of shop has lost all its members", "kafka_cluster": "shop", "group": "billing"}
    answers = [[told(5.0, **down), told(0.0, **late)], [told(75.0, **down), told(7_300.0, **late)]]
    fields = {one["name"]: [text for text, _ in one["values"]] for one in drawing.shown(browser, table, answers)}
    assert fields == {
        "severity": ["critical", "over"],
        "sentence": [down["sentence"], late["sentence"]],
        "kafka_cluster": ["shop", "shop"],
        "broker": ["2", ""],
        "group": ["", "billing"],
        "for": ["1 minute", "2 hours"],
    }


def test_a_node_graph_gets_edges_and_nodes_by_the_names_that_it_looks_for(browser: Browser) -> None:
    graph = panel("readers.json", "Streams and their readers")
    ends = {"source": "1/eu/orders", "target": "lambda/1/eu/bill"}
    edges = [told(2.0, id="a", **ends, stream="orders"), told(float("nan"), id="b", **ends)]
    nodes = [told(2.0, id=one, title=one, subTitle="of a kind") for one in ends.values()]
    shown = drawing.shown(browser, graph, [edges, nodes])

    by_name = [(one["name"], [text for text, _ in one["values"]]) for one in shown]
    assert [values for name, values in by_name if name == "mainStat"] == [["2 s", "not known"], ["2 s", "2 s"]]
    assert ["a", "b"] in [values for name, values in by_name if name == "id"]
    assert {"id", "source", "target", "mainStat", "title", "subTitle"} <= {name for name, _ in by_name}
    assert "Time" not in {name for name, _ in by_name}
