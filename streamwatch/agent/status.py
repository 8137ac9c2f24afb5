"""The status page: what the agent sees and what it does not, in plain text for a person with curl."""

from collections.abc import Mapping, Sequence

import numpy as np

from streamwatch import __version__
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.core.schedule import JobCounts
from streamwatch.core.words import counted
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.msk import MskSnapshot
from streamwatch.model.snapshot import Snapshot

_PROBLEMS = 10


def status(
    runners: Mapping[str, TargetRunner], jobs: Mapping[str, JobCounts], up_seconds: float, matters: Sequence[str]
) -> str:
    """Return the page: how everything is, and then what each source gave.

    Args:
        runners: the sources, by their names.
        jobs: what was counted of their reads.
        up_seconds: since when the agent runs.
        matters: how everything is, in lines.

    """
    lines = [f"StreamWatch {__version__}, up {up_seconds:.0f}s", "", *matters, ""]
    for name, runner in runners.items():
        now = runner.last
        lines.append(f"{runner.kind} {name}: {'the first read has not ended yet' if now is None else _summary(now)}")
        if now is not None:
            lines += [f"  {problem.reason}: {problem.detail}" for problem in now.problems[:_PROBLEMS]]
            if len(now.problems) > _PROBLEMS:
                lines.append(f"  and {counted(len(now.problems) - _PROBLEMS, 'more problem')}")
        if name in jobs:
            count = jobs[name]
            lines.append(
                f"  {counted(count.runs, 'read')}, {counted(count.overruns, 'overrun')}, {counted(count.wakes, 'wake')}"
            )
    lines += ["", "/metrics  /healthz  /readyz"]
    return "\n".join(lines) + "\n"


def _summary(now: Snapshot) -> str:
    if isinstance(now, StreamsSnapshot):
        return _streams(now)
    if isinstance(now, ClusterSnapshot):
        return _cluster(now)
    if isinstance(now, ConnectSnapshot) and now.connectors is not None:
        failures = counted(len(now.failures()), "failure")
        return f"{counted(len(now.connectors), 'connector')}, {failures}, read in {now.read_seconds:.3f}s"
    if isinstance(now, MskSnapshot) and now.described is not None:
        cluster = now.described
        cost = f"{now.cost.dollars:.2f} dollars to CloudWatch so far"
        return f"{cluster.type}, {cluster.kafka_version}, {cluster.state}, {cost}"
    return "up" if now.is_up else "cannot be read"


def _streams(now: StreamsSnapshot) -> str:
    if now.streams is None:
        return "cannot be read"
    blind = sum(stream.description is None for stream in now.streams)
    shards = sum(stream.description.open_shards for stream in now.streams if stream.description is not None)
    return (
        f"{counted(len(now.streams), 'stream')} ({blind} not described), {counted(shards, 'open shard')},"
        f" read in {now.read_seconds:.3f}s, {now.cost.dollars:.2f} dollars to CloudWatch so far"
    )


def _cluster(now: ClusterSnapshot) -> str:
    connected = sum(broker.up is True for broker in now.brokers)
    asked = any(broker.up is not None for broker in now.brokers)
    brokers = counted(len(now.brokers), "broker")
    up = f"{connected} of {brokers} up" if asked else f"{brokers}, none of them asked"
    if now.topology is None:
        return f"cannot be read; {up}"
    offline = int(np.count_nonzero(now.topology.leader < 0))
    frozen = "no active controller, metadata frozen; " if now.metadata_frozen else ""
    least = "" if now.groups_complete else "at least "
    return (
        f"{frozen}{up}, {counted(len(now.topology.topics), 'topic')},"
        f" {counted(len(now.topology.partition), 'partition')} ({offline} without a leader),"
        f" {least}{counted(len(now.groups.groups), 'group')}, read in {now.read_seconds:.3f}s"
    )
