"""The transaction coordinator (KIP-98): producer ids, epochs that fence, and markers in every partition at the end."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from streamwatch.reference.kafka.batch import RecordBatch, marker
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.timers import Later, Timer

if TYPE_CHECKING:
    from streamwatch.reference.kafka.cluster import Cluster
    from streamwatch.reference.kafka.groups import Groups

Key = tuple[str, int]
State = Literal["Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort"]

_RETRY_SECONDS: Final = 0.1
_LAST_EPOCH: Final = 32766
_FIRST_ID: Final = 1000


@dataclass(slots=True)
class TransactionState:
    """What is known of one transactional id."""

    name: str
    producer_id: int
    epoch: int
    timeout_seconds: float
    state: State = "Empty"
    partitions: set[Key] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    started: float = -1.0
    timer: Timer | None = None


class Transactions:
    """All transactions of a cluster. Its state outlives a coordinator's move, as the real one's does in its log."""

    def __init__(self, cluster: "Cluster", groups: "Groups") -> None:
        self._cluster = cluster
        self._groups = groups
        self._next_id = _FIRST_ID
        self.by_name: dict[str, TransactionState] = {}
        self._by_producer: dict[int, TransactionState] = {}

    def new_producer(self) -> int:
        """Return a producer id that nobody had."""
        self._next_id += 1
        return self._next_id - 1

    def begin(self, name: str, timeout_seconds: float, known: tuple[int, int], now: float) -> tuple[Code, int, int]:
        """InitProducerId: return (code, producer id, epoch); whoever used the name before is fenced."""
        most = self._cluster.settings.seconds("transaction.max.timeout.ms")
        if not 0 < timeout_seconds <= most:
            return (Code.INVALID_TRANSACTION_TIMEOUT, -1, -1)
        one = self.by_name.get(name)
        if one is None:
            one = TransactionState(name, self.new_producer(), 0, timeout_seconds)
            self.by_name[name] = self._by_producer[one.producer_id] = one
            return (Code.NONE, one.producer_id, one.epoch)
        if known[0] >= 0 and known[0] == one.producer_id and known[1] < one.epoch:
            return (Code.PRODUCER_FENCED, -1, -1)
        if one.state.startswith("Prepare"):
            return (Code.CONCURRENT_TRANSACTIONS, -1, -1)
        if one.state == "Ongoing":
            one.epoch += 1  # the old producer is fenced, and what it began is aborted first
            self._finish(one, now, commit=False)
            return (Code.CONCURRENT_TRANSACTIONS, -1, -1)
        self._bump(one)
        one.timeout_seconds = timeout_seconds
        return (Code.NONE, one.producer_id, one.epoch)

    def _bump(self, transaction_state: TransactionState) -> None:
        if transaction_state.epoch < _LAST_EPOCH:
            transaction_state.epoch += 1
            return
        transaction_state.producer_id, transaction_state.epoch = self.new_producer(), 0
        self._by_producer[transaction_state.producer_id] = transaction_state

    def find(self, name: str, producer_id: int, epoch: int) -> TransactionState | Code:
        """Return the transaction of a producer that is not fenced, or what is wrong."""
        one = self.by_name.get(name)
        if one is None or one.producer_id != producer_id:
            return Code.INVALID_PRODUCER_ID_MAPPING
        return one if one.epoch == epoch else Code.PRODUCER_FENCED

    def add(self, transaction: TransactionState, partitions: set[Key], groups: set[str], now: float) -> Code:
        """Let partitions, or a group's offsets, be part of the transaction; it begins with the first."""
        if transaction.state.startswith("Prepare"):
            return Code.CONCURRENT_TRANSACTIONS
        if transaction.state != "Ongoing":
            transaction.state, transaction.started = "Ongoing", now
            deadline = now + transaction.timeout_seconds
            transaction.timer = self._cluster.timers.at(deadline, lambda then: self._expire(transaction, then))
        transaction.partitions |= partitions
        transaction.groups |= groups
        return Code.NONE

    def holds(self, producer_id: int, key: Key) -> bool:
        """Whether a partition is part of a producer's open transaction."""
        one = self._by_producer.get(producer_id)
        return one is not None and one.state == "Ongoing" and key in one.partitions

    def end(self, transaction: TransactionState, now: float, *, commit: bool) -> Later[Code]:
        """EndTxn: the answer comes when the decision is made; markers follow."""
        wanted: State = "CompleteCommit" if commit else "CompleteAbort"
        if transaction.state == "Ongoing":
            self._finish(transaction, now, commit=commit)
            return Later.now(Code.NONE)
        if transaction.state.startswith("Prepare"):
            is_same = transaction.state == ("PrepareCommit" if commit else "PrepareAbort")
            return Later.now(Code.CONCURRENT_TRANSACTIONS if is_same else Code.INVALID_TXN_STATE)
        return Later.now(Code.NONE if transaction.state == wanted else Code.INVALID_TXN_STATE)

    def _expire(self, transaction_state: TransactionState, now: float) -> None:
        if transaction_state.state == "Ongoing":
            self._cluster.record_event(now, f"transaction {transaction_state.name} timed out")
            transaction_state.epoch += 1
            self._finish(transaction_state, now, commit=False)

    def _finish(self, transaction_state: TransactionState, now: float, *, commit: bool) -> None:
        if transaction_state.timer is not None:
            transaction_state.timer.cancel()
        transaction_state.state = "PrepareCommit" if commit else "PrepareAbort"
        self._write_markers(transaction_state, now)

    def _write_markers(self, transaction_state: TransactionState, now: float) -> None:
        """Write what is left to write; where a partition has no leader, try again soon."""
        for key in tuple(transaction_state.partitions):
            self._mark(transaction_state, key, now)
        self._complete(transaction_state)

    def _complete(self, transaction_state: TransactionState) -> None:
        """End the transaction where every marker is on the whole ISR of its partition."""
        if transaction_state.partitions or not transaction_state.state.startswith("Prepare"):
            return
        commit = transaction_state.state == "PrepareCommit"
        self._groups.finish(transaction_state.producer_id, commit=commit)
        transaction_state.groups.clear()
        transaction_state.state = "CompleteCommit" if commit else "CompleteAbort"

    def _mark(self, transaction_state: TransactionState, key: Key, now: float) -> None:
        partition = self._cluster.partition(*key)
        if partition is None:
            transaction_state.partitions.discard(key)  # the topic was deleted
            return
        leader = partition.leader
        if leader is None or not leader.volume.is_online or not self._cluster.brokers[leader.broker].works:
            self._mark_again(transaction_state, key, now)
            return
        commit = transaction_state.state == "PrepareCommit"
        end = marker(
            transaction_state.producer_id,
            transaction_state.epoch,
            commit=commit,
            coordinator_epoch=0,
            at_ms=int(now * 1000),
        )
        write_marker(self._cluster, partition, leader.broker, end, now).then(
            lambda code: self._marked(transaction_state, key, code, now)
        )

    def _marked(self, transaction_state: TransactionState, key: Key, code: Code, since: float) -> None:
        if code == Code.NONE or self._cluster.partition(*key) is None:
            transaction_state.partitions.discard(key)
            self._complete(transaction_state)
        else:
            self._mark_again(transaction_state, key, since)

    def _mark_again(self, transaction_state: TransactionState, key: Key, now: float) -> None:
        def again(then: float) -> None:
            self._mark(transaction_state, key, then)
            self._complete(transaction_state)

        self._cluster.timers.at(now + _RETRY_SECONDS, again)


def write_marker(cluster: "Cluster", partition: Partition, broker: int, end: RecordBatch, now: float) -> Later[Code]:
    """Append a marker as the leader; the answer comes when it is on the whole ISR."""
    partition.append(broker, [end], now, None)
    cluster.replication.advance(partition, now)
    cluster.replication.changed(partition, now)
    partition.wake(now)
    return partition.when_committed(partition.replicas[broker].log.end)
