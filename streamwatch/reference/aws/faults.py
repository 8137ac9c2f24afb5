"""What can be broken on purpose in the reference AWS: functions of the cloud, the time, and keywords."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamwatch.reference.aws import msk_upgrade, shapes
from streamwatch.reference.aws.attached_faults import ATTACHED
from streamwatch.reference.aws.cloud import Cloud, CloudFaults
from streamwatch.reference.aws.lambda_faults import map_function, poison, repair_function
from streamwatch.reference.aws.msk import MskCluster
from streamwatch.reference.faulting import BadFault, call
from streamwatch.reference.kinesis.account import RATES, Kinesis, KinesisFaults
from streamwatch.reference.kinesis.shard import Record
from streamwatch.reference.kinesis.stream import HOUR, Stream
from streamwatch.reference.metrics import Realism

ANSWERS: Final = ("", "garbage", "truncated", "empty", "error")


def throttle(cloud: Cloud, _: float, *, operation: str | None = None, on: bool = True) -> None:
    """Refuse calls for their rate: of one operation, or of the whole control plane of Kinesis."""
    names = set(RATES) if operation is None else {operation}
    cloud.broken.throttled = cloud.broken.throttled | names if on else cloud.broken.throttled - names


def deny(cloud: Cloud, _: float, *, operation: str, on: bool = True) -> None:
    """Take away the right to call an operation."""
    names = {operation}
    cloud.broken.denied = cloud.broken.denied | names if on else cloud.broken.denied - names


def expire_credentials(cloud: Cloud, _: float, *, on: bool = True) -> None:
    """Let all credentials be expired."""
    cloud.broken.expired = on


def slow_answers(cloud: Cloud, _: float, *, by: float = 1.0) -> None:
    """Make every answer come later by so many seconds; 0 ends it."""
    cloud.broken.slow = by


def spoil(cloud: Cloud, _: float, *, answers: str = "garbage", operation: str | None = None) -> None:
    """Answer garbage, truncated or empty texts, or errors, to one operation or to all; "" ends it."""
    if answers not in ANSWERS:
        raise BadFault(f"answers: {answers!r} is none of {', '.join(map(repr, ANSWERS))}")
    cloud.broken.answers, cloud.broken.spoilt = answers, operation


def fail(cloud: Cloud, _: float, *, share: float = 0.1) -> None:
    """Let a share of the records that are put, and of the reads, fail inside Kinesis; 0 ends it."""
    for kinesis in cloud.kinesis_accounts():
        kinesis.broken.failing = share


def split(cloud: Cloud, now: float, *, stream: str, shard: int) -> None:
    """Split a shard, named by its index, in the middle."""
    kinesis, found = _stream(cloud, stream)
    one = found.shards.get(f"shardId-{shard:012d}")
    if one is None or not one.is_open:
        raise BadFault(f"shard: {stream} has no open shard {shard}")
    middle = (one.first + one.last + 1) // 2
    kinesis.change(found, lambda then: found.split(one, middle, then), now)


def reshard(cloud: Cloud, now: float, *, stream: str, shards: int) -> None:
    """Split and merge a stream's shards until there are so many of equal size."""
    kinesis, found = _stream(cloud, stream)
    if not 1 <= shards <= 10_000:  # noqa: PLR2004 - AWS's
        raise BadFault(f"shards: {shards} is not between 1 and 10000")
    kinesis.change(found, lambda then: found.resize(shards, then), now)


def backdate(cloud: Cloud, _: float, *, stream: str, hours: float) -> None:
    """Let everything in a stream be older by so many hours: what is read from it late is about to expire."""
    found = _stream(cloud, stream)[1]
    by = hours * HOUR
    for shard in found.shards.values():
        shard.records = [
            Record(one.number, one.partition_key, one.data, one.size, one.arrived - by) for one in shard.records
        ]


def lag_cloudwatch(cloud: Cloud, _: float, *, late: float = 0.0, missing: float = 0.0, listed: float = 0.0) -> None:
    """Let CloudWatch's points come late (s), some never (a share), and new metrics be listed after a while (s)."""
    for metrics in cloud.all_metrics():
        metrics.realism = Realism(late, missing, listed)


def msk(
    cloud: Cloud, now: float, *, state: str = "MAINTENANCE", operation: str = "REBOOT_NODE", cluster: str | None = None
) -> None:
    """Let an operation run on an MSK cluster, the only one unless it is named, and put it into a state."""
    states = shapes.service("kafka").shape_for("ClusterState").enum
    if state not in states:
        raise BadFault(f"state: {state!r} is none of {', '.join(states)}")
    _cluster(cloud, cluster).begin(operation, state, now)


