"""What a view asks, over a history of its own: bounded, whatever there is."""

import re
from typing import Any

import numpy as np
import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import readers as r
from streamwatch.cli.top import overview
from streamwatch.cli.top.alert_rows import alert_rows, for_headline, incident_rows, over_last
from streamwatch.cli.top.listing import Listing
from streamwatch.cli.top.queries import COLUMN, TOTAL, Selection, expressions, ordered, rows, total
from streamwatch.cli.top.rows import Cell, TopRow
from streamwatch.cli.top.units import plain
from streamwatch.cli.top.views import LISTINGS
from streamwatch.model.metric import Keys
from streamwatch.promql.evaluate import Options, evaluate
from streamwatch.promql.parse import parse
from streamwatch.promql.text import prepared
from streamwatch.samples.history import History

NOW_MS = 1_000_000
TOPICS = 250


@pytest.fixture(scope="module")
def history() -> History:
    """A cluster of many topics: the one of number 7 is offline, the size of the last is not known."""
    keys = Keys(k.TOPIC, [("shop", f"topic-{at}") for at in range(TOPICS)])
    known = History({"job": "streamwatch"}, 600_000)
    offline, under, sizes = (np.zeros(TOPICS) for _ in range(3))
    offline[7], under[3] = 1.0, 2.0
    sizes[:] = np.arange(TOPICS)
    sizes[-1] = np.nan
    columns = {k.TOPIC_OFFLINE: offline, k.TOPIC_UNDER_REPLICATED: under, k.TOPIC_LOG_BYTES: sizes}
    for back in (30, 15, 0):
        ends = np.arange(TOPICS, dtype=np.float64) * (60.0 - back)
        samples = [metric.samples(keys, column) for metric, column in columns.items()]
        samples += [k.TOPIC_PARTITIONS.samples(keys, np.ones(TOPICS)), k.TOPIC_END_OFFSET.samples(keys, ends)]
        known.append("shop", samples, NOW_MS / 1000 - back)
    return known


def answers(history: History, listing: Listing, request: Selection) -> dict[str, Any]:
    """Return what an agent would answer."""
    options = Options(most_samples=10**6, most_held=10**5, is_passing=True)
    found = {}
    for name, expr in expressions(listing, request).items():
        value = evaluate(parse(expr), history, NOW_MS, options)
        assert not isinstance(value, float | str)
        found[name] = [{"metric": dict(labels), "value": [0, str(number)]} for labels, number in value]
    return found


def names(history: History, request: Selection) -> list[str]:
    listing = LISTINGS["topics"]
    return [row.key[-1] for row in ordered(listing, rows(listing, answers(history, listing, request)), request)]


def test_the_worst_come_first_and_no_more_than_a_hundred(history: History) -> None:
    shown = names(history, Selection())

    assert shown[:2] == ["topic-7", "topic-3"]
    assert len(shown) == LISTINGS["topics"].most
    assert total(answers(history, LISTINGS["topics"], Selection())) == TOPICS


def test_rows_are_read_by_the_column_that_is_sorted_by_and_unknown_ones_last(history: History) -> None:
    largest = names(history, Selection(sort="size"))
    smallest = names(history, Selection(sort="size", is_reversed=True))
    by_name = names(history, Selection(sort="name", filter="topic-24"))
    unknown = names(history, Selection(sort="size", filter="-24"))

    assert largest[:2] == ["topic-248", "topic-247"]
    assert smallest[:2] == ["topic-0", "topic-1"]
    assert by_name[:3] == ["topic-24", "topic-240", "topic-241"]
    assert unknown[-1] == "topic-249"


def test_a_filter_is_a_text_and_no_expression(history: History) -> None:
    assert names(history, Selection(filter="TOPIC-7"))[0] == "topic-7"
    assert names(history, Selection(filter='.*"} or {"')) == []
    assert names(history, Selection({"kafka_cluster": "none"})) == []


