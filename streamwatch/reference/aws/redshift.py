"""Redshift as far as watching its streaming ingestion needs: views that read a reference stream for real.

Its Data API answers statements about four system views, which it knows by their names: it has no SQL. Left out: all
other statements, sessions, batches, and results as CSV.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Metrics

Parameters = Mapping[str, Any]
Answer = dict[str, Any]
Row = tuple[str | float | None, ...]
_PAGE: Final = 100
"""Rows of a page."""
_LOOK_BACK_SECONDS: Final = 48 * 3600.0
_TIME: Final = re.compile(r"TIMESTAMP '([^']+)'")
_GOOD: Final = "Refresh successfully updated MV incrementally"


@dataclass(frozen=True, slots=True)
class Scanned:
    """A row of sys_stream_scan_states."""

    at: float
    part: str
    position: str
    skipped: int
    newest: float


@dataclass(slots=True)
class MaterializedView:
    """A materialized view; ``refresh`` lets it read its stream."""

    name: str
    stream: str
    """Or the topic."""
    poller: StreamPoller | None
    failing: str = ""
    """Why its refreshes fail."""
    skipping: int = 0
    """So many records of each refresh cannot be taken into it."""
    is_dropped: bool = False
    """Whether it is gone; the other system views know it for some days yet."""
    scans: list[Scanned] = field(default_factory=list)
    refreshes: list[tuple[float, str]] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)

    def refresh(self, now: float) -> None:
        """Read what there is, unless that fails."""
        if self.failing:
            self.refreshes.append((now, f"Refresh failed. {self.failing}"))
            return
        records = self.poller.poll(now) if self.poller is not None else []
        by_shard: dict[str, list[dict[str, Any]]] = {}
        for one in records:
            by_shard.setdefault(f"shardId-{int(one['SequenceNumber']) >> 4 & 2**32 - 1:012d}", []).append(one)
        for shard, some in by_shard.items():
            skipped = min(self.skipping, len(some))
            newest = max(one["ApproximateArrivalTimestamp"] for one in some)
            self.scans.append(Scanned(now, shard, some[-1]["SequenceNumber"], skipped, newest))
            if skipped:
                self.errors.append((now, "Invalid JSON"))
        words = "" if records else " Stream returned no new data."
        words = " Some stream records were skipped." if records and self.skipping else words
        self.refreshes.append((now, f"{_GOOD}.{words}"))

    def scan_topic(self, partitions: int, offset: int, now: float) -> None:
        """Read so many partitions of a topic up to an offset."""
        self.scans += [Scanned(now, str(one), str(offset), 0, now) for one in range(partitions)]
        self.refreshes.append((now, f"{_GOOD}."))


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was executed."""

    created: float
    ends: float
    error: str
    rows: list[Row]


@dataclass(slots=True)
class Warehouse:
    """A workgroup, or a cluster."""

    name: str
    views: dict[str, MaterializedView] = field(default_factory=dict)
    seconds: float = 0.0
    """How long a statement takes."""
    errors: dict[str, str] = field(default_factory=dict)
    """What statements about a system view fail with."""

    def view(self, name: str, stream: str, poller: StreamPoller | None = None) -> MaterializedView:
        """Make a view."""
        self.views[name] = found = MaterializedView(name, stream, poller)
        return found

    def mend(self) -> None:
        """Be well."""
        self.seconds, self.errors = 0.0, {}
        for one in self.views.values():
            one.failing, one.skipping = "", 0


@dataclass(slots=True)
class Redshift:
    """One account's warehouses in one region."""

    account: str
    region: str
    metrics: Metrics
    warehouses: dict[str, Warehouse] = field(default_factory=dict)
    statements: dict[str, Statement] = field(default_factory=dict)

    def create(self, name: str) -> Warehouse:
        """Make a workgroup, or a cluster."""
        self.warehouses[name] = found = Warehouse(name)
        return found

    def mend(self) -> None:
        """Let all be well."""
        for one in self.warehouses.values():
            one.mend()


