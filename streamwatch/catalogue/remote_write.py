"""What the agent says about the receivers of its samples."""

from typing import Final

from streamwatch.model.metric import Metric, Tier

RECEIVER: Final = ("receiver",)
REMOTE_SAMPLES: Final = Metric(
    name="streamwatch_remote_write_samples_total",
    kind="counter",
    unit="",
    labels=("receiver", "outcome"),
    tier=Tier.AGENT,
    help="Samples for remote write by outcome: `sent`, `refused` (by the receiver, for good), `dropped` (no room,"
    " or too old).",
    question="Does what I see arrive there?",
)
REMOTE_FAILURES: Final = Metric(
    name="streamwatch_remote_write_failures_total",
    kind="counter",
    unit="",
    labels=RECEIVER,
    tier=Tier.AGENT,
    help="Requests of remote write that failed, and are made again.",
    question="Is the receiver in trouble?",
)
REMOTE_WAITING: Final = Metric(
    name="streamwatch_remote_write_waiting_samples",
    kind="gauge",
    unit="",
    labels=RECEIVER,
    tier=Tier.AGENT,
    help="Samples that are to be sent.",
    question="How much is held up?",
)
REMOTE_LATE: Final = Metric(
    name="streamwatch_remote_write_late_seconds",
    kind="gauge",
    unit="seconds",
    labels=RECEIVER,
    tier=Tier.AGENT,
    help="For how long the oldest of the samples that are to be sent have waited; 0 where none do.",
    question="How far behind are the dashboards?",
)
METRICS: tuple[Metric, ...] = (REMOTE_SAMPLES, REMOTE_FAILURES, REMOTE_WAITING, REMOTE_LATE)
