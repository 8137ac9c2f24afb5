"""Producers and consumers whose truth is known, seen as an agent sees them: an oracle for the states of groups.

A history is one group on one topic of a few partitions over some hours. Every partition is a log whose entries have a
time, a time from which readers of committed data may see them, and whether they are records at all; its reader takes
records in order and commits. The label of a partition says what must be true of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import numpy as np

STALLED_AFTER: Final = 600.0
INTERVAL: Final = 15.0
TOLERANCE: Final = 0.8 * STALLED_AFTER
"""A reader that lives commits something at least so often while something is there to read."""
SESSION: Final = 45.0
"""A member that dies is taken out of its group so much later."""
_FOREVER: Final = float("inf")


@dataclass(slots=True)
class Log:
    """The entries of one partition, in the order of their offsets."""

    written: list[float] = field(default_factory=list)
    stable: list[float] = field(default_factory=list)
    """From when the last stable offset is beyond the entry."""
    record: list[bool] = field(default_factory=list)
    """Whether a reader of committed data sees it (no marker, no aborted record)."""
    data: list[bool] = field(default_factory=list)
    """Whether any reader sees it (no marker)."""

    def add(self, at: float, stable: float, *, record: bool, data: bool) -> None:
        self.written.append(at)
        self.stable.append(stable)
        self.record.append(record)
        self.data.append(data)

    def transaction(self, at: float, records: int, seconds: float, *, commit: bool) -> None:
        """Write a transaction: its records, then a marker behind them."""
        end = at + seconds
        for _ in range(records):
            self.add(at, end, record=commit, data=True)
        self.add(end, end, record=False, data=False)


@dataclass(slots=True)
class Part:
    """One partition and its reader: what happened, as steps in time."""

    log: Log
    committed: list[tuple[float, int]]
    """When which offset was committed."""
    must: str
    """``alive``: never stalled. ``poisoned``: stalled from ``by`` on. ``dead``: stopped from ``by`` on, never
    stalled. ``ahead``: from ``by`` on. ``uncommitted``: from ``by`` on. ``any``: nothing but sense."""
    by: float = _FOREVER
    start: list[tuple[float, int]] = field(default_factory=list)
    """When the log start moved where to."""
    falls_at: float = _FOREVER
    """When the log is truncated to ``falls_to``."""
    falls_to: int = 0


@dataclass(slots=True)
class History:
    kind: str
    parts: list[Part]
    gone_at: float = _FOREVER
    """When the last member leaves."""
    rebalances: list[tuple[float, float]] = field(default_factory=list)
    """From when until when nobody knows what members hold, or there are none for a moment."""
    dark: list[tuple[float, float]] = field(default_factory=list)
    """From when until when the coordinator does not answer."""


def arrivals(rng: Random, until: float, gap: float, *, since: float = 0.0) -> list[float]:
    """Return times at which something is written, ``gap`` seconds apart on average."""
    times, at = [], since
    while (at := at + rng.expovariate(1 / gap)) < until:
        times.append(at)
    return times


def plain(times: Sequence[float]) -> Log:
    log = Log()
    for at in times:
        log.add(at, at, record=True, data=True)
    return log


def read(  # noqa: PLR0913 - who reads how
    rng: Random,
    log: Log,
    *,
    latency: float = 1.0,
    each: float = 0.0,
    every: float = 5.0,
    until: float = _FOREVER,
    poison: int | None = None,
    isolated: bool = True,
    beyond: bool = False,
) -> list[tuple[float, int]]:
    """Return the commits of a reader that takes the records in order.

    Args:
        rng: chance.
        log: what it reads.
        latency: how long after a record can be seen it is taken, at least.
        each: how long each record takes.
        every: how often it commits.
        until: when it dies.
        poison: the offset at which it stands for good.
        isolated: whether it reads committed data only.
        beyond: whether it commits its position beyond markers, and not only the last record's.

    """
    commits, at, phase = [(0.0, 0)], 0.0, rng.uniform(0, every)
    last = 0
    for offset, (written, stable) in enumerate(zip(log.written, log.stable, strict=True)):
        if not (log.record if isolated else log.data)[offset]:
            if beyond and max(at, stable) < until:
                last = offset + 1
            continue
        if poison is not None and offset >= poison:
            break
        at = max((stable if isolated else written) + latency, at + each)
        commit = phase + every * np.ceil(max(at - phase, 0.0) / every)
        if commit > until:
            break
        last = offset + 1
        if commits[-1][0] == commit:
            commits[-1] = (float(commit), last)
        else:
            commits.append((float(commit), last))
    return commits


def is_alive(log: Log, commits: Sequence[tuple[float, int]], *, isolated: bool = True) -> bool:
    """Say whether a reader commits often enough whenever it has something to read."""
    seen = log.record if isolated else log.data
    visible = [(s if isolated else w) for w, s in zip(log.written, log.stable, strict=True)]
    reached, was = 0, 0.0
    for at, offset in commits[1:]:
        first = next((i for i in range(reached, offset) if seen[i]), None)
        if first is not None and at - max(was, visible[first]) > TOLERANCE:
            return False
        reached, was = offset, at
    return True


def must_be_stalled_by(times: Sequence[float], stands: float) -> float:
    """Return when a position that stands must be stalled, records coming at these times: see states.py."""
    seen: list[float] = []
    for at in times:
        if at > stands + INTERVAL and (not seen or at - seen[-1] >= 2 * INTERVAL):
            seen.append(at)
    spread = [at for at in seen if at >= seen[0] + STALLED_AFTER + 2 * INTERVAL]
    return _FOREVER if len(seen) < 3 or not spread else max(seen[2] + STALLED_AFTER, spread[0]) + 4 * INTERVAL


def _poisoned(rng: Random, until: float, gap: float) -> Part:
    times = arrivals(rng, until, gap)
    log = plain(times)
    poison = rng.randrange(max(len(times) // 2, 1)) if times else 0
    commits = read(rng, log, poison=poison, every=rng.choice((0.1, 5.0, 60.0)))
    return Part(log, commits, "poisoned", must_be_stalled_by(times[poison:], commits[-1][0]))


def _healthy(rng: Random, until: float, gap: float = 3.0) -> Part:
    log = plain(arrivals(rng, until, gap))
    commits = read(rng, log, latency=rng.uniform(0, 20), every=rng.choice((0.1, 5.0, 30.0)))
    return Part(log, commits, "alive" if is_alive(log, commits) else "any")


def healthy(rng: Random, until: float) -> History:
    return History("healthy", [_healthy(rng, until, rng.choice((1, 10, 60))) for _ in range(rng.randint(1, 3))])


def sparse(rng: Random, until: float) -> History:
    """Records far apart: Burrow's failing case."""
    return History("sparse", [_healthy(rng, until, rng.choice((300, 900, 3600))) for _ in range(rng.randint(1, 3))])