def under_provision(cloud: Cloud, _: float, *, on: bool = True, cluster: str | None = None) -> None:
    """Let MSK find the brokers of an Express cluster, the only one unless it is named, too few or too small."""
    _cluster(cloud, cluster).sampler.under_provisioned = on


def reassign_topics(
    cloud: Cloud, now: float, *, state: str = "IN_PROGRESS", completed: int = 0, cluster: str | None = None
) -> None:
    """Let MSK move the topics of a cluster, the only one unless it is named, to Express brokers, and be so far."""
    states = ("PENDING", "IN_PROGRESS", "STOPPING", "COMPLETE", "FAILED", "STOPPED")
    if state not in states:
        raise BadFault(f"state: {state!r} is none of {', '.join(states)}")
    _cluster(cloud, cluster).reassign(state, completed, now)


def assess(cloud: Cloud, now: float, *, cluster: str | None = None) -> None:
    """Let MSK assess whether a cluster, the only one unless it is named, can be upgraded to Express brokers."""
    msk_upgrade.assess(_cluster(cloud, cluster), now)


def hose(  # noqa: PLR0913 - what is to be broken, each by its keyword
    cloud: Cloud,
    _: float,
    *,
    name: str,
    stalled: bool = False,
    refused: bool = False,
    status: str = "ACTIVE",
    failure: str = "",
    details: str = "",
) -> None:
    """Let a delivery stream read nothing, let its bucket take nothing, or put it into a status with its reason."""
    states = shapes.service("firehose").shape_for("DeliveryStreamStatus").enum
    if status not in states:
        raise BadFault(f"status: {status!r} is none of {', '.join(states)}")
    hoses = {name: one for firehose in cloud.firehoses() for name, one in firehose.hoses.items()}
    if name not in hoses:
        raise BadFault(f"name: there is no {name!r}: the delivery streams are {', '.join(sorted(hoses)) or 'none'}")
    found = hoses[name]
    found.stalled, found.refused, found.status = stalled, refused, status
    found.failure = (failure, details) if failure else None


def heal(cloud: Cloud, now: float) -> None:
    """Undo every fault; what was split or assessed stays so, and an operation on an MSK cluster is complete."""
    cloud.broken = CloudFaults()
    for kinesis in cloud.kinesis_accounts():
        kinesis.broken = KinesisFaults()
    for metrics in cloud.all_metrics():
        metrics.realism = Realism()
    for firehose in cloud.firehoses():
        for each in firehose.hoses:
            hose(cloud, now, name=each)
    cloud.mend()
    for one in _clusters(cloud):
        one.end(now)
        one.sampler.under_provisioned = False


FAULTS: Final[Mapping[str, Callable[..., None]]] = ATTACHED | {
    one.__name__: one
    for one in (
        throttle, deny, expire_credentials, slow_answers, spoil, fail, split, reshard, backdate, lag_cloudwatch, msk,
        under_provision, reassign_topics, assess, hose, map_function, poison, repair_function, heal,
    )
}  # fmt: skip


def apply(cloud: Cloud, now: float, name: str, parameters: Mapping[str, Any]) -> None:
    """Apply a fault by its name; with ``seconds`` among its keywords, everything is healed after that time."""
    call(FAULTS, cloud, now, name, parameters, lambda at: cloud.timers.at(at, lambda then: heal(cloud, then)))


def _clusters(cloud: Cloud) -> list[MskCluster]:
    return [cluster for kinesis in cloud.msks() for cluster in kinesis.clusters.values()]


def _cluster(cloud: Cloud, name: str | None) -> MskCluster:
    known = _clusters(cloud)
    found = [one for one in known if name in {None, one.name}]
    if len(found) != 1:
        names = ", ".join(sorted(one.name for one in known)) or "none"
        which = "name one" if name is None else f"there is no {name!r}"
        raise BadFault(f"cluster: {which}: the clusters are {names}")
    return found[0]


def _stream(cloud: Cloud, name: str) -> tuple[Kinesis, Stream]:
    for kinesis in cloud.kinesis_accounts():
        if name in kinesis.streams:
            return kinesis, kinesis.streams[name]
    known = ", ".join(sorted(name for kinesis in cloud.kinesis_accounts() for name in kinesis.streams))
    raise BadFault(f"stream: there is no {name!r}: the streams are {known or 'none'}")