@pytest.mark.parametrize("name", ["a b", "\u202eright\u200b", "new\nline\r(x)", "of \U000eabcd nobody", 'q"\\ .*'])
def test_what_has_a_name_that_cannot_be_shown_as_it_is_can_be_opened(name: str) -> None:
    known = History({"job": "streamwatch"}, 600_000)
    keys = Keys(k.TOPIC, [("shop", name), ("shop", plain(name).replace(" ", "_")), ("shop", "ab")])
    known.append("shop", [k.TOPIC_PARTITIONS.samples(keys, np.ones(3))], NOW_MS / 1000)
    shown = plain(name)
    assert shown in names(known, Selection())
    assert names(known, Selection({"kafka_cluster": "shop", "topic": shown})) == [shown]


def test_a_value_that_is_not_there_is_a_question_mark(history: History) -> None:
    listing = LISTINGS["topics"]
    (row,) = rows(listing, answers(history, listing, Selection(filter="topic-249")))

    assert (row.cells["size"].text, row.cells["offline"].text, row.cells["kept"].text) == ("?", "0", "?")


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=lambda listing: listing.title)
def test_every_expression_of_every_order_is_one_that_the_agent_takes(listing: Listing) -> None:
    scope = dict.fromkeys(listing.keys, 'a"\\b')
    for title in ("", "name", *(column.title for column in listing.columns if not column.label)):
        for expr in expressions(listing, Selection(scope, "x.y", title, is_reversed=len(title) % 2 == 0)).values():
            prepared(expr)
            parse(expr)
            assert len(expr) < 4_000
            assert "$" not in expr


def test_the_expressions_of_the_overview_are_taken_too() -> None:
    for expr in overview.questions().values():
        prepared(expr)
        parse(expr)


def series(column: str, value: float, **labels: str) -> dict[str, Any]:
    return {"metric": {"top_column": column, **labels}, "value": [0, str(value)]}


def targets(*all_series: dict[str, Any]) -> list[TopRow]:
    return overview.targets({"first": all_series})


SOURCE = (series("source up", 1, source="shop"), series("age", 2, source="shop"), series("interval", 5, source="shop"))


def cluster(**values: float) -> list[dict[str, Any]]:
    known = {"brokers": 3.0, "up": 3.0, "controllers": 1.0, "offline": 0.0, "under-replicated": 0.0} | values
    return [series(column.replace("_", " "), value, kafka_cluster="shop") for column, value in known.items()]


@pytest.mark.parametrize(
    ("more", "health", "words"),
    [
        ([], "good", "all 3 brokers answer, every replica is in sync"),
        ([series("down", 0, kafka_cluster="shop", broker="2")], "bad", "broker 2 does not answer"),
        (cluster(offline=2.0), "bad", "2 partitions without a leader"),
        (cluster(controllers=0.0), "bad", "no active controller"),
        (cluster(stuck=1.0), "bad", "1 group stands still"),
        (
            [*cluster(stuck=2.0), series("stands", 1, kafka_cluster="shop", group="billing")],
            "bad",
            "2 groups stand still: billing ...",
        ),
        ([series("behind", 4000, kafka_cluster="shop", group="billing")], "warn", "group billing is 1h06m behind"),
        ([series("age", 100, source="shop")], "unknown", "stale: read 1m40s ago"),
        ([series("source up", 0, source="shop")], "bad", "cannot be read for 2s"),
        ([series("problems", 4, source="shop")], "warn", "4 things could not be read"),
        (
            [series("source up", 0, source="shop"), series("why", 4, source="shop", reason="denied")],
            "bad",
            "cannot be read for 2s: denied",
        ),
    ],
)
def test_the_overview_says_how_a_cluster_is(more: list[dict[str, Any]], health: str, words: str) -> None:
    (row,) = targets(*SOURCE, *cluster(), *more)

    assert (row.health, row.cells["how it is"].text) == (health, words)
    assert (row.opens, row.labels) == ("brokers", {"kafka_cluster": "shop"})


def test_a_cluster_of_which_leaders_are_not_known_is_not_called_well() -> None:
    (row,) = targets(*SOURCE, *(one for one in cluster() if one["metric"]["top_column"] != "offline"))

    assert (row.health, row.cells["how it is"].text) == ("unknown", "leaders and replicas are not known")


