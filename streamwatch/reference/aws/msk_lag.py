"""How far groups are behind, as MSK estimates it: in records, and in the seconds that reading them would take."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from streamwatch.reference.kafka.jmx_page import lags
from streamwatch.reference.kafka.site import Site

_MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Behind:
    """How far a group is behind in one partition."""

    group: str
    topic: str
    partition: int
    lag: int
    """Records."""
    seconds: float | None
    """To drain them as fast as in the last minute; None where nothing was read, so that nobody can say."""


@dataclass(slots=True)
class Lags:
    """Takes the lag of a cluster's groups once a minute, and remembers what was committed a minute ago."""

    _committed: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def sample(self, site: Site) -> list[Behind]:
        """Return where groups are behind, of those that are stable or empty and whose names MSK can tell."""
        before, self._committed = self._committed, {}
        return [one for group in site.groups.list() for one in self._of(site, group.name, group.state, before)]

    def _of(self, site: Site, group: str, state: str, before: dict[tuple[str, str, int], int]) -> Iterator[Behind]:
        if state not in {"Stable", "Empty"} or not group.isascii() or ":" in group:
            return
        committed = site.groups.offsets.of(group)
        for topic, index, lag in lags(site, group):
            key, offset = (group, topic, index), committed[topic, index].offset
            self._committed[key] = offset
            read = offset - before.get(key, offset)
            if read > 0:
                seconds: float | None = lag / (read / _MINUTE_SECONDS)
            else:  # who has read everything is not late; who does not read, or is gone, may be so for ever
                seconds = 0.0 if lag == 0 and state == "Stable" else None
            yield Behind(group, topic, index, lag, seconds)


def by_topic(behind: list[Behind]) -> Iterator[tuple[str, str, list[Behind]]]:
    """Yield (group, topic, its partitions)."""
    found: dict[tuple[str, str], list[Behind]] = {}
    for one in behind:
        found.setdefault((one.group, one.topic), []).append(one)
    for (group, topic), ones in found.items():
        yield group, topic, ones


def drained_in(behind: list[Behind]) -> float | None:
    """Return the seconds in which the largest lag of a topic is drained; None where nobody can say.

    AWS says "to drain MaxOffsetLag": that another partition's estimate does not stand in for one that stands still is
    inferred.
    """
    most = max(one.lag for one in behind)
    return max((one.seconds for one in behind if one.lag == most and one.seconds is not None), default=None)
