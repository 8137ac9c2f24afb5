"""Ages along paths: the sum of the hops, unknown where one is, and no circle that hangs."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.flow.graph import Graph
from streamwatch.flow.past import SourceAges
from streamwatch.flow.paths import Paths
from tests.flow.maps import graph

Edges = list[tuple[str, str, float | None]]


def age(made: Graph, node: str) -> float | None:
    path = Paths(made).to(node).worst
    assert path is not None
    return path.seconds


def test_the_age_is_the_sum_of_the_hops() -> None:
    made = graph(
        ("w-db", "s-orders", 3.0), ("s-orders", "r-job", 60.0), ("r-job", "s-sums", 0.0), ("s-sums", "x-lake", 7.0)
    )
    path = Paths(made).to("x-lake").known
    assert path is not None
    assert (path.start, path.end, path.seconds) == ("w-db", "x-lake", 70.0)
    assert Paths(made).ends() == ["x-lake"]


def test_of_several_ways_the_worst_counts() -> None:
    made = graph(("s-a", "r-both", 5.0), ("s-b", "r-both", 8.0))
    path = Paths(made).to("r-both").worst
    assert path is not None
    assert (path.start, path.seconds) == ("s-b", 8.0)


def test_an_unknown_hop_makes_the_path_unknown_and_is_named() -> None:
    made = graph(("w-db", "s-orders", None), ("s-orders", "x-lake", 5.0), ("s-other", "x-lake", 2.0))
    ways = Paths(made).to("x-lake")
    assert ways.known is not None
    assert ways.unknown is not None
    assert (ways.known.start, ways.known.seconds) == ("s-other", 2.0)
    assert (ways.unknown.seconds, ways.unknown.at_least) == (None, 5.0)
    assert [(hop.key, hop.why) for hop in ways.unknown.unknown] == [(("w-db", "s-orders"), "nobody says")]
    assert ways.worst is ways.unknown, "what is not known may be worse than what is"


def test_a_mirror_both_ways_is_cut_where_the_circle_closes() -> None:
    made = graph(
        ("s-east", "r-to-west", 1.0),
        ("r-to-west", "s-west", 2.0),
        ("s-west", "r-to-east", 3.0),
        ("r-to-east", "s-east", 4.0),
    )
    paths = Paths(made)
    assert len(paths.closing) == 1
    assert len(list(paths.order())) == 4
    assert [path.known.seconds for end in paths.ends() if (path := paths.to(end)).known] == [6.0]


def test_where_data_comes_from_outside_the_circle_is_cut_behind_it() -> None:
    made = graph(("w-db", "s-a", 1.0), ("s-a", "r-app", 2.0), ("r-app", "s-a", 4.0), ("r-app", "s-out", 8.0))
    paths = Paths(made)
    assert paths.closing == {("r-app", "s-a")}
    assert age(made, "s-out") == 11.0


def test_a_long_chain_is_no_deep_recursion() -> None:
    names = [f"s-{at}" for at in range(3000)]
    made = graph(*((one, other, 1.0) for one, other in pairwise(names)))
    assert age(made, names[-1]) == 2999.0


NODES = [f"{role}-{at}" for role in "wsrx" for at in range(3)]
LAGS = st.one_of(st.none(), st.floats(0, 1e6).map(round).map(float))
EDGES = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), LAGS), unique_by=lambda one: one[:2], max_size=30
)


def brute_force(edges: Sequence[tuple[str, str, float | None]], to: str) -> list[tuple[float, bool]]:
    """Every way to a node from where none comes before: its age, and whether all of it is known."""
    before = [edge for edge in edges if edge[1] == to]
    if not before:
        return [(0.0, True)]
    return [
        (total + (lag or 0.0), known and lag is not None)
        for source, _, lag in before
        for total, known in brute_force(edges, source)
    ]


@given(EDGES)
def test_whatever_the_map_the_worst_way_is_the_worst_of_all(edges: Edges) -> None:
    made = graph(*edges)
    paths = Paths(made)
    assert sorted(paths.order()) == sorted(made.nodes), "every node has its turn, circles or not"
    forward = [(edge.source, edge.target, edge.seconds) for edge in made.edges if edge.key not in paths.closing]
    for node in made.nodes:
        ways, every = paths.to(node), brute_force(forward, node)
        known = max((total for total, is_known in every if is_known), default=-math.inf)
        unknown = max((total for total, is_known in every if not is_known), default=-math.inf)
        if all(target != node for _, target, _ in forward):
            assert ways.worst is None
            continue
        assert (-math.inf if ways.known is None else ways.known.seconds) == known
        assert (-math.inf if ways.unknown is None else ways.unknown.at_least) == unknown


@pytest.mark.parametrize("lag", [None, 1.0])
def test_a_node_that_reads_itself_is_a_circle_of_one(lag: float | None) -> None:
    made = graph(("s-a", "s-a", lag), ("s-a", "r-b", 1.0))
    assert age(made, "r-b") == 1.0


@pytest.mark.parametrize(
    ("behind", "lag", "age"),
    [
        pytest.param(1.0, 0.0, 1.0, id="all is read: the source counts as it is"),
        pytest.param(1.0, 20.0, 80.0, id="what is left passed the source when that was 60 s behind"),
        pytest.param(1.0, 19.0, 79.0, id="between two reads the worse counts"),
        pytest.param(1.0, 75.0, 80.0, id="what is left passed it just before it stood"),
        pytest.param(1.0, 500.0, 501.0, id="before the first read it was as then"),
        pytest.param(70.0, 20.0, 80.0, id="it stands now, too"),
        pytest.param(90.0, 20.0, 90.0, id="what is oldest has not passed the source"),
    ],
)
def test_what_is_left_to_read_passed_the_source_when_that_was_as_far_behind_as_it_was_then(
    behind: float, lag: float, age: float
) -> None:
    """The source stood from 925 to 980, when 60 s of changes came at once."""
    points = [(900.0, 899.0), (925.0, 920.0), (980.0, 920.0), (990.0, 989.0), (1000.0, 999.0)]
    made = graph(("w-db", "s-orders", behind), ("s-orders", "x-lake", lag))
    edges = (replace(made.edges[0], past=SourceAges(points)), replace(made.edges[1], at=1000.0))
    path = Paths(Graph(made.nodes, edges)).to("x-lake").known
    assert path is not None
    assert path.seconds == pytest.approx(age)


@pytest.mark.parametrize(("moment", "behind"), [(940.0, 40.0), (955.0, 25.5), (970.0, 11.0), (999.0, 11.0)])
def test_a_source_that_caught_up_since_the_read_before_the_last_went_on_evenly(moment: float, behind: float) -> None:
    """Who has left to read what came since then goes on, and has read most of it."""
    assert SourceAges([(900.0, 899.0), (940.0, 900.0), (970.0, 959.0)]).at(moment) == pytest.approx(behind)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=2, max_size=12),
    st.integers(0, 11),
    st.floats(0.0, 1.0),
)
def test_the_age_is_that_of_the_oldest_change_that_has_not_come_to_the_end(
    steps: list[tuple[int, int]], passed: int, share: float
) -> None:
    """However far the source was behind when, and wherever on the way most of the time is lost."""
    moments = list(accumulate(wait for wait, _ in steps))
    changed = [min(at, done) for at, done in zip(moments, accumulate(step for _, step in steps), strict=True)]
    passed %= len(steps)
    now, last = moments[-1], moments[-1] - moments[passed]
    made = graph(
        ("w-db", "s-a", float(now - changed[-1])), ("s-a", "s-b", share * last), ("s-b", "x-lake", last - share * last)
    )
    ages = SourceAges(tuple(zip(map(float, moments), map(float, changed), strict=True)))
    edges = tuple(replace(one, at=float(now), past=ages if one.source == "w-db" else None) for one in made.edges)
    path = Paths(Graph(made.nodes, edges)).to("x-lake").known
    assert path is not None
    assert path.seconds == pytest.approx(now - changed[passed])


def test_of_several_sources_the_one_counts_that_was_behind_when_what_is_left_passed() -> None:
    """The way that is the oldest where they meet is not the oldest of all."""
    made = graph(("w-a", "s-orders", 5.0), ("w-b", "s-orders", 10.0), ("s-orders", "x-lake", 700.0))
    past = {"w-a": SourceAges([(300.0, -300.0), (1000.0, 995.0)]), "w-b": SourceAges([(300.0, 290.0), (1000.0, 990.0)])}
    edges = tuple(replace(one, at=1000.0, past=past.get(one.source)) for one in made.edges)
    paths = Paths(Graph(made.nodes, edges))
    met, left = paths.to("s-orders").known, paths.to("x-lake").known
    assert met is not None
    assert left is not None
    assert (met.start, met.seconds) == ("w-b", 10.0)
    assert (left.start, left.seconds) == ("w-a", 1300.0)


def test_where_a_hop_is_unknown_the_age_is_not_less_than_what_is_said() -> None:
    """Whatever the source was behind between two reads: what is known is what is left, and what it is behind now."""
    made = graph(("w-db", "s-a", 1.0), ("s-a", "s-b", None), ("s-b", "x-lake", 120.0))
    ages = SourceAges([(800.0, 799.0), (870.0, 600.0), (900.0, 899.0), (1000.0, 999.0)])
    edges = tuple(replace(one, at=1000.0, past=ages if one.source == "w-db" else None) for one in made.edges)
    path = Paths(Graph(made.nodes, edges)).to("x-lake").unknown
    assert path is not None
    assert (path.seconds, path.at_least) == (None, 120.0)


def test_of_very_many_sources_the_oldest_are_followed() -> None:
    sources = [(f"w-{at}", "s-orders", float(at)) for at in range(100)]
    made = graph(*sources, ("s-orders", "x-lake", 50.0))
    edges = tuple(
        replace(
            one, at=1000.0, past=SourceAges([(1000.0, 1000.0 - (one.seconds or 0.0))]) if one.source[0] == "w" else None
        )
        for one in made.edges
    )
    paths = Paths(Graph(made.nodes, edges))
    path = paths.to("x-lake").known
    assert path is not None
    assert (path.start, path.seconds) == ("w-99", 149.0)
    assert sorted(paths._known["x-lake"]) == [f"w-{at}" for at in range(36, 100)]
