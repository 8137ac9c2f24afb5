"""An application of the Kinesis Client Library, as a model: workers that hold leases and read real records.

It has no thread: ``live`` lets it do what is due. What it knows stands in its lease table, and nowhere else.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dynamodb import Item, Table
from streamwatch.reference.kinesis.account import Kinesis
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.shard import Shard

Version = Literal["2", "3.0", "3.5"]
FAILOVER_SECONDS: Final = 10.0
"""A lease that was not renewed for so long is taken by another worker."""
_END: Final = "SHARD_END"
_MOST_RECORDS: Final = 10_000


@dataclass(slots=True)
class KclWorker:
    """One process of the application."""

    name: str
    alive: bool = True
    hung: bool = False
    """Its record processors do not come back: it renews its leases and reads nothing."""
    records_a_read: int = _MOST_RECORDS


@dataclass(slots=True)
class KclApplication:
    """An application that reads one stream."""

    cloud: Cloud
    name: str
    stream: str
    now: float
    version: Version = "2"
    read_units: int = 0
    workers: dict[str, KclWorker] = field(default_factory=dict)
    hung_shards: set[str] = field(default_factory=set)
    """Whose record processors hang, whoever holds the lease."""
    _renewed_at: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Of each lease, what its counter was and when that was first seen: what every worker knows."""

    def __post_init__(self) -> None:
        """Make the tables, and a lease for each shard."""
        house = self.cloud.dynamodb()
        house.create(self.name, "leaseKey", self.now, self.read_units)
        if self.version == "3.0":
            house.create(f"{self.name}-CoordinatorState", "key", self.now)
            house.create(f"{self.name}-WorkerMetricStats", "wid", self.now)
        for shard in self._shards():
            self._add(shard)

    @property
    def table(self) -> Table:
        """Its lease table."""
        return self.cloud.dynamodb().tables[self.name]

    @property
    def kinesis(self) -> Kinesis:
        """Where its stream is."""
        return self.cloud.kinesis()

    def worker(self, name: str, records_a_read: int = _MOST_RECORDS) -> KclWorker:
        """Add a worker."""
        self.workers[name] = found = KclWorker(name, records_a_read=records_a_read)
        return found

    def live(self, now: float) -> None:
        """Let every worker that is alive renew, take leases and read."""
        self.now = now
        leases = dict(self._leases())
        for key, item in leases.items():
            counter = item["leaseCounter"]["N"]
            if self._renewed_at.get(key, ("", 0.0))[0] != counter:
                self._renewed_at[key] = (counter, now)
        alive = [one for one in self.workers.values() if one.alive]
        for worker in alive:
            self._take(worker, alive)
            self._work(worker)
        if alive:
            self._lead(alive[0])
            self._clean()

    def lag(self, shard: Shard) -> float:
        """Return how old the oldest record of a shard is that is not checkpointed; 0 where there is none."""
        item = self.table.items.get(shard.id)
        if item is None:
            return 0.0
        checkpoint = item["checkpoint"]["S"]
        if checkpoint == _END:
            return 0.0
        left = shard.records[shard.after(int(checkpoint)) if checkpoint.isdigit() else 0 :]
        return self.now - left[0].arrived if left else 0.0

    def _leases(self) -> Iterator[tuple[str, Item]]:
        for key, item in self.table.items.items():
            if item.get("entityType", {}).get("S", "LEASE") == "LEASE":
                yield key, item

    def _shards(self) -> Iterable[Shard]:
        """Return the shards there are; none where the stream is gone: workers go on renewing, as those of KCL do."""
        found = self.kinesis.streams.get(self.stream)
        return () if found is None else found.shards.values()

    def _add(self, shard: Shard) -> None:
        item: Item = {
            "leaseKey": {"S": shard.id},
            "leaseCounter": {"N": "0"},
            "checkpoint": {"S": "TRIM_HORIZON"},
            "checkpointSubSequenceNumber": {"N": "0"},
            "ownerSwitchesSinceCheckpoint": {"N": "0"},
            "startingHashKey": {"S": str(shard.first)},
            "endingHashKey": {"S": str(shard.last)},
        }
        if shard.parents:
            item["parentShardId"] = {"SS": list(shard.parents)}
        if self.version == "3.5":
            item["entityType"] = {"S": "LEASE"}
        self.table.put(item)

    def _take(self, worker: KclWorker, alive: list[KclWorker]) -> None:
        """Take leases that nobody renews, up to a fair share, and one from who has too many."""
        leases = {key: one for key, one in self._leases() if one["checkpoint"]["S"] != _END}
        held: dict[str, list[str]] = {one.name: [] for one in alive}
        free = []
        for key, item in leases.items():
            owner = item.get("leaseOwner", {}).get("S", "")
            if owner in held:
                held[owner].append(key)
            elif not owner or self.now - self._renewed_at[key][1] >= FAILOVER_SECONDS:
                free.append(key)
        fair = -(-len(leases) // len(alive))
        mine = held[worker.name]
        for key in free[: max(0, fair - len(mine))]:
            self._own(key, worker)
        richest = max(held, key=lambda name: len(held[name]))
        if not free and len(held[richest]) > len(mine) + 1:
            self._own(held[richest][0], worker)

    def _own(self, key: str, worker: KclWorker) -> None:
        switches = int(self.table.items[key]["ownerSwitchesSinceCheckpoint"]["N"]) + 1
        self.table.change(key, leaseOwner={"S": worker.name}, ownerSwitchesSinceCheckpoint={"N": str(switches)})
        self._count(key)

    def _count(self, key: str) -> None:
        counter = int(self.table.items[key]["leaseCounter"]["N"]) + 1
        self.table.change(key, leaseCounter={"N": str(counter)})
        self._renewed_at[key] = (str(counter), self.now)

    def _work(self, worker: KclWorker) -> None:
        shards = {one.id: one for one in self._shards()}
        for key, item in list(self._leases()):
            if item.get("leaseOwner", {}).get("S") != worker.name or item["checkpoint"]["S"] == _END:
                continue
            self._count(key)
            if not worker.hung and key not in self.hung_shards and key in shards and self._may_read(shards[key]):
                self._read(key, worker)

    def _may_read(self, shard: Shard) -> bool:
        """Whether what is to be read before was read."""
        parents = [self.table.items.get(one) for one in shard.parents]
        return all(one is None or one["checkpoint"]["S"] == _END for one in parents)

    def _read(self, key: str, worker: KclWorker) -> None:
        checkpoint = self.table.items[key]["checkpoint"]["S"]
        place: dict[str, Any] = {"StreamName": self.stream, "ShardId": key, "ShardIteratorType": "TRIM_HORIZON"}
        if checkpoint.isdigit():
            place |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": checkpoint}
        try:
            iterator = OPERATIONS["GetShardIterator"](self.kinesis, place, self.now)["ShardIterator"]
            given = {"ShardIterator": iterator, "Limit": worker.records_a_read}
            answer = OPERATIONS["GetRecords"](self.kinesis, given, self.now)
        except ServiceError:
            return  # it tries again
        if answer["Records"]:
            self._checkpoint(key, answer["Records"][-1]["SequenceNumber"])
        if not answer.get("NextShardIterator"):
            self._checkpoint(key, _END)
            for child in self._shards():
                if key in child.parents and child.id not in self.table.items:
                    self._add(child)

    def _checkpoint(self, key: str, number: str) -> None:
        self.table.change(key, checkpoint={"S": number}, ownerSwitchesSinceCheckpoint={"N": "0"})

    def _lead(self, worker: KclWorker) -> None:
        if self.version == "2":
            return
        lock = {
            "ownerName": {"S": worker.name},
            "recordVersionNumber": {"S": str(uuid.uuid4())},
            "leaseDuration": {"S": "120000"},
            "isReleased": {"S": "0"},
        }
        if self.version == "3.5":
            self.table.put({"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, **lock})
            stats = {"entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": str(int(self.now))}}
            self.table.put({"leaseKey": {"S": worker.name}, **stats})
        else:
            tables = self.cloud.dynamodb().tables
            tables[f"{self.name}-CoordinatorState"].put({"key": {"S": "Leader"}, **lock})
            migration = {"key": {"S": "Migration3.0"}, "cv": {"S": "CLIENT_VERSION_3X"}}
            tables[f"{self.name}-CoordinatorState"].put(migration)

    def _clean(self) -> None:
        """Delete the leases of shards that are gone and were read."""
        there = {one.id for one in self._shards()}
        for key, item in list(self._leases()):
            if key not in there and item["checkpoint"]["S"] == _END:
                del self.table.items[key]
