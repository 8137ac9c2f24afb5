"""What a stream costs in a month, provisioned and on demand."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.advice.config import RegionPrices
from streamwatch.advice.stream_load import StreamDay

MONTH_HOURS: Final = 730.0
_HOUR: Final = 3600.0
_KIB: Final = 1024.0
_PUT_UNIT: Final = 25 * _KIB
_GIB: Final = 2.0**30


@dataclass(frozen=True, slots=True)
class Traffic:
    """The mean of a day, by the second."""

    records: float
    bytes: float
    read_bytes: float

    @property
    def record_bytes(self) -> float:
        """The mean size of a record."""
        return self.bytes / self.records if self.records else 0.0


def traffic_of(load: StreamDay) -> Traffic:
    """Return what was written and read; each known for a minute at least."""
    return Traffic(*(float(np.nanmean(each)) for each in (load.records, load.bytes, load.read_bytes)))


def provisioned(shards: int, traffic: Traffic, prices: RegionPrices) -> float | None:
    """Return the dollars of a month of so many shards; None where a price is not known."""
    if prices.shard_hour is None or prices.million_put_units is None:
        return None
    units = traffic.records * max(1, math.ceil(traffic.record_bytes / _PUT_UNIT)) * MONTH_HOURS * _HOUR
    return shards * MONTH_HOURS * prices.shard_hour + units / 1e6 * prices.million_put_units


def on_demand(traffic: Traffic, prices: RegionPrices) -> float | None:
    """Return the dollars of a month on demand; None where a price is not known.

    Records count by whole KiB: the mean record, rounded up.
    """
    if prices.stream_hour is None or prices.gigabyte_in is None or prices.gigabyte_out is None:
        return None
    size = _KIB * math.ceil(traffic.record_bytes / _KIB)
    gigabytes = traffic.records * size * MONTH_HOURS * _HOUR / _GIB
    read = traffic.read_bytes * MONTH_HOURS * _HOUR / _GIB
    return MONTH_HOURS * prices.stream_hour + gigabytes * prices.gigabyte_in + read * prices.gigabyte_out
