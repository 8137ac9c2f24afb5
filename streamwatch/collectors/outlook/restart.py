"""May a broker be restarted now? Decided from the last reads of its cluster; what is not known is a no."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.collectors.columns import replication
from streamwatch.collectors.outlook.redundancy import Redundancy, redundancy
from streamwatch.collectors.outlook.verdict import LastRead, Objection, ObjectionKind, Verdict, unknown, verdict
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import ClusterSnapshot, Int64s, Quorum, QuorumReplica, Topology
from streamwatch.model.msk import MskSnapshot

_CAUGHT_UP_SECONDS: Final = 5.0
"""A voter that is further behind the active controller could not take part in an election at once."""
_MOST_PARTITIONS: Final = 400
"""Of one kind, that are named."""
_MOST_BROKERS: Final = 20
"""That are named where somebody asks for another."""
_ONLY: Final = "its only replica is on the broker: every restart stops it, and waiting does not help"
_MSK_ACTIVE: Final = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerQuestion:
    """Which broker, and how careful to be."""

    broker: int
    margin: int = 1
    """How many more replicas than ``acks=all`` needs must be in sync before, in every partition: 1 is its own."""
    after: float = 0.0
    """Reads that began before do not count, in seconds since 1970."""


def may_restart_broker(question: BrokerQuestion, kafka: LastRead, msk: LastRead | None, now: float) -> Verdict:
    """Answer.

    Args:
        question: which broker.
        kafka: the last read of its cluster.
        msk: that of MSK's control plane; None where the cluster is none of MSK's that is watched.
        now: seconds since 1970.

    """
    reads = [kafka] if msk is None else [kafka, msk]
    found = [*_of_cluster(question, kafka, now), *([] if msk is None else _of_msk(msk, now))]
    return verdict(f"broker {question.broker} of {kafka.source}", found, reads)


def _of_cluster(question: BrokerQuestion, read: LastRead, now: float) -> Iterator[Objection]:
    stale = read.stale(now, question.after)
    snapshot = read.snapshot
    if stale is not None or not isinstance(snapshot, ClusterSnapshot) or snapshot.topology is None:
        yield stale or unknown("unknown", f"{read.source}: its topics are not known")
        return
    if question.broker not in {broker.id for broker in snapshot.brokers}:
        yield _no_such_broker(question.broker, read.source, snapshot)
        return
    left = redundancy(snapshot, snapshot.topology)
    yield from _controller(question.broker, snapshot)
    yield from _brokers(question.broker, snapshot)
    yield from _behind(question.broker, snapshot, left)
    yield from _moving(snapshot, snapshot.topology, left)
    yield from _log_dirs(question.broker, snapshot)
    yield from _unseen(snapshot)
    yield from _partitions(question, snapshot.topology, left)


def _no_such_broker(broker: int, source: str, snapshot: ClusterSnapshot) -> Objection:
    voters = () if snapshot.quorum is None else snapshot.quorum.replicas
    if broker in {replica.id for replica in voters if replica.voter}:
        return unknown("unknown", f"{broker} is a controller of {source} and no broker: this answers for brokers")
    listed = [str(one.id) for one in snapshot.brokers[:_MOST_BROKERS]]
    more = ", ..." * (len(snapshot.brokers) > _MOST_BROKERS)
    return unknown("unknown", f"{source} has no broker {broker} that is known: there are {', '.join(listed)}{more}")


def _controller(broker: int, snapshot: ClusterSnapshot) -> Iterator[Objection]:
    if snapshot.metadata_frozen:
        yield Objection(kind="controller", text="no controller is active: nobody would elect other leaders")
    elif math.isnan(snapshot.controllers):
        yield unknown("controller", f"whether a controller is active is not known{_hint(snapshot)}")
    elif snapshot.quorum is None:
        yield unknown("quorum", f"the controller quorum is not known{_hint(snapshot)}")
    elif snapshot.quorum.epoch >= 0:
        yield from _quorum(broker, snapshot.quorum)


def _quorum(broker: int, quorum: Quorum) -> Iterator[Objection]:
    voters = [replica for replica in quorum.replicas if replica.voter]
    leader = next((replica for replica in voters if replica.id == quorum.leader), None)
    if leader is None:
        yield unknown("quorum", "who votes in the controller quorum is not known")
        return
    remain = [voter for voter in voters if voter.id != broker and _caught_up(voter, leader, quorum)]
    majority = len(voters) // 2 + 1
    if len(remain) < majority:
        text = f"{len(remain)} of {len(voters)} controllers would remain and are caught up: {majority} are needed"
        yield Objection(kind="quorum", text=text)


def _caught_up(voter: QuorumReplica, leader: QuorumReplica, quorum: Quorum) -> bool:
    if voter.id == leader.id:
        return True
    behind = leader.last_caught_up_at - voter.last_caught_up_at
    if math.isnan(behind):
        return voter.log_end_offset >= max(0, quorum.high_watermark)
    return voter.log_end_offset >= 0 and behind <= _CAUGHT_UP_SECONDS


def _hint(snapshot: ClusterSnapshot) -> str:
    """Return what to look at where something is not known: the rights, if any of them is missing."""
    is_denied = any(problem.reason == "denied" for problem in snapshot.problems)
    return ": may the agent describe the cluster?" if is_denied else ""


def _brokers(broker: int, snapshot: ClusterSnapshot) -> Iterator[Objection]:
    if len(snapshot.brokers) == 1:
        yield Objection(kind="brokers", text="it is the only broker: nobody would answer while it restarts")
    for other in snapshot.brokers:
        if other.id == broker:
            continue
        if other.up is False:
            yield Objection(kind="brokers", text=f"broker {other.id} does not answer")
        elif other.registered is False:
            yield Objection(kind="brokers", text=f"broker {other.id} answers, and is not registered yet")
        elif other.up is None or other.registered is None:
            yield unknown("brokers", f"whether broker {other.id} is up is not known")


def _behind(broker: int, snapshot: ClusterSnapshot, left: Redundancy) -> Iterator[Objection]:
    """Return the brokers that are up and not in sync: they came back a moment ago, or do not follow."""
    lagging = left.alive & ~left.live & ~snapshot.adding
    counts = np.bincount(left.place[lagging], minlength=len(left.brokers)).tolist()
    for other, count in zip(left.brokers, counts, strict=True):
        if count and other.id != broker:
            some = f"{count} replica{'s' * (count != 1)}"
            yield Objection(kind="not_in_sync", text=f"broker {other.id} is up, and {some} of it not in sync yet")


def _moving(snapshot: ClusterSnapshot, topology: Topology, left: Redundancy) -> Iterator[Objection]:
    if snapshot.metadata_frozen:
        return  # Nobody can say, which forbids it already.
    if math.isnan(snapshot.reassigning):
        yield unknown("reassignment", f"whether partitions are being reassigned is not known{_hint(snapshot)}")
        return
    rows = distinct(left.row[snapshot.adding])[:_MOST_PARTITIONS].tolist()
    for row in rows:
        yield _of_partition("reassignment", topology, row, "it is being reassigned: wait until it is moved")
    more = int(snapshot.reassigning) - len(rows)
    if more > 0:
        text = f"partitions that are being reassigned{', besides those' * bool(rows)}: {more}"
        yield Objection(kind="reassignment", text=text, count=more)


def _log_dirs(broker: int, snapshot: ClusterSnapshot) -> Iterator[Objection]:
    listed = {log_dir.broker for log_dir in snapshot.log_dirs}
    for other in snapshot.brokers:
        if other.id not in listed and other.id != broker and other.up is not False:
            yield unknown("log_dir", f"the log directories of broker {other.id} are not known{_hint(snapshot)}")
    for log_dir in snapshot.log_dirs:
        where = f"log directory {log_dir.path} of broker {log_dir.broker}"
        if log_dir.online is False:
            yield Objection(kind="log_dir", text=f"{where} is offline")
        elif log_dir.online is None:
            yield unknown("log_dir", f"whether {where} is online is not known")


def _unseen(snapshot: ClusterSnapshot) -> Iterator[Objection]:
    """Return the topics that are on the brokers' disks, and whose replicas nobody tells the agent."""
    for topic in snapshot.unseen_topics[:_MOST_PARTITIONS]:
        text = "brokers hold its logs, and do not show it: may the agent describe it, or are its logs left over?"
        yield Objection(kind="unknown", text=text, topic=topic, is_unknown=True)
    more = len(snapshot.unseen_topics) - _MOST_PARTITIONS
    if more > 0:
        text = f"the same is so of {more} more topics"
        yield Objection(kind="unknown", text=text, is_unknown=True, count=more)