def test_what_is_worst_is_first_and_the_headline() -> None:
    rows_ = targets(
        *SOURCE, *cluster(),
        series("streams", 2, aws_account="1", aws_region="eu-west-1"),
        series("reading known", 2, aws_account="1", aws_region="eu-west-1"),
        series("not read", 1, aws_account="1", aws_region="eu-west-1"),
        series("readers", 3, kind="kcl"),
    )  # fmt: skip

    assert [row.key[-1] for row in rows_] == ["eu-west-1", "shop", "kcl"]
    assert overview.headline(rows_) == ("bad", "eu-west-1: nobody reads 1 stream")
    assert overview.headline([])[0] == "unknown"
    assert re.match("all is well: shop", overview.headline(targets(*SOURCE, *cluster()))[1])
    late = TopRow(("", "x"), {"what is the matter": Cell("Rules are late.")}, "warn")
    assert overview.headline(targets(*SOURCE, *cluster()), [late]) == ("warn", "Rules are late."), "it is in no row"


def of_incident(sentence: str, state: str, severity: str, *, is_over: bool = False) -> dict[str, Any]:
    return {
        "id": sentence, "cause": "x", "sentence": sentence, "evidence": [], "state": state, "isOver": is_over,
        "since": "2026-11-28T19:00:00Z", "holdsSince": "2026-11-28T20:00:00Z",
        "remedy": "", "runbook": "", "changes": [], "timeline": [],
        "alerts": [{"alertname": "A", "state": state, "severity": severity}], "alertsLeftOut": 0,
    }  # fmt: skip


def test_what_is_over_comes_last_and_is_no_headline_beside_what_fires() -> None:
    over = of_incident("Over since 20:08:55Z: x.", "firing", "critical", is_over=True)
    live, soon = of_incident("Y is late.", "firing", "warning"), of_incident("Z is gone.", "pending", "critical")
    every = over_last(incident_rows([over, live, soon], 2e9))
    assert [row.key[0] for row in every] == ["Y is late.", "Z is gone.", "Over since 20:08:55Z: x."]
    assert every[0].cells["since"].text == "2026-11-28T20:00:00Z", "of what the sentence says, not of the oldest alert"
    well = targets(*SOURCE, *cluster())
    assert overview.headline(well, for_headline(every)) == ("warn", "Y is late.")
    alone = over_last(incident_rows([over, soon], 2e9))
    assert overview.headline(well, for_headline(alone)) == ("bad", "Over since 20:08:55Z: x.")


def test_what_is_pending_is_not_said_to_be_so() -> None:
    labels = {"alertname": "A", "severity": "critical"}
    said: dict[str, Any] = {
        state: {
            "labels": labels, "annotations": {"summary": "It has been so for 15 minutes"}, "state": state, "value": "1",
            "activeAt": "2026-11-28T20:00:00Z",
        }
        for state in ("pending", "firing")
    }  # fmt: skip
    pending, firing = alert_rows(list(said.values()), 2e9)
    assert pending.text[0] == "If it stays so: It has been so for 15 minutes"
    assert firing.text[0] == "It has been so for 15 minutes"


def test_a_number_that_a_reader_has_not_is_another_thing_than_one_that_is_not_known() -> None:
    topic = {"topic": "orders", "kafka_cluster": "shop"}
    every: list[dict[str, str]] = [{"kind": "kcl"}, {"kind": "firehose"}, {"kind": "firehose", **topic}]
    own = {"reader": "x", COLUMN: r.STATE.name, "state": "running"}
    asked: list[dict[str, Any]] = [{"metric": labels | own, "value": [0, "1"]} for labels in every]
    kcl, firehose, of_topic = rows(LISTINGS["readers"], {r.STATE.name: asked})
    columns = ("lag", "workers", "no lease", "success", "behind")
    assert [kcl.cells[title].text for title in columns] == ["-", "?", "?", "-", "?"]
    assert [firehose.cells[title].text for title in columns] == ["-", "-", "-", "?", "?"]
    assert of_topic.cells["lag"].text == "?"


def test_the_number_of_all_is_not_known_where_nothing_said_it() -> None:
    assert total({}) == 0
    assert total({TOTAL: [{"metric": {}, "value": [0, "NaN"]}]}) is None
