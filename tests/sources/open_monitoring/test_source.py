"""Scraping many brokers at once: each exporter that misbehaves costs its own share, in time."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamwatch.agent.config import parse
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue.exporter_mappings import NAMES
from streamwatch.collectors.broker_pages import PageCollector
from streamwatch.core.clock import SystemClock
from streamwatch.model.pages import PagesSnapshot
from streamwatch.sources.open_monitoring.config import Config
from streamwatch.sources.open_monitoring.source import OpenMonitoringSource
from tests.snapshots import values
from tests.sources.open_monitoring import serving as s


def config(addresses: Mapping[int, str], more: str = "") -> Config:
    targets = ", ".join(f"{{broker: {broker}, jmx: '{address}'}}" for broker, address in addresses.items())
    text = f"kafka: [{{name: k, bootstrap: ['h:1'], open_monitoring: {{targets: [{targets}], timeout: 1s{more}}}}}]"
    found = parse(text, "test", Path()).kafka[0].open_monitoring
    assert found is not None
    return found


def read(addresses: Mapping[int, str], more: str = "") -> PagesSnapshot:
    return OpenMonitoringSource("k/pages", "k", config(addresses, more), dict, NAMES, SystemClock()).read()


def test_thirty_brokers_of_which_four_misbehave() -> None:
    bad: dict[int, s.Answer] = {3: s.hangs, 7: s.garbage, 11: s.endless}
    with ExitStack() as stack:
        addresses = {
            broker: stack.enter_context(s.serving(bad.get(broker, s.good))) for broker in range(1, 31) if broker != 19
        }
        addresses[19] = "127.0.0.1:1"  # nobody listens there
        begun = time.monotonic()
        snapshot = read(addresses, ", max_page: 1MiB")
        seconds = time.monotonic() - begun

    found = values(PageCollector(topics=True, app_logs_mount="/").collect(snapshot), b.REQUEST_QUEUE)
    assert found == {str(broker): 3 for broker in range(1, 31) if broker not in {*bad, 19}}
    reasons = {one.detail.split(",")[0]: one.reason for one in snapshot.problems}
    assert reasons == {
        "broker 3": "timeout", "broker 7": "misread", "broker 11": "misread", "broker 19": "unreachable",
    }  # fmt: skip
    assert snapshot.read_seconds == pytest.approx(seconds, abs=0.5)
    assert (snapshot.is_up, len(snapshot.brokers)) == (True, 30)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (s.no_metrics, "misread"),
        (s.refuses, "misread"),
        (s.drips, "timeout"),
        (s.bomb, "misread"),
        (s.breaks_off, "misread"),
    ],
)
def test_a_page_that_is_none_is_a_problem_with_its_reason(answer: s.Answer, reason: str) -> None:
    with s.serving(answer) as address:
        snapshot = read({1: address}, ", max_page: 1MiB")

    assert [one.reason for one in snapshot.problems] == [reason]
    assert address in snapshot.problems[0].detail
    assert not snapshot.is_up


def test_a_compressed_page_is_read() -> None:
    with s.serving(s.zipped) as address:
        snapshot = read({1: address})

    assert snapshot.problems == ()
    assert snapshot.scrapes[0].received_bytes < len(s.GOOD) + 40


def test_while_no_broker_is_known_nothing_is_scraped_and_that_is_said() -> None:
    plain = Config()
    snapshot = OpenMonitoringSource("k/pages", "k", plain, dict, NAMES, SystemClock()).read()

    assert [one.scope for one in snapshot.problems] == ["cluster"]
    assert not snapshot.is_up


def test_addresses_follow_from_the_brokers_hosts() -> None:
    source = OpenMonitoringSource(
        "k/pages", "k", Config(node_port=0), lambda: {2: "b-2.example", 1: "::1"}, NAMES, SystemClock()
    )

    assert [str(one.address) for one in source._jobs()] == ["[::1]:11001", "b-2.example:11001"]
