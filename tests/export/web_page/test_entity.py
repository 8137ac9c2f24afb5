"""Pages of single things: what they show of the hours before, and that no name breaks them."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.archive.numbers import BY_NAME, LABELS, numbers_of
from streamwatch.archive.rings import Curve
from streamwatch.catalogue import readers as r
from streamwatch.export.web_page.addresses import EntityRef, entity_at
from streamwatch.export.web_page.charts import WINDOWS, Mark, chart, spark
from streamwatch.export.web_page.entity import entity_view, window_of
from streamwatch.export.web_page.narrowed import narrowed
from streamwatch.export.web_page.render import Renderer
from streamwatch.incidents.past import PastIncident
from streamwatch.model.labels import Labels
from tests.export.web_page.hours import BILLING, END, HOSTILE, READER, STREAM, THINGS, change, known, page

HOUR, DAY, _ = WINDOWS
LAG = BY_NAME["group.kafka_group_lag_seconds"]
names = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(["", ".", "..", "a/b", "%2e", "?"])


def written(ref: EntityRef) -> EntityRef | None:
    path, _, query = ref.path.partition("?")
    return entity_at(path, query)


@given(st.sampled_from(["broker", "group", "topic"]), names.filter(lambda name: name not in {"", ".", ".."}), names)
@settings(max_examples=30, deadline=None)
def test_an_address_is_read_as_it_was_written(kind: str, cluster: str, name: str) -> None:
    ref = EntityRef(kind, (cluster, name))  # type: ignore[arg-type]
    assert written(ref) == ref
    assert re.fullmatch(r"[\x21-\x7e]+", ref.path)
    assert not {"", ".", ".."} & set(ref.path.partition("?")[0].removesuffix("/").split("/")[1:])
    reader = EntityRef("reader", ("", "", cluster, "", name, "", "kcl", name))
    assert written(reader) == reader


@pytest.mark.parametrize(
    "path", ["/cluster/", "/cluster/a/b", "/cluster/a/shard/b", "/cluster/a/group/", "/stream/a/b", "/stream/a//b",
             "/cluster/a/group/b/c", "/cluster/%ff", "/metrics"],
)  # fmt: skip
def test_other_addresses_are_none(path: str) -> None:
    assert entity_at(path, "") is None


def test_of_a_thing_only_its_own_samples_are_looked_at() -> None:
    own = narrowed(known().samples, BILLING.row)
    assert own
    labels = [dict(zip(each.keys.names, row, strict=True)) for each in own for row in each.keys.rows]
    assert all(BILLING.row.items() <= each.items() for each in labels)
    assert all(len(each.values) == len(each.keys) for each in own)
    assert narrowed(known().samples, EntityRef("group", ("shop", "")).row) == []


def curve_of(values: list[float | None], seconds: int = 10) -> Curve:
    last = np.array([np.nan if value is None else value for value in values], dtype=np.float32)
    return Curve(seconds, int(END // seconds) - len(values) + 1, np.stack([last, last, last]))


def test_a_gap_is_drawn_as_one_and_never_as_zero() -> None:
    drawn = chart(LAG, curve_of([5.0] * 100 + [None] * 160 + [10.0] * 100), HOUR, END, [])
    assert drawn.line.count("M") == 2
    assert drawn.gaps == [(278, 444)]
    assert (drawn.now, drawn.highest, drawn.top) == ("10 s", "10 s", "10 s")
    assert drawn.label == "lag, time over the last hour: 10 s, at most 10 s; not known for 44% of it"
    assert drawn.band == ""


def test_what_is_not_known_now_is_not_shown_as_if_it_were() -> None:
    drawn = chart(LAG, curve_of([5.0] * 300 + [None] * 60), HOUR, END, [])
    assert drawn.now == "not known now"
    assert chart(LAG, None, HOUR, END, []).label == "lag, time over the last hour: nothing is known"
    assert spark(LAG, curve_of([None] * 360), END) is None


@given(st.lists(st.none() | st.floats(0, 1e9, width=32), min_size=360, max_size=360))
@settings(max_examples=10, deadline=None)
def test_the_highest_of_a_day_is_in_its_picture_and_everything_is_within_it(values: list[float | None]) -> None:
    curve = curve_of([None] * 1000 + values + [None] * 80, 60)
    drawn = chart(LAG, curve, DAY, END, [])
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", drawn.line + drawn.band)]
    assert all(0 <= x <= 1000 and 0 <= y <= 100 for x, y in points)
    numbers = [value for value in values if value is not None]
    lines = np.array([y for _, y in points])
    assert bool(points) == bool(numbers)
    if numbers and max(numbers) > 0:
        assert lines.min() <= 99 - 98 * max(numbers) / (5 * max(numbers))
    assert sum(width for _, width in drawn.gaps) <= 1000 + len(drawn.gaps)


def test_a_spike_between_two_values_is_in_the_band() -> None:
    curve = curve_of([5.0] * 360)
    curve.values[1, 100] = 50.0
    assert chart(LAG, curve, HOUR, END, []).band
    assert chart(LAG, curve, HOUR, END, []).highest == "50 s"


def test_marks_are_at_their_time_and_only_those_that_are_shown() -> None:
    marks = [
        Mark(END - 1800, "fires", "A fires"),
        Mark(END - 3700, "change", "before"),
        Mark(END + 1, "change", "later"),
    ]
    assert [(mark.x, mark.title) for mark in chart(LAG, None, HOUR, END, marks).marks] == [(500, "A fires")]


def test_a_broker_says_since_when_it_is_down_and_what_happened() -> None:
    shown = page(THINGS[1], HOUR)
    assert shown.headline == "does not answer, for 20 min"
    assert shown.health == "bad"
    assert [(event.style, event.words) for event in shown.events] == [("fires", "KafkaBrokerDown fires")]
    assert [link.words for link in shown.trail] == ["all", "shop"]
    assert {"answers", "partitions that it leads", "fullest disk"} <= {one.title for one in shown.charts}


def test_a_group_shows_its_topics_its_alerts_and_the_changes_of_the_time_that_is_shown() -> None:
    shown = page(BILLING, HOUR)
    assert "Stable; 3 members" in shown.headline
    (table,) = shown.tables
    assert [row[0].text for row in table.rows] == [HOSTILE, "orders"]
    assert [row[3].text for row in table.rows] == ["8 h", "never"]
    assert shown.alerts[0].dashboard.startswith("https://grafana.example/d/kafka?orgId=1&from=")
    assert "var-group=billing" in shown.alerts[0].dashboard
    happened = ["KafkaGroupLate resolved", "KafkaGroupLate fires", "group billing has 3 members instead of 4"]
    assert [event.words for event in shown.events] == happened
    assert sum(mark.style == "fires" for mark in page(BILLING, WINDOWS[2]).charts[0].marks) == 2


def test_a_topic_shows_its_partitions_and_who_reads_it() -> None:
    shown = page(THINGS[3], HOUR)
    assert shown.headline == "3 partitions are short of a replica, of 3"
    assert shown.partitions is not None
    assert [square.health for square in shown.partitions.squares] == ["bad"] * 3, "broker 2 leads them, and is down"
    (table,) = shown.tables
    assert [row[0].text for row in table.rows] == ["billing"]
    assert {fact.name: fact.health for fact in shown.facts}["under-replicated"] == "warn"


def test_a_reader_and_a_stream_know_each_other() -> None:
    reader, stream = page(THINGS[5], HOUR), page(THINGS[4], HOUR)
    assert reader.headline.startswith("runs; ")
    assert [link.words for link in reader.trail] == ["all", "clicks"]
    assert [row[0].text for table in stream.tables for row in table.rows] == ["charge:live"]


@pytest.mark.parametrize(
    ("ref", "own", "others"),
    [
        (
            EntityRef("reader", READER),
            ["lambda charge:live in eu-west-1"],
            ["firehose charge:live in eu-west-1", "lambda charge:live in us-east-1", "lambda charge in eu-west-1"],
        ),
        (
            EntityRef("reader", (*STREAM, "", "", "", "kcl", "charge:live")),
            ["kcl charge:live of clicks in eu-west-1", "kcl charge:live in eu-west-1"],
            ["kcl charge:live of orders in eu-west-1", "lambda charge:live in eu-west-1"],
        ),
        (EntityRef("stream", STREAM), ["clicks in eu-west-1"], ["clicks in us-east-1", "orders in eu-west-1"]),
        (EntityRef("group", ("shop", "billing")), ["billing"], ["billing in eu-west-1", "billing of clicks"]),
    ],
    ids=["function", "application", "stream", "group"],
)
def test_a_page_shows_no_change_of_another_thing_of_the_same_name(
    ref: EntityRef, own: list[str], others: list[str]
) -> None:
    changes = [change(60, f"{ref.kind}.created", subject, subject) for subject in (*own, *others)]
    up = [r.UP.sample(1.0, **ref.row)] if ref.kind == "reader" else []
    shown = entity_view(ref, replace(known(), samples=[*known().samples, *up], changes=changes, marks=()), HOUR)
    assert shown is not None
    assert [event.words for event in shown.events] == own
    assert all([mark.title for mark in each.marks] == own for each in shown.charts)


def test_a_cluster_of_connect_and_a_connector_have_pages() -> None:
    shown, one = page(THINGS[6], HOUR), page(THINGS[7], HOUR)
    assert (shown.health, shown.headline) == ("bad", "1 worker does not answer; 1 of 2 connectors failed")
    connectors, workers = shown.tables
    assert [row[0].text for row in connectors.rows] == [HOSTILE, "archive"], "the one in trouble first"
    assert connectors.rows[0][0].path == THINGS[7].path
    assert [row[0].text for row in workers.rows] == ["w-2:8083", "w-1:8083"]
    assert (one.health, one.headline) == ("bad", "RUNNING; 2 of 3 tasks run; 1 task failed")
    failures, related = one.tables
    assert failures.rows[0][1].text == f"ConnectException: {HOSTILE}"
    assert [row[1].path for row in related.rows] == [BILLING.path, "/cluster/shop/topic/orders", ""]
    assert [link.path for link in one.trail] == ["/", "/connect/shop"]
    assert written(EntityRef("connector", ("a/b", ".."))) == EntityRef("connector", ("a/b", ".."))


def test_an_incident_is_marked_and_its_alerts_are_not_marked_beside_it() -> None:
    broker = Labels({"alertname": "KafkaBrokerDown", "severity": "critical", "kafka_cluster": "shop", "broker": "2"})
    going = PastIncident("broker:shop/2", END - 1200, "Broker 2 of shop does not answer", frozenset({broker}))
    elsewhere = PastIncident("x", END - 100, "Nothing of it", frozenset({Labels({"kafka_cluster": "other"})}))
    shown = entity_view(THINGS[1], replace(known(), incidents=[going, elsewhere]), HOUR)
    assert shown is not None
    assert [mark.title for mark in shown.charts[0].marks if mark.style == "fires"] == [going.sentence]
    over = entity_view(THINGS[1], replace(known(), incidents=[replace(going, ended=END - 1196)]), HOUR)
    assert over is not None
    titles = [mark.title for mark in over.charts[0].marks if mark.style != "change"]
    assert titles == ["KafkaBrokerDown fires", f"over: {going.sentence}", going.sentence], (
        "it fired after that was over"
    )


def test_what_nobody_knows_has_no_page_and_what_is_no_more_has_its_past() -> None:
    assert entity_view(EntityRef("group", ("shop", "nobody")), known(), HOUR) is None
    assert entity_view(EntityRef("topic", ("else", "orders")), known(), HOUR) is None
    gone = known()
    gone = type(gone)(**{name: getattr(gone, name) for name in gone.__slots__} | {"samples": []})
    shown = entity_view(BILLING, gone, HOUR)
    assert shown is not None
    assert (shown.health, shown.headline) == ("bad", "nothing is known of it now"), "an alert of it fires"
    assert len(shown.charts) == 4


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("ref", THINGS, ids=lambda ref: ref.kind)
@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_no_name_breaks_a_page(ref: EntityRef, window: object) -> None:
    shown = page(ref, window_of(getattr(window, "name", "")))
    html = Renderer().entity(shown).body.decode()
    tags = Tags()
    tags.feed(html)
    pictures = {"svg", "figure"} if numbers_of(ref.kind) else set()
    assert {"nav", "main", *pictures} <= set(tags.tags)
    assert "b" in tags.tags
    assert "<b onload" not in html
    assert 'aria-current="page"' in html


def test_every_kind_of_thing_has_a_page_and_links_lead_to_pages() -> None:
    assert {ref.kind for ref in THINGS} == LABELS.keys() - {"shard"}, "a shard is on its stream's page"
    paths = [
        cell.path
        for ref in THINGS
        for table in page(ref, HOUR).tables
        for row in table.rows
        for cell in row
        if cell.path
    ]
    assert EntityRef("reader", READER).path in paths
    for path in paths:
        address, _, query = path.partition("?")
        ref = entity_at(address, query)
        assert ref is not None
        assert entity_view(ref, known(), HOUR) is not None
    assert page(EntityRef("stream", STREAM), HOUR).stream is not None