def slow(rng: Random, until: float) -> History:
    """A reader that takes minutes for a record or a batch, and lives."""
    parts = []
    for _ in range(2):
        log = plain(arrivals(rng, until, rng.choice((5, 30, 120))))
        commits = read(rng, log, each=rng.choice((10, 60, 200)), every=rng.choice((5.0, 120.0, 290.0)))
        parts.append(Part(log, commits, "alive" if is_alive(log, commits) else "any"))
    return History("slow", parts)


def poisoned(rng: Random, until: float) -> History:
    parts = [_poisoned(rng, until, rng.choice((2, 20, 60, 240)))]
    return History("poisoned", [*parts, *(_healthy(rng, until) for _ in range(rng.randint(0, 2)))])


def dead(rng: Random, until: float) -> History:
    at = rng.uniform(0.1, 0.5) * until
    log = plain(arrivals(rng, until, rng.choice((2, 60))))
    commits = read(rng, log, until=at)
    waits = next((w for w in log.written if w > at), _FOREVER)
    by = max(at + SESSION + STALLED_AFTER / 2, waits) + 4 * INTERVAL
    return History("dead", [Part(log, commits, "dead", by)], gone_at=at + SESSION)


def markers(rng: Random, until: float) -> History:
    """Transactions, committed and aborted; the reader commits the last record's offset, or its position."""
    parts = []
    for _ in range(2):
        log, gap, run = Log(), rng.choice((20, 600, 1800)), 0
        at = 0.0
        while (at := at + rng.expovariate(1 / gap)) < until:
            # More than two aborts in a row over ten minutes are an incident of their own.
            commit = rng.random() < 0.8 or (run >= 2 and gap > 20)
            run = 0 if commit else run + 1
            seconds = rng.uniform(0.1, 40.0)
            log.transaction(at, rng.randint(1, 5), seconds, commit=commit)
            at += seconds
        isolated = rng.random() < 0.7
        commits = read(rng, log, isolated=isolated, beyond=rng.random() < 0.3)
        parts.append(Part(log, commits, "alive" if is_alive(log, commits, isolated=isolated) else "any"))
    return History("markers", parts)


