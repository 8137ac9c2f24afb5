"""Kinesis: who reads a stream on somebody's behalf. The same questions for every kind of reader."""

from typing import Final

from streamwatch.catalogue.kinesis import ACCOUNT, STREAM
from streamwatch.model.metric import Metric, Tier, Unit

READER: Final = (*STREAM, "kind", "reader")
"""Of what kind, and called what: of KCL the application."""
PART: Final = (*READER, "shard")


def _gauge(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Unit = "",
    labels: tuple[str, ...] = READER,
    tier: Tier = Tier.CONSUMER,
) -> Metric:
    return Metric(name=name, kind="gauge", unit=unit, labels=labels, tier=tier, help=help, question=question)


READERS = _gauge(
    "kinesis_readers",
    "Readers that are looked at, by kind.",
    question="Are there as many as I think?",
    labels=(*ACCOUNT, "kind"),
    tier=Tier.CLUSTER,
)
UP = _gauge(
    "kinesis_reader_up",
    "Whether the reader has a worker that is alive (1), or none (0). Absent where that is not known.",
    question="Does it run?",
)
STATE = _gauge(
    "kinesis_reader_state",
    "Always 1; names the state: `running`, `partly` (some of its shards have nobody), `stopped`, `unknown`.",
    question="Is it well?",
    labels=(*READER, "state"),
)
LAG = _gauge(
    "kinesis_reader_lag_seconds",
    "How far the reader is behind, the worst of the shards where that is known"
    " (kinesis_reader_lag_method_shards tells which are); of KCL the age of the last record that was checkpointed, 0"
    " where nothing was written since.",
    question="How old is what the application shows?",
    unit="seconds",
)
BOUND = _gauge(
    "kinesis_reader_lag_bound_seconds",
    "The reader is at most so far behind on any shard; of a quiet shard this is how long it has been quiet. Absent"
    " where a checkpoint says no time.",
    question="How bad can it be?",
    unit="seconds",
)
LAG_METHOD = _gauge(
    "kinesis_reader_lag_method_shards",
    "Shards that are being read, by how their lag is known: `idle` (nothing was written since), `moving` (the position"
    " has just moved), `standing` (it stands though records came), `unknown` (it stands, and whether records came is"
    " not known, or the position says no time).",
    question="How far can the lag be trusted?",
    unit="shards",
    labels=(*READER, "method"),
)
TIME_TO_LOSS = _gauge(
    "kinesis_reader_time_to_data_loss_seconds",
    "Retention minus the lag: after that time the reader loses records, if it stands still.",
    question="How long have I got?",
    unit="seconds",
)
LOST = _gauge(
    "kinesis_reader_lost_seconds",
    "Records of so many seconds have expired unread: by so much the lag exceeds the retention; 0 where it does not.",
    question="How much is lost?",
    unit="seconds",
)
STANDING = _gauge(
    "kinesis_reader_shard_standing_seconds",
    "For so long the reader's position in the shard has stood, though records came; only of shards in which it does.",
    question="Which shard is stuck, and since when?",
    unit="seconds",
    labels=PART,
)
LEASES = _gauge(
    "kinesis_reader_leases",
    "Leases by state: `renewed` (its worker is alive), `not_renewed` (held, and not renewed between two reads), `free`"
    " (held by nobody), `finished` (the shard was read to its end), `zombie` (of a shard that is gone).",
    question="Is every shard in somebody's hands?",
    labels=(*READER, "state"),
)
HOLES = _gauge(
    "kinesis_reader_shards_without_lease",
    "Open shards that the reader will never read: they have no lease, and nothing that is to be read before has one.",
    question="Is a shard forgotten?",
    unit="shards",
)
HOLE = _gauge(
    "kinesis_reader_shard_without_lease",
    "Always 1; names an open shard that the reader will never read.",
    question="Which shard is forgotten?",
    labels=PART,
)
CONTENDED = _gauge(
    "kinesis_reader_contended_leases",
    "Leases that two workers took from each other three times within ten minutes.",
    question="Do two workers fight?",
)
OWNER_CHANGES = Metric(
    name="kinesis_reader_lease_owner_changes_total",
    kind="counter",
    unit="",
    labels=READER,
    tier=Tier.CONSUMER,
    help="Leases that another worker had than at the read before.",
    question="Do workers take leases from each other all the time?",
)
WORKERS = _gauge(
    "kinesis_reader_workers",
    "Workers that hold a lease which is renewed.",
    question="Are all instances there?",
)
LEADER = _gauge(
    "kinesis_reader_has_leader",
    "Whether a worker assigns leases (1) or none does (0). Absent where this version of the reader has none.",
    question="Does anybody hand out the work?",
)
READ_UNITS = Metric(
    name="streamwatch_dynamodb_read_units_total",
    kind="counter",
    unit="",
    labels=("source", "aws_region", "table"),
    tier=Tier.AGENT,
    help="Read units of DynamoDB that reading a lease table has used.",
    question="Do I take the application's capacity?",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
