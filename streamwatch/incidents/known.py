"""What is known at once: the alerts that are active, and the newest samples, each looked up by what it is about."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final

from streamwatch.catalogue import readers as r
from streamwatch.incidents.incident import Cause, ChangeNote, Scope
from streamwatch.incidents.pace import CommitStop, GroupPace
from streamwatch.model.alert import WATCHDOG_SEVERITY, Alert
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.newest_samples import NewestSamples, Row

PaceOf = Callable[[str, str, Collection[str]], GroupPace | CommitStop | None]
"""How a group of a cluster reads some topics, or that it has stopped to; None where that is not known."""
SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "cluster": ("kafka_cluster",),
    "broker": ("kafka_cluster", "broker"),
    "group": ("kafka_cluster", "group"),
    "topic": ("kafka_cluster", "topic"),
    "connect": ("connect_cluster",),
    "connector": ("connect_cluster", "connector"),
    "stream": ("aws_account", "aws_region", "stream"),
    "reader": ("aws_account", "aws_region", "kind", "reader"),
    "source": ("source",),
    "job": ("job_name",),
}
"""The labels that say what an alert is about; it can be about several things."""


@lru_cache(maxsize=4096)
def _places(names: Row) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return of alerts that have these labels which kinds of things they are about, and where its labels stand."""
    return tuple(
        (kind, tuple(names.index(name) for name in wanted))
        for kind, wanted in SCOPES.items()
        if all(name in names for name in wanted)
    )


def scopes(alert: Alert) -> list[Scope]:
    """Return what an alert is about."""
    names, values = zip(*alert.labels.pairs, strict=True) if alert.labels.pairs else ((), ())
    return [(kind, *[values[at] for at in where]) for kind, where in _places(names)]


class Known:
    """Alerts, samples, and what changed of late."""

    def __init__(
        self,
        alerts: Iterable[Alert],
        samples: Iterable[Samples],
        changes: Sequence[ChangeNote] = (),
        before: Sequence[Cause] = (),
        pace: PaceOf = lambda *_: None,
    ) -> None:
        """Take what is known.

        Args:
            alerts: those that are pending or firing; others are left out.
            samples: the newest of all sources.
            changes: what changed of late, in any order.
            before: the causes that were known in the quarter of an hour before, the newest last.
            pace: tells how a group reads, by the hours before.

        """
        active = (alert for alert in alerts if alert.state != "inactive")
        self.alerts: list[Alert] = [alert for alert in active if alert.labels.get("severity") != WATCHDOG_SEVERITY]
        self.changes, self.before, self.pace = changes, before, pace
        self._by_name: dict[str, list[Alert]] = {}
        self._by_scope: dict[Scope, dict[str, list[Alert]]] = {}
        self._by_kind: dict[tuple[str, str], dict[Scope, None]] = {}
        """What alerts are about, by their name and the kind of it, in their order."""
        for alert in self.alerts:
            name = alert.name
            self._by_name.setdefault(name, []).append(alert)
            for scope in (("alert", name), *scopes(alert)):
                self._by_scope.setdefault(scope, {}).setdefault(name, []).append(alert)
                self._by_kind.setdefault((name, scope[0]), {})[scope] = None
        self._index = NewestSamples(samples)

    def named(self, *names: str) -> list[Alert]:
        """Return the alerts of these names."""
        return [alert for name in names for alert in self._by_name.get(name, ())]

    def about(self, scope: Scope, names: frozenset[str]) -> list[Alert]:
        """Return the alerts of these names that are about this."""
        here = self._by_scope.get(scope, {})
        return [alert for name, alerts in here.items() if name in names for alert in alerts]

    def scopes(self, kind: str, *names: str) -> list[Scope]:
        """Return what of a kind the alerts of these names are about, each once, in the order of the alerts."""
        return list(dict.fromkeys(scope for name in names for scope in self._by_kind.get((name, kind), ())))

    @cached_property
    def readers(self) -> Mapping[tuple[str, str, str], Collection[Mapping[str, str]]]:
        """The labels of readers that are known, by region, kind and name."""
        found: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
        for row in self.values(r.STATE):
            of = dict(zip(r.READER, row[: len(r.READER)], strict=True))
            found.setdefault((of["aws_region"], of["kind"], of["reader"]), []).append(of)
        return found

    def values(self, metric: Metric, *first: str) -> Mapping[Row, float]:
        """Return the values of a metric whose first labels are these, by the labels that are left."""
        return self._index.values(metric, *first)

    def value(self, metric: Metric, *labels: str) -> float | None:
        """Return the value with exactly these labels; None where it is not known."""
        return self._index.value(metric, *labels)
