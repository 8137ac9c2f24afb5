"""What the probe of a stream costs, said before an agent runs with it."""

from typing import Final

from streamwatch.advice.config import Prices
from streamwatch.advice.stream_cost import MONTH_HOURS, Traffic, on_demand, provisioned
from streamwatch.model.finding import Finding
from streamwatch.probe.stream_doctor import ProbedStream
from streamwatch.sources.account_config import AccountConfig

RECORD_BYTES: Final = 48.0
"""16 random bytes, and a partition key of 32."""
_HOUR: Final = 3600.0


def cost(config: AccountConfig, stream: ProbedStream, prices: Prices | None) -> Finding:
    """Return what a month costs: the stream itself, and the records that the probe writes and reads.

    Args:
        config: how often a record is written, and where.
        stream: how it is billed, and how many shards it has.
        prices: of the file that the user owns; None where there is none.

    """
    region, rate = config.probed_region, 1 / config.stream_probe.interval
    millions = rate * MONTH_HOURS * _HOUR / 1e6
    traffic = Traffic(rate, rate * RECORD_BYTES, rate * RECORD_BYTES)
    of_region = None if prices is None else prices.by_region().get(region)
    if stream.mode == "ON_DEMAND":
        what = f"a stream on demand for a month, and {millions:.2f} million records of 1 KB"
        dollars = None if of_region is None else on_demand(traffic, of_region)
    else:
        shards = f"{stream.shards} shard{'s' if stream.shards != 1 else ''}"
        what = f"{shards} for a month, and {millions:.2f} million PUT payload units"
        dollars = None if of_region is None else provisioned(stream.shards, traffic, of_region)
    if dollars is None or prices is None:
        detail = f"{what}: what they cost in {region} `advise.prices` does not say"
        return Finding(region, "stream probe", "warning", detail, "name a file of prices: docs/prices.example.yml")
    detail = f"{what} cost {dollars:.2f} dollars, by your prices of {prices.date}"
    return Finding(region, "stream probe", "ok", detail)
