"""What is on the dashboard of groups of Kafka Connect."""

from typing import Final

from streamwatch.catalogue import kafka_connect as c
from streamwatch.dashboards.panel import On, Panel, Row

_c = On("kafka_cluster")
_g = On("kafka_cluster", "group")

CONNECTORS: Final = Row(
    "Kafka Connect",
    (
        Panel(
            "Failed tasks",
            "Which connector has lost a part of itself?",
            (_c.top(15, _c.now(c.CONNECTOR_TASKS, "{{connect_cluster}} {{connector}}", state="FAILED")),),
        ),
        Panel(
            "Tasks on no worker",
            "What does nobody run?",
            (_c.top(15, _c.now(c.CONNECTOR_TASKS, "{{connect_cluster}} {{connector}}", state="UNASSIGNED")),),
        ),
        Panel(
            "Workers",
            "Are all there?",
            (_c.now(c.WORKER_UP, "{{worker}}").in_words("down", "up"),),
            "state-timeline",
            12,
        ),
        Panel(
            "Connectors of groups",
            "Whose group is it?",
            (_g.only_1(c.CONNECTOR_GROUP),),
            "table",
            12,
            labels=("kafka_cluster", "group", "connect_cluster", "connector"),
            sort=("group",),
        ),
    ),
)
