"""What Redshift is asked about streaming ingestion, and what its rows say.

Four system views: how far each view has scanned each shard or partition, how its refreshes went, why records were
passed over, and which views there are. All that grows with time is put together there: a row here is a partition, or a
view.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.core.errors import SourceMisread

Cell = str | float | None
MOST_ROWS: Final = 5_000
"""Of an answer; beyond, it is cut, and that is said."""
_LOOK_BACK_HOURS: Final = 48
"""A view of which nothing is known for so long is none: the system views go back for a week."""
_EACH: Final = "PARTITION BY mv_name, external_schema_name, stream_name, partition_id"
_GOOD: Final = (
    "(status ILIKE 'Refresh successfully%' OR status ILIKE 'Refresh partially%' OR status ILIKE 'MV was already%')"
)
_SCANS: Final = """\
SELECT view_name, stream, part, latest, newest, passed_over FROM (
SELECT TRIM(mv_name) AS view_name, TRIM(stream_name) AS stream, TRIM(partition_id) AS part,
TRIM(latest_position) AS latest, EXTRACT(EPOCH FROM stream_record_time_max) AS newest,
SUM(CASE WHEN record_time > TIMESTAMP '{since}' AND record_time <= TIMESTAMP '{until}' THEN skipped_rows ELSE 0 END)
OVER ({each}) AS passed_over,
ROW_NUMBER() OVER ({each} ORDER BY CASE WHEN TRIM(latest_position) <> '' THEN 0 ELSE 1 END, record_time DESC) AS nth
FROM sys_stream_scan_states WHERE record_time > DATEADD(hour, -{hours}, GETDATE()) AND TRIM(mv_name) <> ''
) AS scans WHERE nth = 1 ORDER BY 1, 2, 3 LIMIT {limit}"""
_REFRESHES: Final = """\
SELECT schema_name, view_name, status, times, first_good, last_good FROM (
SELECT TRIM(schema_name) AS schema_name, TRIM(mv_name) AS view_name, TRIM(status) AS status,
SUM(CASE WHEN {good} THEN 1 ELSE 0 END) OVER (PARTITION BY schema_name, mv_name) AS times,
MIN(CASE WHEN {good} THEN EXTRACT(EPOCH FROM end_time) END) OVER (PARTITION BY schema_name, mv_name) AS first_good,
MAX(CASE WHEN {good} THEN EXTRACT(EPOCH FROM end_time) END) OVER (PARTITION BY schema_name, mv_name) AS last_good,
ROW_NUMBER() OVER (PARTITION BY schema_name, mv_name ORDER BY start_time DESC) AS nth
FROM sys_mv_refresh_history
WHERE start_time > DATEADD(hour, -{hours}, GETDATE()) AND database_name = CURRENT_DATABASE()
) AS refreshes WHERE nth = 1 ORDER BY 1, 2 LIMIT {limit}"""
_ERRORS: Final = """\
SELECT view_name, stream, reason FROM (
SELECT TRIM(mv_name) AS view_name, TRIM(stream_name) AS stream, TRIM(error_reason) AS reason,
ROW_NUMBER() OVER (PARTITION BY mv_name, stream_name ORDER BY record_time DESC) AS nth
FROM sys_stream_scan_errors WHERE record_time > DATEADD(hour, -{hours}, GETDATE())
) AS errors WHERE nth = 1 ORDER BY 1, 2 LIMIT {limit}"""
_VIEWS: Final = """\
SELECT DISTINCT TRIM(name) AS view_name FROM svv_mv_info
WHERE TRIM(database_name) = CURRENT_DATABASE() ORDER BY 1 LIMIT {limit}"""
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Scan:
    """How far a view has scanned a shard or a partition."""

    view: str
    stream: str
    """Or the topic."""
    part: str
    position: str
    """A sequence number, or an offset."""
    newest: float | None
    """When the newest record of the last scan arrived in the stream."""
    passed_over: float
    """Records that were not taken into the view, in the time that was asked about."""

    @property
    def key(self) -> tuple[str, str]:
        """Return whose it is: the view, and its stream or topic."""
        return self.view, self.stream


@dataclass(frozen=True, slots=True)
class Refresh:
    """How the refreshes of a view went."""

    schema: str
    view: str
    status: str
    """Of the last one, in Redshift's words."""
    times: float
    """So many had success."""
    first_good: float | None
    last_good: float | None
    """When the last of them ended."""

    @property
    def has_failed(self) -> bool:
        """Whether the last one failed."""
        return "failed" in self.status.lower()

    @property
    def gap_seconds(self) -> float | None:
        """From one to the next; None where there were fewer than two."""
        if self.times < _TWO or self.first_good is None or self.last_good is None:
            return None
        return (self.last_good - self.first_good) / (self.times - 1)


