"""What a prepared broker answers about transactions (KIP-664)."""

from typing import TYPE_CHECKING

from streamwatch.sources.kafka import apis
from tests.prepared_answers import NOT_LEADER, Answer, Message

if TYPE_CHECKING:
    from tests.prepared import Fault, Truth

TOPIC_DENIED, TRANSACTIONAL_ID_DENIED, TRANSACTIONAL_ID_NOT_FOUND = 29, 53, 105


def describe_producers(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    topic_kind = apis.DESCRIBE_PRODUCERS.response.TopicResponse
    kind = topic_kind.PartitionResponse

    def row(topic: str, partition: int) -> Message:
        code = TOPIC_DENIED if "DescribeProducers" in truth.denied else truth.codes.get("DescribeProducers", 0)
        if truth.leads(topic, partition) != broker:
            code = NOT_LEADER
        producers = [
            kind.ProducerState(
                version=version, producer_id=number, producer_epoch=0, last_sequence=0, last_timestamp=at,
                coordinator_epoch=0, current_txn_start_offset=start,
            )
            for number, start, at in truth.producers.get((topic, partition), ())
        ]  # fmt: skip
        return kind(version=version, partition_index=partition, error_code=code, active_producers=producers)

    topics = [
        topic_kind(version=version, name=t.name, partitions=[row(t.name, p) for p in t.partition_indexes])
        for t in asked.topics
    ]
    return apis.DESCRIBE_PRODUCERS.response(version=version, topics=topics)


def list_transactions(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    classes = apis.LIST_TRANSACTIONS.response
    states = [
        classes.TransactionState(
            version=version, transactional_id=name, producer_id=producer, transaction_state="Ongoing"
        )
        for name, (coordinator, producer, _, _) in truth.transactional.items()
        if coordinator == broker and producer in asked.producer_id_filters and "transactional ids" not in truth.denied
    ]
    code = truth.codes.get("ListTransactions", 0)
    return classes(
        version=version, error_code=code, unknown_state_filters=[], transaction_states=[] if code else states
    )


def describe_transactions(truth: "Truth", fault: "Fault", broker: int, version: int, asked: Message) -> Message:  # noqa: ARG001
    classes = apis.DESCRIBE_TRANSACTIONS.response

    def state(name: str) -> Message:
        _, producer, since, partitions = truth.transactional.get(name, (-1, -1, -1, []))
        code = TRANSACTIONAL_ID_NOT_FOUND if producer < 0 else truth.codes.get("DescribeTransactions", 0)
        if "transactional ids" in truth.denied:
            code = TRANSACTIONAL_ID_DENIED
        topics = [
            classes.TransactionState.TopicData(
                version=version, topic=topic, partitions=[p for t, p in partitions if t == topic]
            )
            for topic in sorted({topic for topic, _ in partitions})
        ]
        return classes.TransactionState(
            version=version, error_code=code, transactional_id=name, transaction_state="Ongoing",
            transaction_timeout_ms=60_000, transaction_start_time_ms=since, producer_id=producer, producer_epoch=0,
            topics=topics,
        )  # fmt: skip

    return classes(version=version, transaction_states=[state(name) for name in asked.transactional_ids])


TRANSACTION_ANSWERS: dict[str, Answer] = {
    "DescribeProducers": describe_producers,
    "ListTransactions": list_transactions,
    "DescribeTransactions": describe_transactions,
}
