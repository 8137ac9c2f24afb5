"""Lease tables: which there are, and their rows, read so slowly that the application does not notice."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceMisread
from streamwatch.model.reader import ReadUnits
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.aws.page_tokens import PageTokens
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.problems import problem
from streamwatch.sources.readers.config import Kcl
from streamwatch.sources.readers.kcl_rows import COORDINATOR, WANTED, MalformedItem, Row, read

_MOST_PAGES: Final = 100_000
_MOST_ROWS: Final = 100_000
"""Of a table: as many leases as a stream of the largest quota has shards, several times over."""
_MOST_ITEMS: Final = 1000
_ON_DEMAND_UNITS: Final = 100.0
"""Units a second of a table without a capacity of its own."""
_ITEM_UNITS: Final = 1 / 16
"""A lease has about 512 bytes, and 4 KiB are half a unit, if they may be of a moment ago."""
_LEAST_UNITS: Final = 0.5
_NAMES: Final = {f"#a{index}": name for index, name in enumerate(WANTED)}


@dataclass(slots=True)
class LeaseTable:
    """One table that is read from end to end, again and again."""

    name: str
    application: str
    units_a_second: float
    account: str
    next_at: float = 0.0
    """When its next page may be read; by ``monotonic``."""
    item_units: float = _ITEM_UNITS
    after: dict[str, Any] | None = None
    """Where the next page begins; None at the beginning."""
    rows: list[Row] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    """Shards of which the lease is one of those."""
    pages: int = 0
    """Read since the beginning."""
    units: float = 0.0
    """Used in all."""

    def items(self) -> int:
        """Return how many items a page may have: what a second allows, or what the least that a page costs gives."""
        return max(1, min(_MOST_ITEMS, int(max(self.units_a_second, _LEAST_UNITS) / self.item_units)))

    def used(self, units: float | None, items: int, at: float) -> None:
        """Take what a page has cost; where nobody says what it was, it is what its items cost as a rule."""
        cost = max(_LEAST_UNITS, items * self.item_units) if units is None else units
        self.units += cost
        self.next_at = at + cost / self.units_a_second
        if items and units:
            # A page of little is charged as half a unit: it says how dear an item is at the most.
            mean = units / items if units > _LEAST_UNITS else min(self.item_units, units / items)
            self.item_units = max(mean, 1 / 64)


@dataclass(frozen=True, slots=True)
class Done:
    """What reading an application's table gave."""

    rows: tuple[Row, ...]
    odd: tuple[str, ...] = ()
    unreadable: frozenset[str] = frozenset()
    """Shards that have a lease which could not be read."""
    is_leader_read: bool = True
    """Whether what the coordinators have could be read."""


