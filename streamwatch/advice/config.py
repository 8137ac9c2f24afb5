"""What the capacity adviser knows of the world: prices, in a file that the user owns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streamwatch.core.errors import ConfigError
from streamwatch.core.files import read_short
from streamwatch.settings.reader import read_settings
from streamwatch.settings.types import AnyText, Dollars, FilePath, refuse, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Advice on capacity (docs/advice.md)."""

    prices: FilePath | None = setting(
        "a file with what AWS charges, by region; without it, and for regions that are not in it, nothing is said in"
        " dollars",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPrices:
    """What Kinesis costs in one region, in dollars; what is not written is not known."""

    region: str = setting("as in `us-east-1`")
    shard_hour: Dollars | None = setting("a shard for an hour, provisioned", default=None)
    million_put_units: Dollars | None = setting("a million PUT payload units (of 25 KB), provisioned", default=None)
    stream_hour: Dollars | None = setting("a stream for an hour, on demand", default=None)
    gigabyte_in: Dollars | None = setting("a GB that is written, on demand", default=None)
    gigabyte_out: Dollars | None = setting("a GB that is read, on demand", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The file of prices."""

    date: AnyText = setting("when these were the prices")
    kinesis: tuple[RegionPrices, ...] = setting("of Kinesis, by region", default=())

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield regions that are there twice."""
        names = [each.region for each in self.kinesis if each is not None]
        yield from (f"kinesis: {name}: is there twice" for name in sorted({n for n in names if names.count(n) > 1}))

    def by_region(self) -> Mapping[str, RegionPrices]:
        """Return them by region."""
        return {each.region: each for each in self.kinesis}


def read_prices(config: Config) -> Prices | None:
    """Read the file of prices; None where there is none.

    Raises:
        ConfigError: with every mistake in it.

    """
    if config.prices is None:
        return None
    path = Path(config.prices)
    try:
        text = read_short(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"advise.prices: {path}: cannot be read: {error}"]) from error
    return read_settings(Prices, text, str(path), path.parent)
