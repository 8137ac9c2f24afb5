"""From what a warehouse answered to readers: one for each view and each stream or topic that it reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from streamwatch.model.reader import Outcomes, Position, Reader, State, Work
from streamwatch.sources.readers.kcl_judge import RegionStreams
from streamwatch.sources.readers.kcl_lag import position
from streamwatch.sources.readers.kcl_leases import Leases
from streamwatch.sources.readers.kcl_rows import Lease, index_of
from streamwatch.sources.readers.redshift_rows import Refresh, Scan, ScanError

_STILL_TIMES: Final = 2.5
Key = tuple[str, str]
"""A view, and its stream or topic."""


@dataclass(frozen=True, slots=True)
class WarehouseAnswer:
    """What a warehouse has answered."""

    scans: Sequence[Scan]
    refreshes: Sequence[Refresh] | None
    """None where that was not answered, as of the others."""
    errors: Sequence[ScanError] | None
    views: frozenset[str] | None
    """Those that there are."""


@dataclass(slots=True)
class WarehouseViews:
    """What is known of a warehouse, from answer to answer."""

    name: str
    database: str
    region: str
    kafka_cluster: str | None = None
    """Of the topics that its views read, as the configuration has it: the scans do not say."""
    scans: Sequence[Scan] = ()
    refreshes: Sequence[Refresh] | None = None
    """None where that was not answered."""
    errors: Sequence[ScanError] | None = None
    read_at: float = 0.0
    passed_over: dict[Key, float] = field(default_factory=dict)
    """Records, since the source began."""
    _leases: Leases = field(default_factory=Leases)

    def take(self, answer: WarehouseAnswer, now: float) -> None:
        """Take an answer: how far each view is that is there, and, where that is known, how its refreshes went."""
        before, self.read_at = self.read_at, now
        self.refreshes, self.errors = answer.refreshes, answer.errors
        self.scans = scans = [scan for scan in answer.scans if not self._is_dropped(scan.view, answer.views, before)]
        for scan in scans:
            self.passed_over[scan.key] = self.passed_over.get(scan.key, 0.0) + scan.passed_over
        self._leases.take([_lease(scan, now) for scan in scans if index_of(scan.part) is not None])

    def _is_dropped(self, view: str, views: frozenset[str] | None, before: float) -> bool:
        """Return whether a view is gone; a list without any, while it is being refreshed, is not to be believed."""
        if views is None or view in views:
            return False
        times = [one.last_good or 0.0 for one in self.refreshes or () if one.view == view]
        return bool(views) or max(times, default=0.0) <= before

    def reader_name(self, view: str) -> str:
        """Return what a view is called among all readers."""
        return f"{self.name}/{self.database}/{view}"

    def readers(self, streams: RegionStreams, interval: float) -> Iterator[Reader]:
        """Yield the readers, with what is known of their streams now."""
        for (view, stream), scans in groupby(self.scans, lambda scan: scan.key):
            yield self._reader(view, stream, list(scans), streams, interval)

    def unread(self, streams: RegionStreams, why: str) -> Iterator[Reader]:
        """Yield them as those of which nothing is known now."""
        for (view, stream), scans in groupby(self.scans, lambda scan: scan.key):
            is_topic = all(index_of(scan.part) is None for scan in scans)
            yield Reader(
                kind="redshift", name=self.reader_name(view), owner=self.name, account=streams.account,
                region=self.region, stream=None if is_topic else stream, topic=stream if is_topic else None,
                cluster=self.kafka_cluster if is_topic else None,
                state="unknown", reason=why, positions=(), unknown=(why,), work=Work(),
            )  # fmt: skip

    def _reader(self, view: str, stream: str, scans: Sequence[Scan], streams: RegionStreams, interval: float) -> Reader:
        is_topic = all(index_of(scan.part) is None for scan in scans)
        refresh, unknown = self._refresh(view)
        state, reason = _state(refresh)
        still = _STILL_TIMES * max(interval, (refresh.gap_seconds if refresh is not None else None) or 0.0)
        positions = [self._position(scan, streams, still) for scan in scans]
        left = [scan.part for scan, where in zip(scans, positions, strict=True) if where is None]
        description = streams.known[stream].description if stream in streams.known else None
        return Reader(
            kind="redshift",
            name=self.reader_name(view),
            owner=self.name,
            account=streams.account,
            region=self.region,
            stream=None if is_topic else stream,
            cluster=self.kafka_cluster if is_topic else None,
            topic=stream if is_topic else None,
            state=state,
            reason=reason,
            positions=tuple(where for where in positions if where is not None),
            work=self._work(refresh),
            outcomes=Outcomes(lost_records=self.passed_over.get((view, stream), 0.0)),
            last_result=self._last_result(view, stream, refresh),
            retention_seconds=None if is_topic or description is None else description.retention_seconds,
            unknown=(*unknown, *_unknown(left, self.errors, self.kafka_cluster, is_topic=is_topic)),
        )

    def _refresh(self, view: str) -> tuple[Refresh | None, Sequence[str]]:
        if self.refreshes is None:
            return None, ["refreshes: their history could not be read"]
        of_name = [refresh for refresh in self.refreshes if refresh.view == view]
        if len(of_name) > 1:  # a scan does not say of which schema its view is
            schemas = ", ".join(refresh.schema for refresh in of_name)
            return None, [f"refreshes: several schemas have a view {view}: {schemas}"]
        return (of_name[0], ()) if of_name else (None, ["refreshes: there was none in two days"])

    def _work(self, refresh: Refresh | None) -> Work:
        if refresh is None:
            return Work()
        age = None if refresh.last_good is None else max(0.0, self.read_at - refresh.last_good)
        return Work(refresh_age_seconds=age, refresh_gap_seconds=refresh.gap_seconds)

    def _position(self, scan: Scan, streams: RegionStreams, still: float) -> Position | None:
        """Return how far it is in a shard or a partition; None where a shard is gone or closed."""
        if index_of(scan.part) is None:
            bound = None if scan.newest is None else max(0.0, self.read_at - scan.newest)
            return Position(part=scan.part, worker="", method="unknown", lag_seconds=None, bound_seconds=bound)
        known = streams.of(scan.stream, scan.part)
        is_listed = streams.has_shards(scan.stream)
        if is_listed and (known.shard is None or not known.shard.is_open):
            return None
        return position(self._leases.followed[_key(scan)], known, still)

    def _last_result(self, view: str, stream: str, refresh: Refresh | None) -> str:
        reasons = [error.reason for error in self.errors or () if (error.view, error.stream) == (view, stream)]
        words = [refresh.status] if refresh is not None else []
        return "; ".join([*words, *(f"a record was passed over: {why}" for why in reasons)])


def _lease(scan: Scan, now: float) -> Lease:
    """Return a scan as what leases are judged by: a position in a shard, and when it was read."""
    return Lease(
        key=_key(scan), shard=scan.part, account=None, stream=scan.stream, epoch=0, owner="", counter=0,
        checkpoint=scan.position, sub=0, parents=frozenset(), hand_over="", read_at=now,
    )  # fmt: skip


def _key(scan: Scan) -> str:
    return f"{scan.view}\n{scan.stream}\n{scan.part}"


def _state(refresh: Refresh | None) -> tuple[State, str]:
    if refresh is None:
        return "unknown", "how its refreshes went is not known"
    return ("stopped" if refresh.has_failed else "running"), refresh.status


def _unknown(
    left: Sequence[str], errors: Sequence[ScanError] | None, cluster: str | None, *, is_topic: bool
) -> Iterator[str]:
    if is_topic:
        yield "lag: how far the topic goes is not known here: the age of the newest record that it has is the bound"
        if cluster is None:
            yield "cluster: the scans do not say it: name it, as kafka_cluster of the warehouse"
    if left:
        yield f"lag: {len(left)} shards are closed or gone, {left[0]} for example: whether they were read to their end"
    if errors is None:
        yield "errors: why records were passed over could not be read"