def execute(house: Redshift, parameters: Parameters, now: float) -> Answer:
    """ExecuteStatement."""
    name = parameters.get("WorkgroupName") or parameters.get("ClusterIdentifier") or ""
    if name not in house.warehouses:
        raise ServiceError("ValidationException", f"Redshift endpoint doesn't exist in this region: {name}")
    found, sql = house.warehouses[name], parameters["Sql"]
    system = next((one for one in _ROWS if one in sql), None)
    if system is None:
        raise ServiceError("ValidationException", f"the reference has no SQL: it knows {', '.join(_ROWS)}")
    times = [datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp() for one in _TIME.findall(sql)]
    rows = sorted(_ROWS[system](found.views.values(), now, times), key=str)
    made = str(uuid.uuid4())
    house.statements[made] = Statement(now, now + found.seconds, found.errors.get(system, ""), rows)
    return {"Id": made, "CreatedAt": now, "Database": parameters.get("Database"), "Status": "SUBMITTED"}


def describe(house: Redshift, parameters: Parameters, now: float) -> Answer:
    """DescribeStatement."""
    found = _found(house, parameters)
    status = "STARTED" if now < found.ends else "FAILED" if found.error else "FINISHED"
    answer: Answer = {"Id": parameters["Id"], "Status": status, "CreatedAt": found.created, "UpdatedAt": now}
    if status == "FAILED":
        answer["Error"] = found.error
    return answer | {"HasResultSet": status == "FINISHED", "ResultRows": len(found.rows)}


def result(house: Redshift, parameters: Parameters, now: float) -> Answer:
    """GetStatementResult."""
    found = _found(house, parameters)
    if now < found.ends or found.error:
        raise ServiceError("ResourceNotFoundException", "Query does not have result. Please check query status.")
    start = int(parameters.get("NextToken", 0))
    rows = found.rows[start : start + _PAGE]
    answer: Answer = {"Records": [[_cell(one) for one in row] for row in rows], "TotalNumRows": len(found.rows)}
    return answer | ({"NextToken": str(start + _PAGE)} if len(found.rows) > start + _PAGE else {})


def _found(house: Redshift, parameters: Parameters) -> Statement:
    if parameters["Id"] not in house.statements:
        raise ServiceError("ResourceNotFoundException", "Query does not exist.")
    return house.statements[parameters["Id"]]


def _cell(value: str | float | None) -> Answer:
    if value is None:
        return {"isNull": True}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"longValue": int(value)} if float(value).is_integer() else {"doubleValue": value}


def _scans(views: Iterable[MaterializedView], now: float, times: list[float]) -> Iterable[Row]:
    since, until = times
    for view in views:
        scans = [one for one in view.scans if one.at > now - _LOOK_BACK_SECONDS]
        for part, last in {one.part: one for one in scans}.items():
            skipped = sum(one.skipped for one in scans if one.part == part and since < one.at <= until)
            yield view.name, view.stream, part, last.position, last.newest, skipped


def _refreshes(views: Iterable[MaterializedView], now: float, _: list[float]) -> Iterable[Row]:
    for view in views:
        known = [one for one in view.refreshes if one[0] > now - _LOOK_BACK_SECONDS]
        good = [at for at, status in known if status.startswith("Refresh successfully")]
        ends = (good[0], good[-1]) if good else (None, None)
        if known:
            yield "public", view.name, known[-1][1], len(good), *ends


def _errors(views: Iterable[MaterializedView], now: float, _: list[float]) -> Iterable[Row]:
    for view in views:
        known = [why for at, why in view.errors if at > now - _LOOK_BACK_SECONDS]
        if known:
            yield view.name, view.stream, known[-1]


def _views(views: Iterable[MaterializedView], _: float, __: list[float]) -> Iterable[Row]:
    return [(view.name,) for view in views if not view.is_dropped]


_ROWS: Final[Mapping[str, Callable[[Iterable[MaterializedView], float, list[float]], Iterable[Row]]]] = {
    "sys_stream_scan_states": _scans,
    "sys_mv_refresh_history": _refreshes,
    "sys_stream_scan_errors": _errors,
    "svv_mv_info": _views,
}
