"""Advice on a reader of a stream or topic: when it will have caught up, and how much faster it has to be."""

import math
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Final

import numpy as np

from streamwatch.advice.advice import Advice, State
from streamwatch.advice.past import STEP_SECONDS, PastHours, span
from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.model.newest_samples import NewestSamples

DRAIN_SECONDS: Final = 3600.0
"""What waits is to be read within this."""
KEEPS_UP_SECONDS: Final = 60.0
_WINDOW_SECONDS: Final = 1800.0
_LEAST_SECONDS: Final = 600.0
_LEAST_SPEED: Final = 0.05
"""Whoever reads less of a second's records in a second stands."""
_LEAST_SUCCESS: Final = 0.95
"""Where a smaller share of deliveries succeeds, how fast it reads is not what matters: the alert's threshold."""
_STANDS_SECONDS: Final = 300.0
"""Where a position has stood for longer though records come, how fast it reads is not what matters: the alert's."""
_KIND: Final = r.READER.index("kind")
_HOW: Final = {
    "kcl": "run {more:.2f} times as many workers, or larger ones, at most one a shard",
    "lambda": "raise the parallelisation factor {more:.2f} times (10 at most), or let a batch take less time",
    "msk_connect": "run {more:.2f} times as many tasks, at most one a partition",
}
_FASTER: Final = "let it read {more:.2f} times as fast"


def advise_readers(samples: NewestSamples, past: PastHours) -> list[Advice]:
    """Return what is to be done about each reader of which a lag in time is known."""
    workers, leases = samples.values(r.WORKERS), samples.values(r.LEASES)
    return [
        _troubled(row, lag, samples) or _advise(row, lag, past, workers.get(row), leases.get((*row, "renewed")))
        for row, lag in samples.values(r.LAG).items()
    ]


def _troubled(reader: tuple[str, ...], lag: float, samples: NewestSamples) -> Advice | None:
    """Return what is to be done first about a reader that does not run, fails, or stands; None about any other."""
    standing = samples.values(r.STANDING, *reader)
    states = {row[-1] for row in samples.values(r.STATE, *reader)}
    success = samples.value(a.SUCCESS, *reader)
    if samples.value(r.UP, *reader) == 0:
        reasons = ", ".join(repr(row[0]) for row in samples.values(a.REASON, *reader))
        is_disabled = "disabled" in states
        action = "enable it, if it is to read" if is_disabled else "find out why it does not run, and start it"
        metric, why = r.UP, f"it {'is disabled' if is_disabled else 'does not run'}{reasons and f': {reasons}'}"
    elif success is not None and success < _LEAST_SUCCESS:
        action = "find out why its deliveries fail: to read faster would not help"
        metric, why = a.SUCCESS, f"{100 * success:.3g} % of its deliveries succeed"
    elif "failing" in states:
        metric, action, why = r.STATE, "find out why it fails: to read faster would not help", "its state is failing"
    elif _stands(reader, standing):
        action = "find out why it stands, as at a record that it cannot process: to read faster would not help"
        metric, why = r.STANDING, _where(standing)
    else:
        return None
    return replace(
        _advice(reader, "do", action, f"{why}; {span(lag)} behind", "measured"), data=(metric.name, r.LAG.name)
    )


def _stands(reader: tuple[str, ...], standing: Mapping[tuple[str, ...], float]) -> bool:
    """Say whether a position stands; a view's moves when it is refreshed, which may be seldom."""
    return reader[_KIND] != "redshift" and max(standing.values(), default=0.0) > _STANDS_SECONDS


def _where(standing: Mapping[tuple[str, ...], float]) -> str:
    """Return for how long positions have stood, and in which shard, where that is known."""
    (shard,), seconds = max(standing.items(), key=itemgetter(1))
    others = len(standing) - 1
    where = f" in {shard}{f' and {others} more' if others else ''}" if shard else ""
    return f"its position{where} has stood for {span(seconds)}, though records came"


def _advise(
    reader: tuple[str, ...], lag: float, past: PastHours, workers: float | None, leases: float | None
) -> Advice:
    if lag <= KEEPS_UP_SECONDS:
        return _advice(reader, "fine", f"nothing: it keeps up, {span(lag)} behind", f"{lag:.0f} s behind", "measured")
    steps = past.hour("reader", r.LAG, reader)[-int(_WINDOW_SECONDS / STEP_SECONDS) :]
    known = np.flatnonzero(~np.isnan(steps))
    seconds = float(known[-1] - known[0]) * STEP_SECONDS if len(known) else 0.0
    if seconds < _LEAST_SECONDS:
        why = f"not known yet: {span(seconds)} of history, needs {span(_LEAST_SECONDS)}"
        return _advice(reader, "unknown", why)
    speed = 1.0 - float(steps[known[-1]] - steps[known[0]]) / seconds
    drained = lag / (speed - 1.0) if speed > 1.0 else math.inf
    needed = 1.0 + lag / DRAIN_SECONDS
    when = "never" if math.isinf(drained) else f"in {span(drained)}"
    sums = (
        f"{span(lag)} behind, reads {speed:.2f} s of records a second: drained {when}; within an hour needs"
        f" {needed:.2f}{_crew(workers, leases)}"
    )
    sure = "likely, if records come as in the time that it has yet to read"
    if speed < _LEAST_SPEED:
        return _advice(
            reader, "do", "find out why it reads nothing: more of it would not help", sums, "measured", seconds
        )
    if drained <= DRAIN_SECONDS:
        return _advice(reader, "fine", f"nothing: it will have caught up {when}", sums, sure, seconds)
    how = _HOW.get(reader[_KIND], _FASTER).format(more=needed / speed)
    if workers and leases and workers >= leases:
        how = f"have more shards, or let it read {needed / speed:.2f} times as fast: each has a worker already"
    return _advice(reader, "do", how, sums, sure, seconds)


def _crew(workers: float | None, leases: float | None) -> str:
    parts = [] if workers is None else [f"{workers:.0f} workers"]
    parts += [] if leases is None else [f"{leases:.0f} leases"]
    return f"; {', '.join(parts)}" if parts else ""


def _advice(  # noqa: PLR0913, PLR0917 - the fields of an advice
    reader: tuple[str, ...], state: State, action: str, sums: str = "", sure: str = "", seconds: float | None = None
) -> Advice:
    data = "" if not sums else r.LAG.name if seconds is None else f"{r.LAG.name} over {span(seconds)}"
    return Advice(
        about="reader",
        labels={name: value for name, value in zip(r.READER, reader, strict=True) if value},
        question="speed",
        state=state,
        action=action,
        sum=sums,
        data=(data,) if data else (),
        sure=sure,
    )
