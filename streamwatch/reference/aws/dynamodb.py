"""DynamoDB as far as lease tables need it: tables of one key, whose items are read within their read capacity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.kinesis.errors import ServiceError

Item = dict[str, dict[str, Any]]
_BURST_SECONDS: Final = 300.0
"""A table saves what it did not use for so long."""


@dataclass(slots=True)
class Table:
    """A table with a hash key alone."""

    name: str
    arn: str
    key: str
    read_units: int
    """A second; 0 where it is billed by the request."""
    made: float
    items: dict[str, Item] = field(default_factory=dict)
    scans: list[tuple[float, float]] = field(default_factory=list)
    """When each scan was, and what it used."""
    _left: float = 0.0
    _left_at: float = 0.0

    def __post_init__(self) -> None:
        """Let it have saved all it can."""
        self._left, self._left_at = self.read_units * _BURST_SECONDS, self.made

    def use(self, units: float, now: float) -> None:
        """Take read units.

        Raises:
            Refused: there are none left.

        """
        if self.read_units:
            most = self.read_units * _BURST_SECONDS
            self._left = min(most, self._left + self.read_units * max(0.0, now - self._left_at))
            self._left_at = now
            if self._left <= 0:
                why = "The level of configured provisioned throughput for the table was exceeded."
                raise ServiceError("ProvisionedThroughputExceededException", why)
            self._left -= units
        self.scans.append((now, units))

    def put(self, item: Mapping[str, dict[str, Any]]) -> None:
        """Write an item, in the place of one with its key."""
        self.items[item[self.key]["S"]] = dict(item)

    def change(self, key: str, **values: dict[str, Any] | None) -> None:
        """Change attributes of an item; None takes one away."""
        item = self.items.setdefault(key, {self.key: {"S": key}})
        for name, value in values.items():
            if value is None:
                item.pop(name, None)
            else:
                item[name] = value


class DynamoDb:
    """One account's tables in one region."""

    def __init__(self, account: str, region: str) -> None:
        self.account, self.region = account, region
        self.tables: dict[str, Table] = {}

    def create(self, name: str, key: str, now: float, read_units: int = 0) -> Table:
        """Make a table.

        Raises:
            Refused: there is one of that name.

        """
        if name in self.tables:
            raise ServiceError("ResourceInUseException", f"Table already exists: {name}")
        arn = f"arn:aws:dynamodb:{self.region}:{self.account}:table/{name}"
        self.tables[name] = found = Table(name, arn, key, read_units, now)
        return found

    def find(self, name: str) -> Table:
        """Return a table by its name or ARN.

        Raises:
            Refused: there is none.

        """
        name = name.rpartition("/")[2]
        if name not in self.tables:
            raise ServiceError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
        return self.tables[name]


def size_of(item: Item) -> int:
    """Return how many bytes an item counts."""
    return sum(len(name) + sum(_size(value) for value in typed.values()) for name, typed in item.items())


def _size(value: Any) -> int:  # noqa: ANN401 - a value of any type
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, list):
        return 3 + sum(map(_size, value))
    return 3 + size_of(value) if isinstance(value, dict) else 1
