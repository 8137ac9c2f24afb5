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
REMOTE_FILE_BYTES: Final = Metric(
    name="streamwatch_remote_write_file_bytes",
    kind="gauge",
    unit="bytes",
    labels=RECEIVER,
    tier=Tier.AGENT,
    help="The size of the file in which what waits for the receiver outlives the agent; 0 where nothing waits.",
    question="What does it take on disk?",
)
REMOTE_FILE_UP: Final = Metric(
    name="streamwatch_remote_write_file_up",
    kind="gauge",
    unit="",
    labels=RECEIVER,
    tier=Tier.AGENT,
    help="Whether that file can be written (1) or not (0): then a restart forgets what waits.",
    question="Would a restart cost samples?",
)
REMOTE_UNWRITTEN: Final = Metric(
    name="streamwatch_remote_write_unwritten_samples",
    kind="gauge",
    unit="",
    labels=RECEIVER,
    tier=Tier.AGENT,
    help="Samples that wait and are not in that file: for lack of room, or because it cannot be written.",
    question="How many would a restart cost?",
)
METRICS: tuple[Metric, ...] = (
    REMOTE_SAMPLES, REMOTE_FAILURES, REMOTE_WAITING, REMOTE_LATE, REMOTE_FILE_BYTES, REMOTE_FILE_UP, REMOTE_UNWRITTEN,
)  # fmt: skip
