"""What is known in a test: alerts as the shipped rules make them, and samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from streamwatch.incidents.decide import decide
from streamwatch.incidents.incident import Cause, ChangeNote, Incident
from streamwatch.incidents.known import Known
from streamwatch.model.alert import Alert, State
from streamwatch.model.journal_entry import labels_of
from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys, Metric, Samples

Row = tuple[str, ...]
STREAM = {"aws_account": "1", "aws_region": "eu-west-1", "stream": "purchases"}
PLACE = ("1", "eu-west-1", "purchases")


@dataclass(frozen=True)
class Note:
    """Something that changed."""

    at: float
    kind: str
    subject: str
    sentence: str
    source: str = "shop"

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_of(self.kind, self.subject)


def alert(
    name: str,
    about: Mapping[str, str] = MappingProxyType({}),
    *,
    at: float = 100.0,
    state: State = "firing",
    severity: str = "critical",
    **labels: str,
) -> Alert:
    """Return an alert with the labels of what it is about, and these."""
    labels = {**about, **labels}
    summary = f"{name} of {' '.join(labels.values())}"
    own = Labels({"alertname": name, "severity": severity, **labels})
    return Alert(
        own, state, 1.0, at, (("description", "It is so."), ("summary", summary)), at if state == "firing" else None
    )


def samples(metric: Metric, rows: Mapping[Row, float]) -> Samples:
    """Return values of a metric."""
    return metric.samples(Keys(metric.labels, list(rows)), np.array(list(rows.values()), dtype=np.float64))


def incidents(*known: Alert | Samples | ChangeNote, before: tuple[Cause, ...] = ()) -> list[Incident]:
    """Decide what is the matter."""
    alerts = [each for each in known if isinstance(each, Alert)]
    values = [each for each in known if isinstance(each, Samples)]
    changes = [each for each in known if not isinstance(each, Alert | Samples)]
    return decide(Known(alerts, values, changes, before))


def first(*known: Alert | Samples | ChangeNote, before: tuple[Cause, ...] = ()) -> Incident:
    """Return the only incident."""
    (incident,) = incidents(*known, before=before)
    return incident


def kind(incident: Incident) -> str:
    """Return the kind of its cause; empty where it is not known."""
    return "" if incident.cause is None else incident.cause.kind


def names(incident: Incident) -> list[str]:
    """Return its alerts."""
    return [each.name for each in incident.alerts]
