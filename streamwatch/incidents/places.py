"""Where a change was, as seen from an incident: of the very thing, in its place, elsewhere, or not known."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, Literal

from streamwatch.catalogue import kafka_connect as c
from streamwatch.incidents.incident import ChangeNote, Scope
from streamwatch.incidents.known import Known
from streamwatch.model.alert import Alert

Distance = Literal[0, 1, 2]
"""0: it is of the very thing; 1: it is of its cluster or stream, or was done to the agent; 2: it is not known."""
OF_A_CLUSTER: Final = frozenset({"cluster", "broker", "topic", "group"})
_OF_THE_AGENT: Final = frozenset({"agent", "silence"})
_STREAM: Final = frozenset({"stream", "aws_region"})
_OF_TWO_CLUSTERS: Final = "msk_replicator"
"""A reader that works with a cluster that its labels do not name."""


class IncidentPlace:
    """Where an incident is. For one thread."""

    def __init__(self, known: Known, scope: Scope, alerts: Sequence[Alert]) -> None:
        """Take what the incident is about, and its alerts: their labels name its clusters and streams."""
        self._known, self._scope, self._alerts = known, scope, alerts

    def distance(self, change: ChangeNote) -> Distance | None:
        """Return how near a change is; None where it is certainly elsewhere."""
        source = change.source.partition("/")[0]
        if self._scope[0] in OF_A_CLUSTER:
            return 1 if source == self._scope[1] else None
        kind = change.kind.partition(".")[0]
        if kind in _OF_THE_AGENT:
            return 1
        if self._scope[0] == "source":
            return 1 if source == self._scope[1].partition("/")[0] else None
        if not self._clusters and not self._streams:
            return 2
        by_kind = {"reader": self._of_reader, "stream": self._of_stream}
        near = by_kind.get(kind, self._of_cluster)(change)
        return 0 if near == 1 and self._is_own(change) else near

    def _is_own(self, change: ChangeNote) -> bool:
        """Say whether one of the alerts is about the very thing that changed."""
        return any(_is_about(change.labels, alert) for alert in self._alerts)

    def _of_cluster(self, change: ChangeNote) -> Distance | None:
        if change.source.partition("/")[0] in self._clusters:
            return 1
        return 2 if self._may_have_more_clusters else None

    def _of_stream(self, change: ChangeNote) -> Distance | None:
        if not change.labels:
            return 2  # many at once
        at = change.labels["stream"], change.labels.get("aws_region", "")
        return 1 if at in self._streams else None

    def _of_reader(self, change: ChangeNote) -> Distance | None:
        labels = change.labels
        if not labels:
            return 2  # as above
        if self._is_own(change):
            return 0
        place = labels.get("aws_region", ""), labels.get("kind", ""), labels.get("reader", "")
        rows = [labels] if "stream" in labels else self._known.readers.get(place, ())
        if any(
            row.get("kafka_cluster") in self._clusters or (row.get("stream"), row.get("aws_region")) in self._streams
            for row in rows
        ):
            return 1
        is_far = bool(rows) or (bool(self._streams) and place[0] not in {region for _, region in self._streams})
        return None if is_far else 2

    @cached_property
    def _clusters(self) -> frozenset[str]:
        named = {alert.labels.get("kafka_cluster", "") for alert in self._alerts}
        if self._scope[0] == "connector":
            _, connect, connector = self._scope
            named |= {row[0] for row in self._known.values(c.CONNECTOR_TOPIC, connect) if row[1] == connector}
        return frozenset(named - {""})

    @cached_property
    def _streams(self) -> frozenset[tuple[str, str]]:
        """By name and region."""
        named = {(alert.labels.get("stream", ""), alert.labels.get("aws_region", "")) for alert in self._alerts}
        return frozenset(at for at in named if at[0])

    @cached_property
    def _may_have_more_clusters(self) -> bool:
        return any(alert.labels.get("kind") == _OF_TWO_CLUSTERS for alert in self._alerts)


def _is_about(labels: Mapping[str, str], alert: Alert) -> bool:
    """Say whether an alert is about what has these labels; of a reader it need not say its stream and its region."""
    may_lack = _STREAM if "reader" in labels else frozenset[str]()
    return bool(labels) and all(
        alert.labels.get(name, value if name in may_lack else "") == value for name, value in labels.items()
    )
