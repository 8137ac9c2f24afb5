"""What of a map is drawn, and where: bounded, counted, and nothing over another."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.flow.answer import answer
from streamwatch.flow.fold import drawn, folded
from streamwatch.flow.graph import Graph
from streamwatch.flow.layout import NodeBox, layout
from tests.flow.maps import graph, house, made_of
from tests.flow.test_paths import EDGES, Edges


def overlap(one: NodeBox, other: NodeBox) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def check(made: Graph, lines: int = 3) -> None:
    """No box or text is over another, and all is within the picture."""
    placed = layout(made, lambda _: lines)
    assert len(placed.boxes) == len(made.nodes)
    assert not any(overlap(one, other) for one, other in combinations(placed.boxes, 2))
    texts = sorted((label.x, label.y) for label in placed.labels)
    same_gutter = [(one, other) for one, other in combinations(texts, 2) if one[0] == other[0]]
    assert all(abs(one[1] - other[1]) >= 14 for one, other in same_gutter), "texts of 11 pixels, at the ends of lines"
    for box in placed.boxes:
        assert 0 <= box.x <= box.x + box.width <= placed.width
        assert 0 <= box.y <= box.y + box.height <= placed.height


@given(EDGES, st.integers(1, 4))
def test_nothing_is_over_another(edges: Edges, lines: int) -> None:
    check(graph(*edges), lines)


@pytest.mark.parametrize("nodes", [5, 40, 200, 2000])
def test_of_a_house_of_any_size_so_much_is_drawn_and_the_rest_is_counted(nodes: int) -> None:
    made = made_of(*house(nodes))
    picture = drawn(made, 70)
    shown = picture.graph.nodes
    assert len(shown) <= 70
    assert sum(one.count for one in shown.values()) + picture.more == len(made.nodes)
    check(picture.graph)


def test_readers_that_are_well_and_read_the_same_are_counted() -> None:
    edges: Edges = [("s-orders", f"r-{at:02}", float(at)) for at in range(30)]
    made = folded(graph(*edges, ("w-db", "s-orders", 1.0), r_07="bad"))
    assert sorted((one.name, one.count) for one in made.nodes.values()) == [
        ("29 readers", 29), ("r-07", 1), ("s-orders", 1), ("w-db", 1),
    ]  # fmt: skip
    assert {edge.seconds for edge in made.edges} == {1.0, 7.0, 29.0}, "as far behind as the worst of them"


def test_what_is_in_trouble_is_drawn_with_the_way_to_it() -> None:
    edges: Edges = [(f"s-{at:03}", f"r-{at:03}", 1.0) for at in range(100)]
    picture = drawn(graph(*edges, ("w-db", "s-050", 1.0), r_050="bad"), 10)
    assert {"w-db", "s-050", "r-050"} <= picture.graph.nodes.keys()
    assert len(picture.graph.nodes) <= 10


def test_the_answer_is_bounded_and_says_what_is_left_out() -> None:
    made = made_of(*house(400))
    whole, part = answer(made), answer(made, (), 100, 50)
    assert whole["leftOut"] == {
        "nodes": 0, "edges": 0, "streamsWithoutReaders": made.alone, "idleReaders": 0,
        "readersWithoutStreams": made.aside,
    }  # fmt: skip
    assert len(part["nodes"]) <= 100
    assert len(part["edges"]) <= 50
    assert len(part["nodes"]) + part["leftOut"]["nodes"] == len(made.nodes)
    assert len(part["edges"]) + part["leftOut"]["edges"] == len(made.edges)
    assert {path["to"] for path in part["paths"]} <= {one["id"] for one in part["nodes"]}