class LeaseTables:
    """The lease tables of one region."""

    def __init__(self, config: Kcl, region: str, caller: SourceCalls, clock: Clock) -> None:
        self._config, self._region, self._caller, self._clock = config, region, caller, clock
        self._listed_at = float("-inf")
        self._others: set[str] = set()
        """Tables that are known to be no lease tables."""
        self._tables: dict[str, LeaseTable] = {}
        self._described_at: dict[str, float] = {}
        self.applications: dict[str, str] = {}
        """The accounts of the applications that there are, by their names."""

    def discover(self, deadline: float) -> list[Problem]:
        """Learn which tables there are, if it is time; return what could not be learnt.

        Raises:
            SourceError: they cannot be listed, and were not for long.

        """
        now = self._clock.now()
        problems: list[Problem] = []
        if not 0 <= now - self._listed_at < self._config.discover_interval:
            try:
                with taken_apart(f"dynamodb ListTables in {self._region}"):
                    names = list(self._names(deadline))
            except SourceError as error:
                if not 0 <= now - self._listed_at < 2 * self._config.discover_interval:
                    raise
                return [problem("region", error, str(error))]
            problems += self._learn(names, now, deadline)
            self._listed_at = float("-inf") if problems else now
        return problems

    def _learn(self, names: list[str], now: float, deadline: float) -> list[Problem]:
        admitted = [one for one in names if self._config.tables.admits(one.removesuffix(COORDINATOR))]
        if len(names) > self._config.most_tables and not self._config.tables.allow:
            admitted = [one for one in admitted if one.removesuffix(COORDINATOR) in self._named]
            if not admitted:
                self.applications = {}
                self._tables.clear()
                why = f"kcl: {self._region} has {len(names)} tables: `readers.kcl.tables.allow` must say which to read"
                return [Problem("region", "budget", why)]
        self._others &= set(names)
        for gone in self._tables.keys() - set(admitted):
            del self._tables[gone]
        problems: list[Problem] = []
        listed = set(admitted)
        for name in sorted(listed, key=lambda name: self._described_at.get(name, 0.0)):
            if name in self._others or (name.endswith(COORDINATOR) and name.removesuffix(COORDINATOR) in listed):
                continue
            if name in self._tables and 0 <= now - self._described_at[name] < self._config.discover_interval:
                continue
            try:
                with taken_apart(f"dynamodb DescribeTable {name} in {self._region}"):
                    self._describe(name, name + COORDINATOR in listed, deadline)
                self._described_at[name] = now
            except NotThere:
                self._tables.pop(name, None)
            except SourceError as error:
                problems.append(problem("reader", error, f"table {name}: {error}"))
        self.applications = {one.application: one.account for one in self._tables.values()}
        return problems

    @property
    def _named(self) -> set[str]:
        return {one.name for one in self._config.applications}

    def _names(self, deadline: float) -> Iterator[str]:
        given: dict[str, Any] = {"Limit": 100}
        tokens = PageTokens(f"dynamodb ListTables in {self._region}")
        while True:
            answer = self._call("ListTables", given, ("TableNames",), deadline)
            yield from map(str, answer["TableNames"])
            if not answer.get("LastEvaluatedTableName"):
                return
            tokens.follow(answer["LastEvaluatedTableName"])
            given["ExclusiveStartTableName"] = answer["LastEvaluatedTableName"]

    def _describe(self, name: str, has_coordinator: bool, deadline: float) -> None:  # noqa: FBT001 - what is known of it
        described = self._call("DescribeTable", {"TableName": name}, ("Table",), deadline)["Table"]
        schema = [(one["AttributeName"], one["KeyType"]) for one in described["KeySchema"]]
        if schema != [("leaseKey", "HASH")]:
            self._others.add(name)
            return
        rate = self._rate(described)
        account = str(described.get("TableArn", "")).split(":")[4:5]
        for one in (name, name + COORDINATOR) if has_coordinator else (name,):
            known = self._tables.get(one)
            if known is None:
                self._tables[one] = LeaseTable(one, name, rate, account[0] if account else "")
            else:
                known.units_a_second = rate
        if not has_coordinator:
            self._tables.pop(name + COORDINATOR, None)

    def _rate(self, described: dict[str, Any]) -> float:
        """Return how many units a second the agent may use of a table."""
        capacity = float(described.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0))
        most = float(described.get("OnDemandThroughput", {}).get("MaxReadRequestUnits", 0))
        bound = capacity or max(most, 0.0)
        return self._config.capacity_share / 100 * bound if bound else _ON_DEMAND_UNITS

    def read(self, deadline: float) -> tuple[dict[str, Done], list[Problem], set[str]]:
        """Read as many tables as there is time for, page by page, each at its own rate.

        Returns:
            Of each application whose table was read to its end, the rows; what could not be learnt; and the
            applications of which nothing is known any more.

        """
        turns = [(table.next_at, name) for name, table in self._tables.items()]
        heapq.heapify(turns)
        problems: list[Problem] = []
        done: dict[str, Done] = {}
        failed: set[str] = set()
        blind: set[str] = set()
        while turns:
            at, name = heapq.heappop(turns)
            table = self._tables[name]
            if at >= deadline:
                break
            if at > self._clock.monotonic():
                self._caller.wait(at - self._clock.monotonic())
            try:
                with taken_apart(f"dynamodb Scan {name} in {self._region}"):
                    is_over = self._page(table, deadline)
            except SourceError as error:
                table.after = None
                problems.append(problem("reader", error, f"table {name}: {error}"))
                # Without the coordinators' table nothing but whether there is a leader is not known.
                (failed if name == table.application else blind).add(table.application)
                continue
            if is_over:
                done[name] = Done(tuple(table.rows), tuple(table.odd), frozenset(table.unreadable))
            else:
                heapq.heappush(turns, (table.next_at, name))
        problems += [
            Problem("reader", "misread", f"table {name}: {one.odd[0]}", len(one.odd))
            for name, one in done.items()
            if one.odd
        ]
        return self._together(done, failed, blind), problems, failed

    def _together(self, done: dict[str, Done], failed: set[str], blind: set[str]) -> dict[str, Done]:
        """Return the rows of applications whose tables were all read."""
        found: dict[str, Done] = {}
        for application in self.applications.keys() - failed:
            main, more = done.get(application), application + COORDINATOR
            is_blind = application in blind
            if main is not None and (more not in self._tables or more in done or is_blind):
                locks = done.get(more, Done(()))
                found[application] = replace(
                    main, rows=main.rows + locks.rows, odd=main.odd + locks.odd, is_leader_read=not is_blind
                )
        return found

    def _page(self, table: LeaseTable, deadline: float) -> bool:
        """Read a page; return whether it was the last one."""
        if table.after is None:
            table.rows, table.odd, table.unreadable, table.pages = [], [], set(), 0
        is_more = table.name != table.application
        given: dict[str, Any] = {
            "TableName": table.name,
            "Limit": table.items(),
            "ConsistentRead": False,
            "ReturnConsumedCapacity": "TOTAL",
        }
        if not is_more:
            given |= {"ProjectionExpression": ", ".join(_NAMES), "ExpressionAttributeNames": _NAMES}
        if table.after is not None:
            given["ExclusiveStartKey"] = table.after
        began = self._clock.monotonic()
        table.next_at = began + 1.0  # where it is refused
        answer = self._call("Scan", given, ("Items",), deadline)
        items = answer["Items"]
        units = answer.get("ConsumedCapacity", {}).get("CapacityUnits")
        table.used(None if units is None else float(units), len(items), began)
        _take(table, items, self._clock.now())
        table.after = answer.get("LastEvaluatedKey") or None
        table.pages += 1
        if table.pages > _MOST_PAGES or len(table.rows) + len(table.odd) > _MOST_ROWS:
            raise SourceMisread(f"no end after {table.pages} pages: is this a lease table?")
        return table.after is None

    def units(self) -> list[ReadUnits]:
        """Return what reading has cost."""
        return [ReadUnits(self._region, name, one.units) for name, one in sorted(self._tables.items())]

    def _call(self, operation: str, given: dict[str, Any], wants: tuple[str, ...], deadline: float) -> dict[str, Any]:
        return self._caller.call("dynamodb", self._region, operation, given, wants=wants, deadline=deadline)


def _take(table: LeaseTable, items: Iterable[Any], now: float) -> None:
    for item in items:
        try:
            row = read(item, now)
        except MalformedItem as error:
            table.odd.append(str(error))
            table.unreadable |= {error.shard} - {""}
            continue
        if row is not None:
            table.rows.append(row)