def _partitions(question: BrokerQuestion, topology: Topology, left: Redundancy) -> Iterator[Objection]:
    """Return the partitions that forbid it: those that would be offline first."""
    rows = left.row[left.live & (topology.replica == question.broker)]
    count, needed = left.count[rows], left.needed[rows]
    last = count == 1
    short = ~last & (needed >= 0) & (count < needed + question.margin)
    assigned = replication(topology).replicas[rows]
    alone = assigned[last].tolist()
    for i, row in enumerate(rows[last][:_MOST_PARTITIONS].tolist()):
        text = "the broker has the last replica that is in sync" if alone[i] > 1 else _ONLY
        yield _of_partition("last_in_sync", topology, row, text)
    yield from _others("last_in_sync", rows[last])
    least, has, replicas = needed[short].tolist(), count[short].tolist(), assigned[short].tolist()
    for i, row in enumerate(rows[short][:_MOST_PARTITIONS].tolist()):
        wanted = least[i] + question.margin
        text = f"{has[i]} replicas are in sync, min ISR {least[i]} and a margin of {question.margin} need {wanted}"
        never = f": it has {replicas[i]}, and waiting does not help" if replicas[i] < wanted else ""
        yield _of_partition("min_isr", topology, row, text + never)
    yield from _others("min_isr", rows[short])
    if question.margin:
        yield from _without_setting(topology, rows[~last & (needed < 0)])


