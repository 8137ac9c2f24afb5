import gzip
import math
import threading
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.export.exposition import Exposition, Foreign, Lazy, RenderedExposition
from streamwatch.model.metric import UNKNOWN, Keys, Metric, Samples, Tier

parse_openmetrics: Any = openmetrics_parser.text_string_to_metric_families  # it has no types


def metric(
    name: str,
    *labels: str,
    kind: Literal["gauge", "counter"] = "gauge",
    unit: Literal["", "seconds", "bytes"] = "",
    told: str = "Help.",
) -> Metric:
    return Metric(name=name, kind=kind, unit=unit, labels=labels, tier=Tier.CLUSTER, help=told, question="?")


LAG = metric("lag", "group", "topic")


def one(*values: float, of: Metric = LAG, group: str = "g") -> Samples:
    keys = Keys(of.labels, [(group, f"t{number}") for number in range(len(values))])
    return of.samples(keys, np.array(values))


def families(page: RenderedExposition) -> dict[str, Any]:
    found = {family.name: family for family in text_string_to_metric_families(page.text.decode())}
    openmetrics: list[Any] = list(parse_openmetrics(page.openmetrics.decode()))
    assert {family.name for family in openmetrics} == set(found)
    for family in openmetrics:
        assert family.samples == found[family.name].samples
        assert family.documentation == found[family.name].documentation
        assert family.type == found[family.name].type
    return found


def series(page: RenderedExposition) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(page).values()
        for sample in family.samples
    }


def test_a_page_says_what_both_parsers_of_prometheus_understand() -> None:
    plain = metric("up", told='Says \\ and "quoted"\nand more.')
    counter = metric("requests_seconds_total", "api", kind="counter", unit="seconds")
    page = Exposition().render([plain.sample(1), counter.sample(2.5, api="metadata"), one(7)])
    found = families(page)
    assert found["up"].documentation == 'Says \\ and "quoted"\nand more.'
    assert (found["requests_seconds"].type, found["lag"].type) == ("counter", "gauge")
    assert series(page) == {("up",): 1, ("requests_seconds_total", "metadata"): 2.5, ("lag", "g", "t0"): 7}
    assert (page.series, page.duplicates) == (3, 0)


def test_heads_differ_between_the_formats_and_lines_do_not() -> None:
    page = Exposition().render([metric("sent_bytes_total", kind="counter", unit="bytes").sample(3)])
    assert page.text.decode().splitlines() == [
        "# HELP sent_bytes_total Help.",
        "# TYPE sent_bytes_total counter",
        "sent_bytes_total 3",
    ]
    assert page.openmetrics.decode().splitlines() == [
        "# HELP sent_bytes Help.",
        "# TYPE sent_bytes counter",
        "# UNIT sent_bytes bytes",
        "sent_bytes_total 3",
        "# EOF",
    ]


