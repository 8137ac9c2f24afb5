"""Advice on a Kinesis stream: its shards, and whether it should be provisioned or on demand."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from streamwatch.advice.advice import Advice, State
from streamwatch.advice.config import Prices, RegionPrices
from streamwatch.advice.past import PastHours, highest, is_enough, p99, too_little
from streamwatch.advice.resharding import (
    HIGHEST_MOST,
    MERGED_P99_MOST,
    P99_MOST,
    Resharding,
    ShardLoad,
    Step,
    reshard,
    shards_enough,
    shards_needed,
)
from streamwatch.advice.stream_cost import Traffic, on_demand, provisioned, traffic_of
from streamwatch.advice.stream_load import (
    StreamDay,
    counts_refused,
    is_watched,
    open_shards,
    shard_loads,
    stream_load,
)
from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.model.kinesis import Description, Stream

_WORTH: Final = 0.8
"""The other mode is advised where it costs less than so much of this one."""
_MOST_STEPS: Final = 50
_STREAM_DATA: Final = f"{k.WRITE_BYTES_USE.name}, {k.WRITE_RECORDS_USE.name}, {k.WRITE_THROTTLED.name} over 24 h"
_SHARD_DATA: Final = (
    f"{s.SHARD_WRITE_BYTES_USE.name}, {s.SHARD_WRITE_RECORDS_USE.name}, {s.SHARD_WRITE_THROTTLED.name} over 24 h"
)
_COST_DATA: Final = f"{_STREAM_DATA}; {k.READ_BYTES_USE.name} over 24 h"
_SAMPLED: Final = "the minutes that CloudWatch was asked for stand for the others (`cloudwatch.detail_interval`)"


def advise_stream(stream: Stream, past: PastHours, prices: Prices | None) -> list[Advice]:
    """Return what is to be done about one stream."""
    if stream.description is None:
        return [_advice(stream, "shards", "unknown", "not known: the stream's description could not be read")]
    load = stream_load(stream, past)
    if not is_enough(load.load):
        return [_advice(stream, what, "unknown", too_little(load.load)) for what in ("shards", "mode")]
    shards, wanted = _shards(stream, stream.description, load, past)
    return [shards, _mode(stream, stream.description, load, wanted, prices)]


def _shards(stream: Stream, description: Description, load: StreamDay, past: PastHours) -> tuple[Advice, int]:
    """Return the advice on the shards, and how many there are once it is followed."""
    now = description.open_shards
    if description.mode == "ON_DEMAND":
        text = "nothing: on demand, Kinesis splits and merges by itself"
        return _advice(stream, "shards", "fine", text, _sum_of_stream(load, now)), shards_needed(load.load)
    if description.distribution == "AUTO" or not is_watched(description) or description.shards is None:
        return _by_stream(stream, description, load)
    loads = shard_loads(stream, open_shards(description), load, past)
    if not loads or not is_enough(loads[0].load):
        known = loads[0].load if loads else load.load * np.nan
        since = "; it was resharded in the last day" if load.since_reshard else ""
        return _advice(stream, "shards", "unknown", f"{too_little(known)} of each shard{since}"), now
    return _by_shard(stream, description, loads, reshard(loads)), reshard(loads).shards


def _by_shard(stream: Stream, description: Description, loads: Sequence[ShardLoad], plan: Resharding) -> Advice:
    hottest = max(loads, key=lambda each: p99(each.load))
    text = (
        f"hottest shard {hottest.id}: p99 minute {p99(hottest.load):.2f}, highest {highest(hottest.load):.2f} of a"
        f" shard's limits (at most {P99_MOST:.2f} and {HIGHEST_MOST:.2f}): {shards_needed(hottest.load)} shard(s) for"
        f" its keys; {len(loads)} open shards, {plan.shards} wanted"
    )
    sure = f"measured; {_SAMPLED}"
    if any(step.kind == "split" for step in plan.steps):
        sure = f"likely: keys within a shard are taken for even; one key alone cannot be split, and {_SAMPLED}"
    if not counts_refused(description):
        sure += "; what a shard refused is not known: WriteProvisionedThroughputExceeded is off"
    return _advice(
        stream,
        "shards",
        "do" if plan.steps else "fine",
        _words(plan),
        text,
        (_SHARD_DATA,),
        sure,
        tuple(_command(stream, step, loads) for step in plan.steps[:_MOST_STEPS]),
    )


def _by_stream(stream: Stream, description: Description, load: StreamDay) -> tuple[Advice, int]:
    """Return advice where what each shard gets is not known, or where Kinesis itself spreads records."""
    now, needed, enough = description.open_shards, shards_needed(load.load), shards_enough(load.load)
    sure = (
        f"measured: Kinesis spreads records evenly; {_SAMPLED}"
        if description.distribution == "AUTO"
        else f"a guess: keys are taken for even, what each shard gets is not known; {_SAMPLED}"
    )
    wanted = needed if needed > now else min(now, max(enough, -(-now // 2)))
    if needed <= now and load.refused > 0 and description.distribution != "AUTO":
        text = "turn on shard-level metrics: records are refused though there are enough shards, so keys are uneven"
        command = (
            f"aws kinesis enable-enhanced-monitoring --region {stream.region} --stream-name {stream.name}"
            " --shard-level-metrics IncomingBytes IncomingRecords WriteProvisionedThroughputExceeded"
        )
        return _advice(stream, "shards", "do", text, _sum_of_stream(load, now), (_STREAM_DATA,), sure, (command,)), now
    wanted = min(wanted, 2 * now)
    if wanted == now:
        text = "nothing: the stream has as many shards as it needs"
        return _advice(stream, "shards", "fine", text, _sum_of_stream(load, now), (_STREAM_DATA,), sure), now
    text = f"scale from {now} to {wanted} shards"
    if needed > wanted:
        text += f", and then again: {needed} are needed, and a call doubles them at most"
    command = (
        f"aws kinesis update-shard-count --region {stream.region} --stream-name {stream.name}"
        f" --target-shard-count {wanted} --scaling-type UNIFORM_SCALING"
    )
    sums = _sum_of_stream(load, now)
    return _advice(stream, "shards", "do", text, sums, (_STREAM_DATA,), sure, (command,)), max(wanted, needed)


def _sum_of_stream(load: StreamDay, now: int) -> str:
    return (
        f"p99 minute {p99(load.load):.2f}, highest {highest(load.load):.2f} shards' worth, {load.refused:.0f} records"
        f" refused in a day; at {P99_MOST:.2f} of a shard {shards_needed(load.load)} are needed, at"
        f" {MERGED_P99_MOST:.2f} {shards_enough(load.load)} are enough; {now} open"
    )


def _words(plan: Resharding) -> str:
    splits = [step for step in plan.steps if step.kind == "split"]
    merges = [step for step in plan.steps if step.kind == "merge"]
    if not plan.steps:
        return "nothing: no shard is too hot, and no neighbours are nearly idle"
    parts = [f"split at hash key {', '.join(str(step.hash_key) for step in splits)}"] if splits else []
    if merges:
        parts.append(f"merge the shards on both sides of hash key {', '.join(str(step.hash_key) for step in merges)}")
    return "; ".join(parts)


def _command(stream: Stream, step: Step, loads: Sequence[ShardLoad]) -> str:
    """Return what does a step; a shard that an earlier step makes is named by a hash key that it has."""
    where = f"--region {stream.region} --stream-name {stream.name}"
    before = max(each.first for each in loads if each.first < step.hash_key)
    shard = step.shard or f"SHARD-WITH-HASH-KEY-{step.hash_key if step.kind == 'split' else before}"
    if step.kind == "split":
        return f"aws kinesis split-shard {where} --shard-to-split {shard} --new-starting-hash-key {step.hash_key}"
    return f"aws kinesis merge-shards {where} --shard-to-merge {shard} --adjacent-shard-to-merge {step.adjacent}"


def _mode(stream: Stream, description: Description, load: StreamDay, wanted: int, prices: Prices | None) -> Advice:
    """Return whether the other mode would be cheaper."""
    region = None if prices is None else prices.by_region().get(stream.region)
    if region is None or prices is None:
        return _advice(stream, "mode", "unknown", f"not known: no prices of {stream.region}: see `advise.prices`")
    traffic = traffic_of(load)
    costs = provisioned(wanted, traffic, region), on_demand(traffic, region)
    if costs[0] is None or costs[1] is None:
        return _advice(
            stream, "mode", "unknown", f"not known: a price of {stream.region} is missing in `advise.prices`"
        )
    is_on_demand = description.mode == "ON_DEMAND"
    here, there = (costs[1], costs[0]) if is_on_demand else (costs[0], costs[1])
    names = ("on demand", "provisioned") if is_on_demand else ("provisioned", "on demand")
    text = f"nothing: {names[0]} is cheaper, or nearly as cheap"
    commands: tuple[str, ...] = ()
    if there < _WORTH * here:
        text = f"switch from {names[0]} to {names[1]}: ${here - there:,.2f} less a month"
        commands = (_switch(stream, "PROVISIONED" if is_on_demand else "ON_DEMAND"),)
    return _advice(
        stream,
        "mode",
        "do" if commands else "fine",
        text,
        _sum_of_cost(description, wanted, traffic, costs, region),
        (_COST_DATA, f"prices of {prices.date}"),
        _sure_of_cost(description),
        commands,
    )


def _sum_of_cost(
    description: Description, wanted: int, traffic: Traffic, costs: tuple[float | None, float | None], of: RegionPrices
) -> str:
    now = provisioned(description.open_shards, traffic, of) if description.mode != "ON_DEMAND" else None
    today = "" if now is None else f"today's {description.open_shards} shards ${now:,.2f}, "
    return (
        f"{traffic.records:,.1f} records/s of {traffic.record_bytes:,.0f} bytes, {traffic.read_bytes:,.0f} bytes/s"
        f" read: {today}{wanted} shards ${costs[0]:,.2f}, on demand ${costs[1]:,.2f} a month"
    )


def _sure_of_cost(description: Description) -> str:
    left_out = ["retention beyond 24 h"] if description.retention_seconds > 24 * 3600 else []
    left_out += ["enhanced fan-out"] if description.consumers is None or description.consumers else []
    without = f"; {' and '.join(left_out)} not counted" if left_out else ""
    return f"as sure as the prices, and that every day is like this one; records are taken for equally large{without}"


def _switch(stream: Stream, mode: str) -> str:
    partition = "aws-cn" if stream.region.startswith("cn-") else "aws"
    arn = f"arn:{partition}:kinesis:{stream.region}:{stream.account}:stream/{stream.name}"
    details = f"--stream-mode-details StreamMode={mode}"
    return f"aws kinesis update-stream-mode --region {stream.region} --stream-arn {arn} {details}"


def _advice(  # noqa: PLR0913, PLR0917 - the fields of an advice
    stream: Stream,
    question: str,
    state: State,
    action: str,
    sums: str = "",
    data: tuple[str, ...] = (),
    sure: str = "",
    commands: tuple[str, ...] = (),
) -> Advice:
    labels = dict(zip(k.STREAM, (stream.account, stream.region, stream.name), strict=True))
    return Advice(
        about="stream", labels=labels, question=question, state=state, action=action, sum=sums, data=data, sure=sure,
        commands=commands,
    )  # fmt: skip