def _others(kind: ObjectionKind, rows: Int64s) -> Iterator[Objection]:
    """Return one for all partitions that are not named."""
    more = len(rows) - _MOST_PARTITIONS
    if more > 0:
        yield Objection(kind=kind, text=f"the same is so of {more} more partitions", count=more)


def _without_setting(topology: Topology, rows: Int64s) -> Iterator[Objection]:
    for topic in distinct(topology.topic[rows]).tolist():
        text = "its min.insync.replicas is not known: may the agent describe its configuration (DESCRIBE_CONFIGS)?"
        yield Objection(kind="min_isr", text=text, topic=topology.topics[topic], is_unknown=True)


def _of_partition(kind: ObjectionKind, topology: Topology, row: int, text: str) -> Objection:
    topic = topology.topics[topology.topic[row]]
    return Objection(kind=kind, text=text, topic=topic, partition=int(topology.partition[row]))


def _of_msk(read: LastRead, now: float) -> Iterator[Objection]:
    stale, snapshot = read.stale(now, 0.0), read.snapshot
    if stale is not None or not isinstance(snapshot, MskSnapshot) or snapshot.described is None:
        yield stale or unknown("msk", f"{read.source}: MSK does not describe the cluster")
        return
    if snapshot.described.state != _MSK_ACTIVE:
        yield Objection(kind="msk", text=f"MSK says that the cluster is {snapshot.described.state}")
    if snapshot.operations is None:
        yield unknown("msk", "what MSK does to the cluster is not known")
    for operation in snapshot.operations or ():
        yield Objection(kind="msk", text=f"MSK operation under way: {operation.type} ({operation.state})")
    for move in snapshot.reassignments or ():
        if not move.has_ended:
            yield Objection(kind="msk", text=f"MSK moves topics to {move.instance_type} ({move.state})")
