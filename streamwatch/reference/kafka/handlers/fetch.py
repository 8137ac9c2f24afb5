"""Fetch: whole batches, as soon as there are enough of them; sessions (KIP-227) say only what changed."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.batch import RecordBatch
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import NO_ID, Context, Reply, by_topic
from streamwatch.reference.kafka.partition import Partition, Replica, Topic
from streamwatch.reference.kafka.sessions import FetchSession, WantedPartition
from streamwatch.reference.kafka.wire import Answer
from streamwatch.reference.timers import Later


def fetch(context: Context) -> Reply:
    """Answer Fetch, API 1: versions 4 to 18.

    Special: session id 0 with epoch -1 (no session), 0 (a new one), see KIP-227; leader epoch -1 (not checked);
    max_wait_ms 0 (answer at once); isolation 1 (committed records only).
    Left out: versions below 4, which brokers before 4.0 list (the connection is closed); reading from followers in
    the same rack (11, KIP-392); the leaders' addresses (16, KIP-951).
    """
    body = context.body
    session = context.site.sessions[context.broker.id].find(body.session_id, body.session_epoch)
    if isinstance(session, Code):
        return {"error_code": session, "session_id": 0, "responses": []}
    wanted = list(_wanted(body))
    if session is not None:
        _update(session, wanted, body)
        wanted = list(session.wanted.values())
    return _Fetch(context, session, wanted).begin()


def _wanted(body: Any) -> Iterable[WantedPartition]:  # noqa: ANN401 - a message
    for topic in body.topics:
        for partition in topic.partitions:
            key = (topic.topic or "", topic.topic_id or NO_ID, partition.partition)
            yield WantedPartition(
                key,
                partition.fetch_offset,
                partition.partition_max_bytes,
                partition.current_leader_epoch,
                partition.last_fetched_epoch,
            )


def _update(session: FetchSession, wanted: Iterable[WantedPartition], body: Any) -> None:  # noqa: ANN401 - a message
    for topic in body.forgotten_topics_data or ():
        for index in topic.partitions:
            session.wanted.pop((topic.topic or "", topic.topic_id or NO_ID, index), None)
    for one in wanted:
        session.wanted[one.key] = one


class _Fetch:
    """One fetch, which may wait for more bytes."""

    def __init__(self, context: Context, session: FetchSession | None, wanted: list[WantedPartition]) -> None:
        self._context = context
        self._session = session
        self._found = [(one, self._find(one)) for one in wanted]
        self._later: Later[Answer] = Later()

    def begin(self) -> Reply:
        """Answer at once where there is enough, or something is wrong; otherwise wait."""
        body = self._context.body
        if body.max_wait_ms <= 0 or not self._found or self._is_ready():
            return self._answer()
        context = self._context
        timer = context.cluster.timers.at(context.now + body.max_wait_ms / 1000, lambda _: self._end(stop))

        def look(_: float) -> None:
            if self._is_ready():
                timer.cancel()
                self._end(stop)

        watched = [found for _, found in self._found if isinstance(found, Partition)]
        for partition in watched:
            partition.watchers.add(look)

        def stop() -> None:
            for partition in watched:
                partition.watchers.discard(look)

        return self._later

    def _end(self, stop: Callable[[], None]) -> None:
        stop()
        self._later.settle(self._answer())

    def _find(self, wanted: WantedPartition) -> Partition | Code:
        name, topic_id, index = wanted.key
        topic = self._context.topic(name, topic_id)
        if not isinstance(topic, Topic):
            return topic
        if not self._context.may_topic(AclOperation.READ, topic.name):
            return Code.TOPIC_AUTHORIZATION_FAILED
        return self._context.cluster.partition(topic.name, index) or Code.UNKNOWN_TOPIC_OR_PARTITION

    def _is_ready(self) -> bool:
        """Whether something is wrong, or there are enough bytes."""
        enough, total = self._context.body.min_bytes, 0
        if self._context.request.client_id in self._context.site.stalled:
            return False
        for wanted, found in self._found:
            if isinstance(found, Code) or self._wrong(wanted, found) or self._diverging(wanted, found):
                return True
            replica = found.replicas[self._context.broker.id]
            total += replica.log.bytes_between(wanted.offset, self._end_of(found), max(1, enough - total))
            if total >= enough:
                return True
        return False

    def _end_of(self, partition: Partition) -> int:
        return partition.readable_end(self._context.broker.id, committed_only=self._context.body.isolation_level == 1)

    def _wrong(self, wanted: WantedPartition, partition: Partition) -> Code:
        """Return why nothing can be read; NONE where something can."""
        replica = partition.led_by(self._context.broker.id)
        if replica is None:
            return Code.NOT_LEADER_OR_FOLLOWER
        if not replica.volume.is_online:
            return Code.KAFKA_STORAGE_ERROR
        epoch = partition.epoch_of(self._context.broker.id)
        if wanted.leader_epoch >= 0 and wanted.leader_epoch != epoch:
            return Code.FENCED_LEADER_EPOCH if wanted.leader_epoch < epoch else Code.UNKNOWN_LEADER_EPOCH
        is_inside = replica.log.start <= wanted.offset <= replica.log.end
        return Code.NONE if is_inside else Code.OFFSET_OUT_OF_RANGE

    def _diverging(self, wanted: WantedPartition, partition: Partition) -> dict[str, int] | None:
        """Return where the consumer's log and the leader's part, when they do (KIP-595)."""
        if wanted.last_epoch < 0:
            return None
        epoch, end = partition.replicas[self._context.broker.id].log.end_of_epoch(wanted.last_epoch)
        is_same = epoch == wanted.last_epoch and end >= wanted.offset
        return None if is_same else {"epoch": epoch, "end_offset": end}

    def _answer(self) -> Answer:
        is_stalled = self._context.request.client_id in self._context.site.stalled
        left = 0 if is_stalled else max(1, self._context.body.max_bytes)
        rows: list[tuple[tuple[str, uuid.UUID], dict[str, Any]]] = []
        for wanted, found in self._found:
            row, size = self._row(wanted, found, left)
            left = max(0, left - size)
            if self._is_news(wanted, row, size):
                rows.append(((wanted.key[0], wanted.key[1]), row))
        return {
            "error_code": Code.NONE,
            "session_id": self._session.id if self._session else 0,
            "responses": [
                {"topic": name, "topic_id": topic_id, "partitions": partitions}
                for (name, topic_id), partitions in by_topic(rows)
            ],
        }

    def _is_news(self, wanted: WantedPartition, row: dict[str, Any], size: int) -> bool:
        """Whether a session must tell of a partition."""
        if self._session is None:
            return True
        said = (int(row["error_code"]), row["high_watermark"], row["log_start_offset"])
        is_news = size > 0 or self._session.sent.get(wanted.key) != said or "diverging_epoch" in row
        self._session.sent[wanted.key] = said
        return is_news or bool(row["error_code"])

    def _row(self, wanted: WantedPartition, found: Partition | Code, left: int) -> tuple[dict[str, Any], int]:
        """Return one partition's answer and the bytes of its records."""
        code = found if isinstance(found, Code) else self._wrong(wanted, found)
        if isinstance(found, Code) or code:
            if isinstance(found, Partition):
                self._context.site.measures[self._context.broker.id].failed_fetch(found.topic.name, self._context.now)
            return _empty(wanted.key[2], code), 0
        replica, end = found.replicas[self._context.broker.id], self._end_of(found)
        diverging = self._diverging(wanted, found)
        batches: list[RecordBatch] = []
        if left > 0 and diverging is None:
            batches = replica.log.read(wanted.offset, end, min(left, wanted.most_bytes))
        records = b"".join(batch.data for batch in batches)
        row = _empty(wanted.key[2], Code.NONE) | {
            "high_watermark": replica.high_watermark,
            "last_stable_offset": found.readable_end(self._context.broker.id, committed_only=True),
            "log_start_offset": replica.log.start,
            "aborted_transactions": self._aborted(replica, wanted.offset, batches),
            "records": records,
        }
        if diverging:
            row["diverging_epoch"] = diverging
        if records:
            measures = self._context.site.measures[self._context.broker.id]
            measures.fetched(found.topic.name, len(records), self._context.now)
        return row, len(records)

    def _aborted(self, replica: Replica, start: int, batches: list[RecordBatch]) -> list[dict[str, int]] | None:
        if self._context.body.isolation_level != 1:
            return None
        if not batches:
            return []
        found = replica.log.producers.aborted_within(start, batches[-1].last_offset + 1)
        return [{"producer_id": one.producer_id, "first_offset": one.first_offset} for one in found]


def _empty(index: int, code: Code) -> dict[str, Any]:
    return {
        "partition_index": index,
        "error_code": code,
        "high_watermark": -1,
        "last_stable_offset": -1,
        "log_start_offset": -1,
        "aborted_transactions": None,
        "preferred_read_replica": -1,
        "records": b"",
    }
