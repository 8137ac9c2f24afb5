"""Advice on streams: each one as it comes, as it is not needed, and as it is not known."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from streamwatch.advice.advice import Advice
from streamwatch.advice.config import Prices, RegionPrices
from streamwatch.advice.streams import advise_stream
from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.model.kinesis import Description, Shard, Stream
from tests.advice.hours import Hours

ENTITY = ("1234", "eu-west-1", "clicks")
ALL = frozenset({"IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded"})
PRICES = Prices(
    date="2026-01-01",
    kinesis=(
        RegionPrices(
            region="eu-west-1",
            shard_hour=0.02,
            million_put_units=0.01,
            stream_hour=0.04,
            gigabyte_in=0.1,
            gigabyte_out=0.05,
        ),
    ),
)


@dataclass(frozen=True)
class Case:
    """A stream, and its day."""

    shards: Sequence[float] = (0.6, 0.6)
    """Bytes written to each, of its limit; NaN: idle."""
    hours: float = 24
    watched: frozenset[str] = ALL
    mode: str = "PROVISIONED"
    distribution: str = "USER_PARTITION_KEY"
    refused: float = 0.0
    """Records a second, of the first shard."""
    spike: float | None = None
    """What the first shard got for one minute in 1,440."""
    before: float | None = None
    """How many shards there were until three hours ago."""
    described: bool = True
    prices: Prices | None = PRICES
    retention: float = 86_400.0
    consumers: tuple[str, ...] = ()
    read: float = 0.1
    """Of the limit of the stream."""


def advised(case: Case) -> dict[str, Advice]:
    count, hours = len(case.shards), Hours()
    size = 2**128 // count
    shards = tuple(Shard(f"shardId-{at}", at * size, (at + 1) * size - 1, is_open=True) for at in range(count))
    first = [case.shards[0]] * int(case.hours * 60)
    if case.spike is not None:
        first[100] = case.spike
    others = sum(use for use in case.shards[1:] if use == use)  # noqa: PLR0124 - NaN
    for metric in (k.WRITE_BYTES_USE, k.WRITE_RECORDS_USE):
        share = 1.0 if metric is k.WRITE_BYTES_USE else 0.5
        hours.put("stream", metric, ENTITY, [share * (use + others) / count for use in first])
    hours.put("stream", k.BEING_READ, ENTITY, 1.0, case.hours)
    hours.put("stream", k.READ_BYTES_USE, ENTITY, case.read, case.hours)
    hours.put("stream", k.WRITE_THROTTLED, ENTITY, case.refused, case.hours)
    sizes = [float(count)] * int(case.hours * 60)
    if case.before is not None:
        sizes[:-180] = [case.before] * (len(sizes) - 180)
    hours.put("stream", k.OPEN_SHARDS, ENTITY, sizes)
    for at, use in enumerate(case.shards):
        if case.watched and use == use:  # noqa: PLR0124 - the same
            uses = first if at == 0 else [use] * len(first)
            hours.put("shard", s.SHARD_WRITE_BYTES_USE, (*ENTITY, f"shardId-{at}"), uses)
            hours.put("shard", s.SHARD_WRITE_RECORDS_USE, (*ENTITY, f"shardId-{at}"), [each / 2 for each in uses])
            hours.put("shard", s.SHARD_WRITE_THROTTLED, (*ENTITY, f"shardId-{at}"), 0.0 if at else case.refused)
    description = Description(
        status="ACTIVE", mode=case.mode, retention_seconds=case.retention, open_shards=count, shards=shards,
        consumers=case.consumers, watched=case.watched, distribution=case.distribution,
    )  # fmt: skip
    stream = Stream(*ENTITY, description if case.described else None)
    return {each.question: each for each in advise_stream(stream, hours.past(), case.prices)}


NAN = float("nan")
HALF, QUARTER = 2**127, 2**126
SHARDS = {
    "even": (Case(), "fine", "nothing: no shard is too hot"),
    "hot": (Case((0.9, 0.4)), "do", f"split at hash key {QUARTER}"),
    "three parts": (Case((1.9, 0.4)), "do", f"split at hash key {2**127 // 3}, {2**128 // 3}"),
    "hot, and others idle": (
        Case((0.9, 0.1, 0.1, 0.5)), "do",
        f"split at hash key {2**125}; merge the shards on both sides of hash key {HALF}",
    ),
    "at its limit, and refuses half": (Case((0.95, 0.4), refused=475.0), "do", "split at hash key"),
    "a minute over the limit": (Case((0.6, 0.6), spike=1.2), "do", "split at hash key"),
    "a minute under the limit": (Case((0.6, 0.6), spike=0.99), "fine", "nothing"),
    "idle": (Case((0.1, 0.1)), "do", f"merge the shards on both sides of hash key {HALF}"),
    "idle, one without a record": (Case((0.1, NAN)), "do", f"merge the shards on both sides of hash key {HALF}"),
    "together more than half": (Case((0.3, 0.3)), "fine", "nothing"),
    "too little": (Case(hours=3), "unknown", "not known yet: 3 h of history, needs 24 h"),
    "a gap of an hour": (Case(hours=23), "fine", "nothing"),
    "resharded": (
        Case(before=4.0), "unknown", "not known yet: 3 h of history, needs 24 h of each shard; it was resharded",
    ),
    "on demand": (Case((0.9, 0.4), mode="ON_DEMAND"), "fine", "nothing: on demand, Kinesis splits"),
    "no description": (Case(described=False), "unknown", "not known: the stream's description could not be read"),
    "no shard metrics": (Case(watched=frozenset()), "fine", "nothing: the stream has as many shards as it needs"),
    "no shard metrics, full": (Case((0.9, 0.9), watched=frozenset()), "do", "scale from 2 to 3 shards"),
    "no shard metrics, far too full": (
        Case((2.5, 2.5), watched=frozenset()), "do", "scale from 2 to 4 shards, and then again: 7 are needed",
    ),
    "no shard metrics, idle": (Case((0.05,) * 6, watched=frozenset()), "do", "scale from 6 to 3 shards"),
    "no shard metrics, refused": (
        Case((0.9, 0.2), watched=frozenset(), refused=1.0), "do", "turn on shard-level metrics",
    ),
    "spread by Kinesis": (Case((0.9, 0.9), distribution="AUTO"), "do", "scale from 2 to 3 shards"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "state", "action"), SHARDS.values(), ids=SHARDS)
def test_shards(case: Case, state: str, action: str) -> None:
    found = advised(case)["shards"]
    assert (found.state, found.action[: len(action)]) == (state, action)
    assert bool(found.commands) == (state == "do")
    assert bool(found.sum) == bool(found.sure or case.mode == "ON_DEMAND") == (state != "unknown")


MODES = {
    "provisioned is cheaper": (Case((0.9, 0.9)), "fine", "nothing: provisioned is cheaper"),
    "on demand is cheaper": (
        Case((0.005,) * 12, watched=frozenset(), read=0.0), "do", "switch from provisioned to on demand",
    ),
    "provisioned would be cheaper": (Case((0.9, 0.9), mode="ON_DEMAND"), "do", "switch from on demand to provisioned"),
    "no prices": (Case(prices=None), "unknown", "not known: no prices of eu-west-1"),
    "another region's prices": (
        Case(prices=Prices(date="x", kinesis=(RegionPrices(region="us-east-1"),))), "unknown",
        "not known: no prices of eu-west-1",
    ),
    "a price is missing": (
        Case(prices=Prices(date="x", kinesis=(RegionPrices(region="eu-west-1", shard_hour=1.0),))), "unknown",
        "not known: a price of eu-west-1 is missing",
    ),
    "too little": (Case(hours=3), "unknown", "not known yet: 3 h of history"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "state", "action"), MODES.values(), ids=MODES)
def test_mode(case: Case, state: str, action: str) -> None:
    found = advised(case)["mode"]
    assert (found.state, found.action[: len(action)]) == (state, action)
    assert bool(found.commands) == (state == "do")


def test_the_sum_of_the_costs_is_the_price_list_applied_to_the_day() -> None:
    """1.2 MiB/s in records of 1.2 MiB / 600: two shards, 600 records a second, read at 0.2 of 2 MiB/s each."""
    sums = advised(Case())["mode"].sum
    size = 1.2 * 2**20 / 600
    units = 600 * 730 * 3600 / 1e6 * 0.01
    assert f"600.0 records/s of {size:,.0f} bytes" in sums
    assert f"2 shards ${2 * 730 * 0.02 + units:,.2f}, on demand" in sums
    on_demand = 730 * 0.04 + (600 * 3 * 1024 * 0.1 + 0.4 * 2**20 * 0.05) * 730 * 3600 / 2**30
    assert sums.endswith(f"on demand ${on_demand:,.2f} a month")


def test_what_the_costs_leave_out_is_said() -> None:
    assert "not counted" not in advised(Case())["mode"].sure
    sure = advised(Case(retention=7 * 86_400.0, consumers=("billing",)))["mode"].sure
    assert sure.endswith("retention beyond 24 h and enhanced fan-out not counted")


def test_commands_name_shards_that_are_there_or_a_hash_key_of_one_that_an_earlier_command_makes() -> None:
    hot, idle = advised(Case((1.9, 0.4)))["shards"].commands, advised(Case((0.1, 0.1, 0.1)))["shards"].commands
    assert "--shard-to-split shardId-0 " in hot[0]
    assert f"--shard-to-split SHARD-WITH-HASH-KEY-{2**128 // 3} " in hot[1]
    third = 2**128 // 3
    assert idle[0].endswith("--shard-to-merge shardId-0 --adjacent-shard-to-merge shardId-1")
    assert idle[1].endswith(f"--shard-to-merge SHARD-WITH-HASH-KEY-{third} --adjacent-shard-to-merge shardId-2")
