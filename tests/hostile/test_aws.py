"""Answers of AWS that lead round and round, or have points that cannot be: bounded, and nothing but its own share."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import SourceMisread
from streamwatch.model.cloudwatch import Series
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.aws.cloudwatch import CloudWatchReader, WantedSeries
from streamwatch.sources.aws.config import CloudWatch
from streamwatch.sources.aws.page_tokens import MOST_PAGES, PageTokens
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.kinesis.describe import Region
from streamwatch.sources.readers import firehose
from streamwatch.sources.readers.attached import Api
from streamwatch.sources.readers.config import Kcl
from streamwatch.sources.readers.kcl_tables import LeaseTable, LeaseTables
from streamwatch.sources.readers.lambdas import LambdaSource

NOON = 1_800_000_000.0
NEVER = 1e12
Tokens = Callable[[int], str]
LOOPS: list[Any] = [
    pytest.param(lambda _: "a", id="the_same_page_again"),
    pytest.param(lambda n: "ab"[n % 2], id="two_pages_in_turns"),
    pytest.param(str, id="pages_without_end"),
]


class Around:
    """An account whose listings never end."""

    def __init__(self, token: Tokens) -> None:
        self._token = token
        self.asked: Counter[str] = Counter()

    def pace(self, *_: Any) -> None:
        return None

    def form(self, *_: Any) -> None:
        return None

    def ask(self, _service: str, _region: str, operation: str, _parameters: Any) -> dict[str, Any]:
        token = self._token(self.asked[operation])
        self.asked[operation] += 1
        return {
            "TableNames": [token], "LastEvaluatedTableName": token, "Items": [{}], "LastEvaluatedKey": {"k": token},
            "Shards": [], "NextToken": token, "Marker": token, "DeliveryStreamNames": [token],
            "HasMoreDeliveryStreams": True, "StreamNames": [token], "HasMoreStreams": True, "Things": [token],
            "EventSourceMappings": [token], "NextMarker": token,
        }  # fmt: skip


def calls(account: Around) -> SourceCalls:
    return SourceCalls(cast("Any", account), ManualClock(NOON), lambda _: None)


def _pages(caller: SourceCalls) -> object:
    return list(caller.pages("kafka", "r", "ListThings", {}, wants=("Things",), deadline=NEVER))


def _attached(caller: SourceCalls) -> object:
    return Api("dms", "r", caller, NEVER).pages("DescribeThings", {}, "Things", ("Marker", "Marker"))


def _firehose(caller: SourceCalls) -> object:
    return firehose._names(Api("firehose", "r", caller, NEVER), "DirectPut")


def _tables(caller: SourceCalls) -> object:
    return list(LeaseTables(Kcl(), "r", caller, ManualClock(NOON))._names(NEVER))


def _shards(caller: SourceCalls) -> object:
    return Region(AccountConfig(name="k", regions=("eu-west-1",)), "r", caller, ManualClock(NOON))._shards("s", NEVER)


def _streams(caller: SourceCalls) -> object:
    region = Region(AccountConfig(name="k", regions=("eu-west-1",)), "r", caller, ManualClock(NOON))
    region._list(NOON, NEVER, [])
    return region


LISTINGS = [_pages, _attached, _firehose, _tables, _shards, _streams]


@pytest.mark.parametrize("token", LOOPS)
@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_that_has_no_end_is_misread_after_few_calls(listing: Callable[[Any], object], token: Tokens) -> None:
    account = Around(token)
    with pytest.raises(SourceMisread, match=r"read before|more than 100 pages"):
        listing(calls(account))
    assert account.asked.total() <= (MOST_PAGES if token is str else 3)


def test_a_scan_of_a_lease_table_that_has_no_end_is_misread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.sources.readers.kcl_tables._MOST_PAGES", 50)
    account = Around(str)
    tables = LeaseTables(Kcl(), "r", calls(account), ManualClock(NOON))
    tables._tables["t"] = LeaseTable("t", "t", 1e9, "1")
    done, problems, failed = tables.read(NEVER)

    assert (done, failed) == ({}, {"t"})
    assert [(one.scope, one.reason) for one in problems] == [("reader", "misread")]
    assert account.asked["Scan"] == 51


def test_event_source_mappings_that_have_no_end_are_misread() -> None:
    account = Around(str)
    source = cast("Any", SimpleNamespace(_caller=calls(account)))
    with pytest.raises(SourceMisread, match="more than 200 pages"):
        list(LambdaSource._mappings(source, "r", NEVER))
    assert account.asked["ListEventSourceMappings"] == 200


def test_a_listing_of_a_hundred_pages_is_read_whole() -> None:
    tokens = PageTokens("it")
    for page in range(MOST_PAGES - 1):
        tokens.follow(page)
    with pytest.raises(SourceMisread):
        tokens.follow("one more")


class Minutes:
    """A CloudWatch with these points."""

    def __init__(self, points: list[tuple[float, float]]) -> None:
        self._points = points

    def wait(self, _: float) -> None:
        pass

    def pages(self, *_: Any, **__: Any) -> Iterator[dict[str, Any]]:
        times = [datetime.fromtimestamp(at, UTC) for at, _ in self._points]
        values = [value for _, value in self._points]
        yield {"MetricDataResults": [{"Id": "q0", "Timestamps": times, "Values": values, "StatusCode": "Complete"}]}


THEN = NOON // 60 * 60 - 120
TRUE = [(THEN, 5.0), (THEN + 60, 7.0)]
FALSE = [
    (THEN + 60, math.nan), (THEN + 60, math.inf), (THEN, -math.inf), (NOON + 3600, 1e9), (250_000_000_000.0, 1e9),
    (0.0, 9.0),
]  # fmt: skip


@pytest.mark.parametrize("is_counter", [True, False])
def test_points_that_cannot_be_are_none(*, is_counter: bool) -> None:
    def known(points: list[tuple[float, float]]) -> object:
        clock = ManualClock(NOON - 300)
        minutes = Minutes([])
        reader = CloudWatchReader(CloudWatch(), cast("Any", minutes), clock)
        wanted = WantedSeries(Series("N", "M", "Sum", ()), "r", "1", vital=True, is_counter=is_counter)
        reader.read([wanted], NEVER, lambda *_: False)
        clock.advance(300)
        minutes._points = points
        found, problems = reader.read([wanted], NEVER, lambda *_: False)
        assert problems == []
        (reading,) = found["1", "r"].readings.values()
        assert math.isfinite(reading.total if is_counter else reading.value)
        return reading

    assert known([*TRUE, *FALSE]) == known([*FALSE, *TRUE]) == known(TRUE)