def open_transaction(rng: Random, until: float) -> History:
    """A transaction that hangs: committed data cannot be read beyond it, and nobody's reader is at fault."""
    at = rng.uniform(0.1, 0.6) * until
    log = Log()
    for written in arrivals(rng, until, 5.0):
        log.add(written, written if written < at else _FOREVER, record=True, data=True)
    return History("open_transaction", [Part(log, read(rng, log), "alive")])


def compacted(rng: Random, until: float) -> History:
    """Offsets with gaps: most entries are compacted away, the last one stays."""
    log = plain(arrivals(rng, until, 10.0))
    for i in range(len(log.record) - 1):
        log.record[i] = log.data[i] = rng.random() < 0.4
    commits = read(rng, log)
    return History("compacted", [Part(log, commits, "alive" if is_alive(log, commits) else "any")])


def reset(rng: Random, until: float) -> History:
    """Offsets are set back, and the group reads it all again."""
    log = plain(arrivals(rng, until, 10.0))
    at = rng.uniform(0.2, 0.6) * until
    before = [one for one in read(rng, log) if one[0] < at]
    back = int(before[-1][1] * rng.random())
    again = [(at + 30.0 + i, min(back + 20 * (i + 1), before[-1][1])) for i in range(before[-1][1] // 20 + 1)]
    after = [one for one in read(rng, log) if one[0] > again[-1][0]]
    return History("reset", [Part(log, [*before, (at, back), *again, *after], "alive")])


def truncated(rng: Random, until: float) -> History:
    """The log loses its last records; the group is set back with it, or stays ahead of the end."""
    at = rng.uniform(0.3, 0.6) * until
    log = plain(arrivals(rng, until, 10.0))
    there = sum(written <= at for written in log.written)
    to = int(there * rng.uniform(0.1, 0.9))
    before = [one for one in read(rng, log) if one[0] < at]
    part = Part(log, before, "any", falls_at=at, falls_to=to)
    if rng.random() < 0.5:
        part.must, part.by = "ahead", at + 2 * INTERVAL
        log.written = [w for w in log.written if w < at]
    else:
        part.committed = [*before, (at + 10.0, to)]
        log.written = [w for w in log.written if w < at]
        part.must = "alive"
    log.stable = list(log.written)
    return History("truncated", [part])


def expired(rng: Random, until: float) -> History:
    """Retention takes what a dead group has not read, all of it."""
    log = plain(arrivals(rng, until / 2, 10.0))
    commits = read(rng, log, until=until / 8)
    start = [(0.6 * until, len(log.written) // 2), (0.7 * until, len(log.written))]
    return History("expired", [Part(log, commits, "any", start=start)], gone_at=until / 8 + SESSION)


def never(rng: Random, until: float) -> History:
    """A member that reads and does not commit."""
    times = arrivals(rng, until, rng.choice((5, 120)))
    by = times[0] + 2 * INTERVAL if times else _FOREVER
    return History("never", [Part(plain(times), [], "uncommitted", by)])


def unsettled(rng: Random, until: float) -> History:
    """One poisoned, one healthy partition; rebalances, restarts of all members, a coordinator that does not answer."""
    found = poisoned(rng, until)
    for _ in range(rng.randint(1, 5)):
        at = rng.uniform(0.05, 0.9) * until
        found.rebalances.append((at, at + rng.uniform(5, 120)))
    if rng.random() < 0.5:
        at = rng.uniform(0.1, 0.8) * until
        found.dark.append((at, at + rng.uniform(15, 900)))
        # While nobody looks, the clocks stand.
        for part in found.parts:
            part.by += found.dark[0][1] - at + STALLED_AFTER
    found.kind = "unsettled"
    return found


KINDS: Final[tuple[Callable[[Random, float], History], ...]] = (
    healthy, sparse, slow, poisoned, dead, markers, open_transaction, compacted, reset, truncated, expired, never,
    unsettled,
)  # fmt: skip
