"""The map as it is shown: in words, in bounds, and safe whatever somebody called something."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.catalogue import kafka_groups as g
from streamwatch.export.web_page.fitting import fitted
from streamwatch.export.web_page.flow import flow
from streamwatch.export.web_page.render import Renderer
from streamwatch.flow.graph import Graph, GraphNode
from tests.flow.maps import graph, house, made_of, samples

RENDERER = Renderer()


class Elements(HTMLParser):
    """Collects the names of elements and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def html(made: Graph) -> str:
    return RENDERER.flow(flow(made)).body.decode()


def test_the_headline_says_the_oldest_that_is_known_and_how_much_is_not() -> None:
    known = graph(("w-db", "s-a", 1.0), ("s-a", "x-lake", 839.0))
    assert flow(known).headline == "sink x-lake is 14 min behind writer w-db"
    partly = graph(("w-db", "s-a", None), ("s-a", "x-lake", 839.0), ("s-b", "x-lake", 5.0))
    assert flow(partly).headline == "sink x-lake is 5 s behind stream s-b; of 1 path the age is not known"
    assert (flow(graph(("s-a", "r-b", None))).headline, flow(graph(("s-a", "r-b", None))).health) == (
        "Of 1 path the age is not known", "unknown",
    )  # fmt: skip
    assert flow(graph(("s-a", "r-b", 0.0))).headline == "All that is known has arrived"
    assert flow(made_of()).headline == "Nobody is known who reads or writes"


def test_the_headline_begins_with_what_is_worst_as_its_mark_does() -> None:
    edges: list[tuple[str, str, float | None]] = [("s-a", "r-b", 0.0), ("s-a", "r-c", 0.0), ("s-a", "r-d", 3.0)]
    shown = flow(graph(*edges, r_b="warn", r_c="bad"))
    assert (shown.health, shown.headline) == (
        "bad", "reader r-c: bad, and 1 more is not well. reader r-d is 3 s behind stream s-a",
    )  # fmt: skip
    gone = GraphNode("x", "reader", "delivery stream", "lake", "", "bad", "it is stopped")
    assert flow(Graph({"x": gone}, ())).headline == (
        "delivery stream lake: it is stopped. Nobody is known who reads or writes"
    )


def test_what_could_not_be_read_is_listed_and_nothing_is_good_then() -> None:
    shown = flow(graph(("s-a", "r-b", 0.0)), [f"mine/{at}: denied: no" for at in range(7)])
    assert shown.health == "unknown"
    assert shown.notes == [*(f"could not be read: mine/{at}: denied: no" for at in range(5)), "nor could 2 more parts"]


def test_an_unknown_hop_is_named_with_its_reason() -> None:
    shown = flow(graph(("w-db", "s-a", None), ("s-a", "x-lake", 839.0)))
    (end,) = shown.ends
    assert (end.name, end.age, end.start) == ("sink x-lake", "at least 14 min", "writer w-db")
    assert end.hops == ["w-db → s-a: unknown: nobody says", "s-a → x-lake: 14 min"]
    assert [one.text for one in shown.labels] == ["unknown", "14 min"]
    assert "≥ 14 min behind w-db" in [line.text for box in shown.boxes for line in box.lines]


def test_what_is_not_drawn_is_counted() -> None:
    shown = flow(made_of(*house(200)))
    assert len(shown.boxes) <= 70
    assert any("more nodes are not drawn" in note for note in shown.notes)
    assert shown.more_ends > 0


def test_many_edges_into_one_node_have_one_text() -> None:
    shown = flow(graph(*((f"s-{at}", "x-lake", float(at)) for at in range(9))))
    assert [one.text for one in shown.labels] == ["9: up to 8 s"]
    unsure = flow(graph(*((f"s-{at}", "x-lake", None if at < 2 else 1.0) for at in range(9))))
    assert [one.text for one in unsure.labels] == ["2 of 9 unknown"]


PLAIN = Elements(html(graph(("s-a", "r-b", 1.0))))


@pytest.mark.parametrize(
    "name",
    [
        "</title><script>alert(1)</script>",
        '"><image href=x onerror=alert(1)>',
        "\u202eevil\u0000\u0007",
        "{{ 7*7 }}",
        "&lt;b&gt;",
        "長い名前" * 60,
        "W" * 249,
    ],
)
def test_a_hostile_name_is_text(name: str) -> None:
    text = html(made_of(samples(g.GROUP_TOPIC_LAG_SECONDS, {("shop", name, name): 1.0})))
    found = Elements(text)
    assert found.names <= PLAIN.names
    assert found.attributes <= PLAIN.attributes
    assert ">49<" not in text
    assert not any(sign in text.partition("<svg")[2].partition("</svg>")[0] for sign in "\u0000\u0007")


@given(st.text(max_size=80), st.floats(20, 300))
def test_a_text_that_is_cut_is_no_longer_than_it_was_and_says_so(text: str, pixels: float) -> None:
    shown = fitted(text, pixels, 11.0)
    assert len(shown) <= max(len(text), 1)
    assert shown.isprintable()
    assert len(shown) == len(text) or shown.endswith("…")