@dataclass(frozen=True, slots=True)
class ScanError:
    """Why a view passed a record over, the last time that it did."""

    view: str
    stream: str
    reason: str


def statements(since: float, until: float) -> dict[str, str]:
    """Return what is asked, by the system view; records that are passed over count between two times."""
    window = {"hours": _LOOK_BACK_HOURS, "limit": MOST_ROWS + 1}
    times = {"since": _time(since), "until": _time(until)}
    return {
        "sys_stream_scan_states": _SCANS.format(each=_EACH, **window, **times),
        "sys_mv_refresh_history": _REFRESHES.format(good=_GOOD, **window),
        "sys_stream_scan_errors": _ERRORS.format(**window),
        "svv_mv_info": _VIEWS.format(**window),
    }


def scans(rows: Sequence[Sequence[Cell]]) -> list[Scan]:
    """Return what the rows of sys_stream_scan_states are."""
    return [
        Scan(_text(view), _text(stream), _text(part), _text(latest), _time_of(newest), _number(passed_over))
        for view, stream, part, latest, newest, passed_over in _as_wide(rows, 6)
    ]


def refreshes(rows: Sequence[Sequence[Cell]]) -> list[Refresh]:
    """Return what the rows of sys_mv_refresh_history are."""
    return [
        Refresh(_text(schema), _text(view), _text(status), _number(times), _time_of(first), _time_of(last))
        for schema, view, status, times, first, last in _as_wide(rows, 6)
    ]


def errors(rows: Sequence[Sequence[Cell]]) -> list[ScanError]:
    """Return what the rows of sys_stream_scan_errors are."""
    return [ScanError(_text(view), _text(stream), _text(reason)) for view, stream, reason in _as_wide(rows, 3)]


def views(rows: Sequence[Sequence[Cell]]) -> frozenset[str] | None:
    """Return the views that the rows of svv_mv_info name; None where they are cut."""
    return frozenset(_text(view) for (view,) in _as_wide(rows, 1)) if len(rows) <= MOST_ROWS else None


def cell(value: dict[str, Any]) -> Cell:
    """Return what a field of an answer holds.

    Raises:
        SourceMisread: nothing that it may hold.

    """
    if value.get("isNull"):
        return None
    for name in ("stringValue", "longValue", "doubleValue"):
        if name in value:
            return value[name] if isinstance(value[name], str) else float(value[name])
    raise SourceMisread(f"redshift-data: a field holds {', '.join(value) or 'nothing'}: it is no text and no number")


def _as_wide(rows: Sequence[Sequence[Cell]], columns: int) -> Sequence[Sequence[Cell]]:
    odd = next((row for row in rows if len(row) != columns), None)
    if odd is not None:
        raise SourceMisread(f"redshift-data: a row has {len(odd)} columns, and {columns} were asked for")
    return rows


def _text(value: Cell) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SourceMisread(f"redshift-data: {value!r} is no text")
    return value.strip()


def _number(value: Cell) -> float:
    try:
        return float(value or 0)
    except ValueError as error:
        raise SourceMisread(f"redshift-data: {value!r} is no number") from error


def _time_of(value: Cell) -> float | None:
    return None if value is None or value == "" else _number(value)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