def test_a_unit_that_does_not_end_the_name_is_not_told() -> None:
    page = Exposition().render([metric("log_bytes_max", unit="bytes").sample(3)])
    assert b"# UNIT" not in page.openmetrics
    families(page)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-1.0, "-1"),
        (1e15, "1000000000000000"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (1e300, "1e+300"),
        (0.1, "0.1"),
        (1700000000.25, "1700000000.25"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_numbers_are_written(value: float, text: str) -> None:
    alone = Exposition().render([metric("x").sample(value)])
    assert alone.text.decode().splitlines()[-1] == f"x {text}"
    mixed = Exposition().render([one(value, 0.5)])
    assert mixed.text.decode().splitlines()[2] == f'lag{{group="g",topic="t0"}} {text}'


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
def test_every_number_comes_back_as_it_was(values: list[float]) -> None:
    page = Exposition().render([one(*values)])
    assert series(page) == {
        ("lag", "g", f"t{number}"): value for number, value in enumerate(values) if not math.isnan(value)
    }


def test_what_is_not_known_is_not_written() -> None:
    page = Exposition().render([one(1, UNKNOWN, 3)])
    assert series(page) == {("lag", "g", "t0"): 1, ("lag", "g", "t2"): 3}
    assert page.series == 2


def test_a_metric_of_which_nothing_is_known_has_no_head() -> None:
    page = Exposition().render([one(UNKNOWN)])
    assert (page.text, page.openmetrics) == (b"", b"# EOF\n")


def test_an_empty_page_is_a_page() -> None:
    page = Exposition().render([])
    assert (page.text, page.openmetrics, page.series) == (b"", b"# EOF\n", 0)


@given(st.lists(st.tuples(st.text(), st.text()), unique=True, max_size=5))
def test_any_label_value_comes_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    page = Exposition().render([LAG.samples(Keys(LAG.labels, rows), np.arange(float(len(rows))))])
    assert series(page) == {("lag", *row): number for number, row in enumerate(rows)}


def test_a_label_that_is_no_unicode_does_not_cost_the_page() -> None:
    page = Exposition().render([LAG.sample(1, group="\udc80", topic="t")])
    assert series(page) == {("lag", "?", "t"): 1}


def test_a_percent_sign_and_braces_in_a_label_are_only_text() -> None:
    assert series(Exposition().render([LAG.sample(1, group="%s {x}", topic="100%")])) == {("lag", "%s {x}", "100%"): 1}


def test_the_series_of_several_clusters_stand_under_one_head() -> None:
    page = Exposition().render([one(1, group="a"), metric("up").sample(1), one(2, group="b")])
    lines = page.text.decode().splitlines()
    assert lines[2:4] == ['lag{group="a",topic="t0"} 1', 'lag{group="b",topic="t0"} 2']
    assert sum(line.startswith("# TYPE lag ") for line in lines) == 1


class TestDuplicates:
    def test_the_first_of_two_series_is_kept(self) -> None:
        page = Exposition().render([one(1, 2), one(3), one(4, group="other")])
        assert series(page) == {("lag", "g", "t0"): 1, ("lag", "g", "t1"): 2, ("lag", "other", "t0"): 4}
        assert page.duplicates == 1

    def test_twice_the_same_keys_is_a_duplicate_too(self) -> None:
        samples = one(1, 2)
        page = Exposition().render([samples, LAG.samples(samples.keys, np.array([8.0, 9.0]))])
        assert series(page) == {("lag", "g", "t0"): 1, ("lag", "g", "t1"): 2}
        assert page.duplicates == 2

    def test_a_row_that_stands_twice_in_one_keys_is_written_once(self) -> None:
        keys = Keys(LAG.labels, [("g", "t"), ("g", "u"), ("g", "t")])
        page = Exposition().render([LAG.samples(keys, np.array([1.0, 2.0, 3.0]))])
        assert series(page) == {("lag", "g", "t"): 1, ("lag", "g", "u"): 2}
        assert page.duplicates == 1

    def test_a_series_does_not_change_hands_when_its_first_source_does_not_know_it(self) -> None:
        exposition = Exposition()
        first, second = one(1), one(2)
        assert series(exposition.render([first, second])) == {("lag", "g", "t0"): 1}
        assert series(exposition.render([LAG.samples(first.keys, np.array([UNKNOWN])), second])) == {}

    def test_the_second_source_is_heard_when_the_first_is_gone(self) -> None:
        exposition = Exposition()
        first, second = one(1), one(2)
        exposition.render([first, second])
        page = exposition.render([second])
        assert series(page) == {("lag", "g", "t0"): 2}
        assert page.duplicates == 0


class TestWhatHasNotChanged:
    def test_the_same_values_of_the_same_keys_are_not_written_again(self) -> None:
        exposition = Exposition()
        samples = one(1, UNKNOWN, 2.5)
        exposition.render([samples])
        before = exposition._families["lag"].blocks[samples.keys]
        exposition.render([LAG.samples(samples.keys, samples.values.copy())])
        assert exposition._families["lag"].blocks[samples.keys].text is before.text

    def test_one_changed_cluster_leaves_the_other_as_it_is(self) -> None:
        exposition = Exposition()
        a, b = one(1, group="a"), one(2, group="b")
        exposition.render([a, b])
        before = exposition._families["lag"].blocks[a.keys]
        page = exposition.render([a, LAG.samples(b.keys, np.array([3.0]))])
        assert exposition._families["lag"].blocks[a.keys] is before
        assert series(page) == {("lag", "a", "t0"): 1, ("lag", "b", "t0"): 3}

    def test_new_values_and_new_keys_are_seen(self) -> None:
        exposition = Exposition()
        samples = one(1, 2)
        exposition.render([samples])
        assert series(exposition.render([LAG.samples(samples.keys, np.array([1.0, UNKNOWN]))])) == {
            ("lag", "g", "t0"): 1
        }
        assert series(exposition.render([one(1, 2, group="new")])) == {
            ("lag", "new", "t0"): 1,
            ("lag", "new", "t1"): 2,
        }
        assert series(exposition.render([])) == {}

    def test_labels_are_rendered_once_for_all_metrics_of_the_same_entities(self) -> None:
        exposition = Exposition()
        samples = one(1, 2)
        other = metric("offset", "group", "topic").samples(samples.keys, np.array([3.0, 4.0]))
        exposition.render([samples, other])
        assert list(exposition._labels) == [samples.keys]

    def test_labels_of_entities_that_are_gone_are_forgotten(self) -> None:
        exposition = Exposition()
        exposition.render([one(1, 2)])
        exposition.render([])
        assert list(exposition._labels) == []


def test_foreign_families_follow_ours_in_both_formats() -> None:
    foreign = Foreign(
        text=b"# TYPE cpu_seconds_total counter\ncpu_seconds_total 1.5\n",
        openmetrics=b"# TYPE cpu_seconds counter\ncpu_seconds_total 1.5\n",
    )
    page = Exposition().render([one(1)], foreign)
    assert series(page) == {("lag", "g", "t0"): 1, ("cpu_seconds_total",): 1.5}
    assert page.series == 1


def test_compressed_pages_hold_the_same() -> None:
    page = Exposition().render([one(1, 2)])
    assert gzip.decompress(page.text_gzip) == page.text
    assert gzip.decompress(page.openmetrics_gzip) == page.openmetrics


def test_lazy_bytes_are_made_once_for_all_threads() -> None:
    calls: list[int] = []
    begun, release = threading.Event(), threading.Event()

    def make() -> bytes:
        calls.append(1)
        begun.set()
        release.wait(60)
        return b"made"

    lazy, got = Lazy(make), []
    threads = [threading.Thread(target=lambda: got.append(lazy())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    release.set()
    for thread in threads:
        thread.join(60)
    assert (got, len(calls)) == ([b"made"] * 8, 1)


def test_texts_of_what_is_gone_are_forgotten_though_its_keys_are_held_elsewhere() -> None:
    exposition, gone, stays = Exposition(), one(1, 2), one(3, group="h")
    exposition.render([gone, stays])
    exposition.render([stays])
    assert list(exposition._labels) == [stays.keys]
    assert series(exposition.render([gone, stays])) == {
        ("lag", "g", "t0"): 1,
        ("lag", "g", "t1"): 2,
        ("lag", "h", "t0"): 3,
    }
