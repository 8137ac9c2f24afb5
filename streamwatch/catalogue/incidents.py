"""What is the matter, and since when: causes with a sentence each, and the alerts that show them."""

from typing import Final

from streamwatch.catalogue.agent import ALERTS
from streamwatch.model.metric import Metric, Tier

OVER: Final = "over"
"""In place of a severity: of an incident whose alerts only wait to be resolved."""
PENDING: Final = "pending"
"""The same, of one none of whose alerts fires yet: it may be over in a moment."""
START: Final = Metric(
    name="streamwatch_incident_start_timestamp_seconds",
    kind="gauge",
    unit="seconds",
    labels=(
        "incident",
        "severity",
        "sentence",
        "kafka_cluster",
        "broker",
        "topic",
        "group",
        "aws_region",
        "stream",
        "reader",
        "connector",
        "source",
    ),
    tier=Tier.AGENT,
    help="Since when an incident is as its `sentence` says, in seconds since 1970: of the 20 worst. It says the cause,"
    " after `Over:` where only what follows from it goes on; a cause that is over is so since it ended. `severity` is"
    " its worst alert's, `pending` where none of them fires yet (only where the cause is known), or `over` where all of"
    " them only wait to be resolved; labels that say what it is about are empty where it has none.",
    question="What is the cause, and since when?",
)
ALERTS_START: Final = Metric(
    name="streamwatch_alerts_start_timestamp_seconds",
    kind="gauge",
    unit="seconds",
    labels=ALERTS.labels,
    tier=Tier.AGENT,
    help="When the oldest of the alerts with these labels became active, since 1970.",
    question="Since when is it so?",
)
METRICS: tuple[Metric, ...] = (START, ALERTS_START)
