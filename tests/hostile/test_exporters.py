"""Exporters that mean harm: what a page of theirs takes of memory has a bound, however much it would become."""

import tracemalloc

import pytest

from tests.sources.open_monitoring import serving as s
from tests.sources.open_monitoring.test_source import read

MIB = 2**20


@pytest.mark.parametrize("answer", [s.endless, s.bomb, s.drips, s.garbage, s.breaks_off])
def test_a_page_that_means_harm_costs_few_times_what_a_page_may_have(answer: s.Answer) -> None:
    with s.serving(answer) as address:
        tracemalloc.start()
        try:
            snapshot = read({1: address}, ", max_page: 1MiB")
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert [one.reason in {"misread", "timeout"} for one in snapshot.problems] == [True]
    assert most < 8 * MIB
