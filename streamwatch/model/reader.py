"""Who reads a stream or a topic on somebody's behalf, and whether it is well: the same questions for every kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from streamwatch.core.masking import masked_words
from streamwatch.model.cloudwatch import CloudWatchCost
from streamwatch.model.kinesis import CallCount
from streamwatch.model.snapshot import Problem

Kind = Literal[
    "kcl", "lambda", "firehose", "msk_connect", "dms", "pipes", "flink", "msk_replicator", "redshift", "kafka_connect"
]
State = Literal["running", "partly", "failing", "changing", "stopped", "disabled", "unknown"]
"""``stopped``: it does not run, and should; ``disabled``: somebody wanted that it does not."""
Method = Literal["idle", "probed", "moving", "standing", "reported", "unknown"]
PROBLEM: Final = "PROBLEM"
"""What Lambda's last result begins with where a call of the function failed, or could not be made."""
METHODS: Final[tuple[Method, ...]] = ("idle", "probed", "moving", "standing", "unknown")
"""Those that leases and checkpoints give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """What becomes of a batch that fails; None where a limit does not exist."""

    attempts: int | None
    record_age_seconds: float | None
    bisects: bool
    destination: str
    """Where what is given up goes; empty where nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a reader is in one shard or partition."""

    part: str
    """Id of the shard, or number of the partition; empty where what is known is the worst of all."""
    worker: str
    """Who reads it now; empty where nobody does."""
    method: Method
    """How the lag is known: ``idle``, nothing was written since; ``probed``, the first record that it has not read was
    looked for; ``moving``, the position has just moved; ``standing``, it stands though records came; ``reported``, its
    service says it; ``unknown``."""
    lag_seconds: float | None
    bound_seconds: float | None
    """The lag is at most so much, whatever it is; None where not even that is known."""
    lag_records: float | None = None
    standing_since: float | None = None
    """Since when it stands though records come; None where it does not, or that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who holds which part of the work, as leases tell; None where it is not known yet."""

    renewed: int | None
    """Leases whose holder is alive."""
    not_renewed: int | None
    """Leases that are held and were not renewed."""
    free: int | None
    """Leases that nobody holds, and nobody took for a while."""
    finished: int
    """Leases of shards that are read to their end."""
    zombies: int | None
    """Leases of shards that are gone: a listing made after they were seen lacks them."""
    holes: tuple[str, ...] | None
    """Open shards that nobody will read: without a lease, and nothing that is to be read before."""
    contended: int
    """Leases that two workers take from each other."""
    owner_changes: int
    """Since the source began."""
    workers: int | None
    """That hold a lease which is renewed."""
    has_leader: bool | None
    """Whether somebody assigns leases; None where the reader has no leader, or that is not known."""
    unlisted: tuple[str, ...] = ()
    """Shards of leases that the last listing does not have and cannot be expected to: they count as those of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of what was read, in totals since the source began; None where it is not known."""

    calls: float | None = None
    failed_calls: float | None = None
    refused_calls: float | None = None
    """Of the function, for want of concurrency."""
    lost_records: float | None = None
    """That were given up and went nowhere."""
    set_aside_records: float | None = None
    """That were given up and are at the destination for failures."""
    failed_deliveries: float | None = None
    """Of what was given up, to the destination for failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a reader does with what it reads, as its service tells CloudWatch; None where CloudWatch has no point."""

    freshness_seconds: float | None = None
    """The age of the oldest record that it has read and not delivered."""
    buffer_seconds: float | None = None
    """For so long it collects records before it delivers them."""
    success_ratio: float | None = None
    """The share of its deliveries that succeeded."""
    backpressured: bool | None = None
    """Whether it reads less than it could, because what it delivers to is slow."""
    records: float | None = None
    """Records that it has read since the source began."""
    failed_records: float | None = None
    """Records that it could not process since the source began."""
    tasks: float | None = None
    """Tasks that run."""
    failed_tasks: float | None = None
    """Tasks that have failed, and do not start again by themselves."""
    records_per_second: float | None = None
    """Records that it reads now."""
    source_lag_seconds: float | None = None
    """Of a writer: how far it is behind what it reads."""
    executions: float | None = None
    """Batches that it has begun to deliver since the source began, each as often as it was tried."""
    failed_executions: float | None = None
    """Those of them that failed, wholly or in part."""
    throttled_executions: float | None = None
    """Those of them that were refused for their rate."""
    restarts: float | None = None
    """How often its job began again since it was submitted."""
    failed_checkpoints: float | None = None
    """Since its job was submitted."""
    checkpoint_seconds: float | None = None
    """How long its last checkpoint took."""
    downtime_seconds: float | None = None
    """For how long it has been starting again; 0 while it runs."""
    throttled_calls: float | None = None
    """Its calls that were refused for their rate since the source began."""
    failures: float | None = None
    """What went wrong with its work since the source began, as its service counts it."""
    auth_errors: float | None = None
    """Its connections that a cluster refused to authenticate, since the source began."""
    offset_sync_failures: float | None = None
    """Consumer groups whose offsets it could not bring to its target, each time, since the source began."""
    reachable: bool | None = None
    """Whether it reaches every cluster that it works with."""
    throttle_seconds: float | None = None
    """For how long brokers hold its requests back."""
    bytes_per_second: float | None = None
    """What it moves now."""
    refresh_age_seconds: float | None = None
    """Since when nothing of its stream has come into a view."""
    refresh_gap_seconds: float | None = None
    """From one refresh of a view to the next, as a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader of one stream or topic."""

    kind: Kind
    name: str
    owner: str
    """What a person would look for: the application, function or connector."""
    account: str
    region: str
    stream: str | None = None
    cluster: str | None = None
    topic: str | None = None
    topics: str = ""
    """Of one that may have several, what its settings say: a list, a pattern or a prefix."""
    group: str | None = None
    is_share_group: bool = False
    target: str | None = None
    """The Kafka cluster that it writes, where it replicates one."""
    state: State
    reason: str
    """Why it is in that state, in a sentence's part."""
    last_result: str = ""
    """What whoever runs it says of its last work, in their words."""
    positions: tuple[Position, ...]
    outcomes: Outcomes | None = None
    assignment: Assignment | None = None
    work: Work | None = None
    """None where its kind tells nothing of it."""
    retries: RetryPolicy | None = None
    """None where it has none, or it is not known."""
    calls_limit_ratio: float | None = None
    """Share of the calls of GetRecords that a shard allows which it makes; None where it is not known."""
    retention_seconds: float | None = None
    """How long what it reads is kept."""
    unknown: tuple[str, ...] = ()
    """What could not be learnt, each with why."""

    def __post_init__(self) -> None:
        """Mask what looks like a secret: what a service says of a driver's error may hold one."""
        object.__setattr__(self, "reason", masked_words(self.reason))
        object.__setattr__(self, "last_result", masked_words(self.last_result))
        object.__setattr__(self, "unknown", tuple(map(masked_words, self.unknown)))

    @property
    def lag_seconds(self) -> float | None:
        """The worst lag of those that are known."""
        return max((one.lag_seconds for one in self.positions if one.lag_seconds is not None), default=None)

    @property
    def lag_records(self) -> float | None:
        """The records that it has not read; None where that is not known of every part."""
        known = [one.lag_records for one in self.positions if one.lag_records is not None]
        return sum(known) if known and len(known) == len(self.positions) else None

    @property
    def bound_seconds(self) -> float | None:
        """No part is further behind; None where one may be."""
        bounds = [one.bound_seconds for one in self.positions]
        known = [one for one in bounds if one is not None]
        return max(known) if known and len(known) == len(bounds) else None


@dataclass(frozen=True, slots=True)
class ReadUnits:
    """What reading a table of readers has cost, in DynamoDB's read units."""

    region: str
    table: str
    units: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadersSnapshot:
    """One read of the readers of one account, in one region or several."""

    source: str
    taken_at: float
    read_seconds: float
    readers: tuple[Reader, ...] | None
    """None where not one region could be read."""
    tables: Mapping[str, int] = field(default_factory=dict)
    """How many tables there are, by region; those without are left out."""
    units: tuple[ReadUnits, ...] = ()
    problems: tuple[Problem, ...] = ()
    calls: tuple[CallCount, ...] = ()
    cost: CloudWatchCost = field(default_factory=CloudWatchCost)

    @property
    def is_up(self) -> bool:
        """Whether any region could be read."""
        return self.readers is not None
