"""Alerts to tell of."""

from typing import Any

from streamwatch.model.alert import Alert, State
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification, Status
from streamwatch.notify.routing import key


def alert(name: str = "Down", state: State = "firing", at: float = 1000.0, **labels: str) -> Alert:
    found = Labels({"alertname": name, "severity": "critical", "kafka_cluster": "shop", **labels})
    told = (("summary", f"{name} of {labels.get('broker', 'shop')}"), ("runbook_url", f"/runbooks/{name}"))
    return Alert(found, state, 1.0, at - 10, told, at, at + 60 if state == "inactive" else None)


def notification(*alerts: Alert, status: Status = "firing", **changes: Any) -> Notification:
    some = alerts or (alert(broker="1"),)
    group = some[0].labels.only(["alertname", "kafka_cluster"])
    return Notification(key(group), group, status, some, 1010.0, **changes)


def resolved(*alerts: Alert) -> Notification:
    over = [one.but(state="inactive", resolved_at=1060.0) for one in alerts or (alert(broker="1"),)]
    return notification(*over, status="resolved")
