"""What fuzzing found stays mended, and what parsers are fed with to begin with is what they read."""

import contextlib
from pathlib import Path

import pytest

from streamwatch.http.connection import StatusCounts
from tests.fuzz import aws, connect, files, listener, pair
from tests.fuzz.__main__ import SEEDS
from tests.fuzz.parsers import PARSERS

KEPT = sorted(SEEDS.glob("*/*.hex"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_was_found_raises_the_documented_error_at_most(file: Path) -> None:
    parser = PARSERS[file.parent.name]()
    with contextlib.suppress(*parser.raises):
        parser.feed(bytes.fromhex(file.read_text()))


@pytest.mark.parametrize("name", ["promql", "exposition", "config", "environment", "peer", "state", "lease"])
def test_a_parser_reads_what_it_is_fed_with_before_it_is_spoilt(name: str) -> None:
    parser = PARSERS[name]()
    for seed in parser.seeds:
        parser.feed(seed)


@pytest.mark.parametrize("kind", aws.READ)
def test_answers_of_aws_are_read_without_a_problem_before_they_are_spoilt(kind: str) -> None:
    with aws.watching(kind) as read:
        assert [read("", b""), read("", b"")] == [[], []]
        assert read("DescribeClusterV2" if kind == "msk" else "ListStreams", b"{}")


def test_answers_of_kafka_connect_are_read_without_a_problem_before_they_are_spoilt() -> None:
    assert connect.read_connect("", b"") == []
    assert connect.read_connect("/connectors", b"[]")


def test_what_a_peer_says_is_taken_for_ones_own_before_it_is_spoilt() -> None:
    assert [pair.feed_peer(seed) for seed in PARSERS["peer"]().seeds] == [["Down resolved"]]


def test_what_stands_on_disk_is_there_before_it_is_spoilt() -> None:
    assert [files.feed_archive(seed).rows() for seed in PARSERS["archive"]().seeds] == [2]
    assert [files.feed_queue(seed) for seed in PARSERS["queue"]().seeds] == [5]


def test_requests_are_answered_before_they_are_spoilt() -> None:
    counts = StatusCounts()
    for seed in PARSERS["listener"]().seeds:
        listener.feed(seed, counts)
    assert counts.read() == {200: 15, 403: 1, 404: 4, 503: 1}, "what there is not, and may not be, is asked, too"
