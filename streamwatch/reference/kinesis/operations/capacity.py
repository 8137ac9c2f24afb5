"""What an account pays for to have more: On-demand Advantage, warm throughput, and how records are spread."""

from typing import Any, Final

from streamwatch.reference.kinesis.account import Answer, Commitment, Kinesis, Parameters
from streamwatch.reference.kinesis.errors import invalid, too_many
from streamwatch.reference.kinesis.stream import Stream

ON_DEMAND_SHARDS: Final = 4
_COMMITTED_SECONDS: Final = 86_400.0
_MOST_MIBPS: Final = 10 * 1024


def account(kinesis: Kinesis, _: Parameters, __: float) -> Answer:
    """DescribeAccountSettings."""
    found = kinesis.commitment
    if found.enabled_at is None:
        return {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
    answer = {
        "Status": "ENABLED" if found.ends is None else "ENABLED_UNTIL_EARLIEST_ALLOWED_END",
        "StartedAt": found.enabled_at,
        "EarliestAllowedEndAt": found.enabled_at + _COMMITTED_SECONDS,
    }
    return {"MinimumThroughputBillingCommitment": answer}


def commit(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """UpdateAccountSettings; a commitment lasts for a day at least."""
    found = kinesis.commitment
    if parameters["MinimumThroughputBillingCommitment"]["Status"] == "ENABLED":
        found.enabled_at, found.ends = now if found.enabled_at is None else found.enabled_at, None
    elif found.enabled_at is not None:
        found.ends = max(now, found.enabled_at + _COMMITTED_SECONDS)

        def over(_: float) -> None:
            if kinesis.commitment is found and found.ends is not None:
                kinesis.commitment = Commitment()

        kinesis.timers.at(found.ends, over)
        kinesis.timers.run(now)
    return account(kinesis, parameters, now)


def want_warm(kinesis: Kinesis, mode: str, mibps: int) -> None:
    """Refuse a warm throughput where none can be had, or so much."""
    if mode != "ON_DEMAND":
        raise invalid("WarmThroughputMiBps can be set for a stream in ON_DEMAND mode only.")
    if kinesis.commitment.enabled_at is None:
        raise invalid(
            f"WarmThroughputMiBps needs MinimumThroughputBillingCommitment to be enabled for account {kinesis.account}."
        )
    if mibps > _MOST_MIBPS:
        raise too_many(f"A warm throughput of {mibps} MiB/s is more than the limit of {_MOST_MIBPS} MiB/s.")


def want_distribution(mode: str, strategy: str) -> None:
    """Refuse a strategy that the mode does not have."""
    if strategy == "AUTO" and mode != "ON_DEMAND":
        raise invalid("RecordDistributionStrategy AUTO can be set for a stream in ON_DEMAND mode only.")


def shards_for(mibps: int | None) -> int:
    """Return how many shards an on-demand stream begins with."""
    return max(ON_DEMAND_SHARDS, mibps or 0)


def described(kinesis: Kinesis, stream: Stream) -> dict[str, Any]:
    """Return what is described of a stream's warm throughput: nothing but in On-demand Advantage."""
    if not kinesis.has_advantage(stream):
        return {}
    current = min(len(stream.open_shards), _MOST_MIBPS)
    return {"WarmThroughput": {"TargetMiBps": stream.warm_mibps or current, "CurrentMiBps": current}}


def warm(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """UpdateStreamWarmThroughput: the shards are there before the traffic is."""
    stream, mibps = kinesis.find(parameters, now), parameters["WarmThroughputMiBps"]
    want_warm(kinesis, stream.mode, mibps)
    count = shards_for(mibps)
    kinesis.change(stream, lambda then: stream.resize(count, then), now)
    stream.warm_mibps = mibps
    answer = {"TargetMiBps": mibps, "CurrentMiBps": len(stream.open_shards)}
    return {"StreamName": stream.name, "StreamARN": stream.arn, "WarmThroughput": answer}


def distribute(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """UpdateStreamRecordDistributionStrategy; it holds at once."""
    stream, strategy = kinesis.find(parameters, now), parameters["RecordDistributionStrategy"]
    kinesis.want_active(stream)
    want_distribution(stream.mode, strategy)
    stream.distribution = strategy
    return {}


OPERATIONS: Final = {
    "DescribeAccountSettings": account,
    "UpdateAccountSettings": commit,
    "UpdateStreamWarmThroughput": warm,
    "UpdateStreamRecordDistributionStrategy": distribute,
}
