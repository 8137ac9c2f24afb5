"""The page as a whole: what there is to show at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from streamwatch.page import alerts as a
from streamwatch.page.clusters import Cluster, cluster
from streamwatch.page.said import Health, Read, Said, ago, listed, span, things, worst
from streamwatch.page.streams import Shown as Stream
from streamwatch.page.streams import streams

_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """How fresh one source is."""

    name: str
    kind: str
    health: Health
    seen: str
    interval: str
    took: str
    problems: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows."""

    version: str
    health: Health
    headline: str
    clusters: Sequence[Cluster]
    streams: Sequence[Stream]
    alerts: a.Alerts
    sources: Sequence[Source]


def view(  # noqa: PLR0913, PLR0917 - what there is, each by its name
    version: str,
    reads: Sequence[Read],
    said: Mapping[str, Sequence[Samples]],
    alerts: Sequence[Alert],
    told: Sequence[Mapping[str, Any]],
    channels: int,
    now: float,
) -> View:
    """Return what the page shows.

    Args:
        version: the agent's.
        reads: every source, and what it read last.
        said: what is known now, by part of the configuration.
        alerts: those that are pending or firing.
        told: the incidents, as ``/api/v1/notifications`` has them.
        channels: how many there are to tell.
        now: seconds since 1970.

    """
    parts: dict[str, list[Read]] = {}
    for one in reads:
        parts.setdefault(one.part, []).append(one)
    looked = {part: Said(said.get(part, ())) for part in parts}
    clusters = [cluster(part, some, looked[part], now) for part, some in parts.items() if some[0].kind != "kinesis"]
    some = [one for read in reads if read.kind == "kinesis" for one in streams(read, looked[read.part], now)]
    shown = a.alerts(alerts, told, channels, now)
    sources = [_source(one, looked[one.part].is_up(one), now) for one in reads]
    states: list[Health] = [*(one.health for one in clusters), *(one.health for one in some)]
    states += [a.health(shown), *(one.health for one in sources if one.kind == "kinesis")]
    return View(version, worst(states), _headline(clusters, some, shown, sources), clusters, some, shown, sources)


def _headline(clusters: Sequence[Cluster], some: Sequence[Stream], shown: a.Alerts, sources: Sequence[Source]) -> str:
    """Return the one sentence that everybody reads."""
    states = [(one.name, one.health) for one in clusters] + [(one.name, one.health) for one in some]
    states += [(one.name, one.health) for one in sources if one.kind == "kinesis" and one.health != "warn"]
    wrong = [name for name, health in states if health in {"bad", "unknown"}]
    late = [name for name, health in states if health == "warn"]
    firing = len(shown.firing) + shown.more
    if wrong:
        told = f"Trouble: {listed(wrong)}"
    elif late:
        told = f"Worth a look: {listed(late)}"
    elif firing:
        told = "Worth a look"
    else:
        watched = [things(len(clusters), "cluster")] if clusters else []
        watched += [things(len(some), "stream")] if some else []
        return f"All is well: {listed(watched)}" if watched else "Nothing has been read yet"
    return f"{told}. {things(firing, 'alert fires', 'alerts fire')}" if firing else told


def _source(read: Read, is_up: bool | None, now: float) -> Source:  # noqa: FBT001 - whether it is
    last = read.last
    if last is None:
        return Source(read.name, read.kind, "unknown", "not read yet", span(read.interval_seconds), "", (), 0)
    health: Health = "unknown" if is_up is None else "bad" if not is_up else "warn" if last.problems else "good"
    return Source(
        read.name,
        read.kind,
        health,
        ago(read.age(now)),
        span(read.interval_seconds),
        span(last.read_seconds),
        [f"{one.reason}: {one.detail}" for one in last.problems[:_MOST_PROBLEMS]],
        max(0, len(last.problems) - _MOST_PROBLEMS),
    )
