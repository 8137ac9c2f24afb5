"""A record of a transaction that no coordinator knows: what producers before Kafka 3.6 left behind after an abort.

Brokers with ``transaction.partition.verification.enable=false`` take it, and it hangs until somebody aborts it.
"""

import socket
import struct
from typing import Any

from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.producer.produce import ProduceRequest
from kafka.protocol.producer.transaction import InitProducerIdRequest

from streamwatch.reference.kafka.crc import crc32c
from tests.reference.batches import records
from tests.waiting import wait_for

_TRANSACTIONAL = 0x10
_SECONDS = 10.0


def write_late(address: str, topic: str, partition: int, *, timestamp_ms: int) -> int:
    """Write one record to the leader at an address, as part of a transaction; return the producer's id."""
    begun = wait_for(lambda: _producer(address), _SECONDS, "the broker has producer ids to give")
    batch = bytearray(records(b"late", producer=(begun.producer_id, begun.producer_epoch, 0), timestamp=timestamp_ms))
    struct.pack_into(">h", batch, 21, struct.unpack_from(">h", batch, 21)[0] | _TRANSACTIONAL)
    struct.pack_into(">I", batch, 17, crc32c(bytes(batch[21:])))
    topics = ProduceRequest.TopicProduceData
    data = topics.PartitionProduceData(version=9, index=partition, records=bytes(batch))
    request = ProduceRequest(
        version=9,
        transactional_id="late",
        acks=-1,
        timeout_ms=5000,
        topic_data=[topics(version=9, name=topic, partition_data=[data])],
    )
    answer = _ask(address, request)
    assert [p.error_code for t in answer.responses for p in t.partition_responses] == [0]
    return int(begun.producer_id)


def _producer(address: str) -> Any:
    """Return a new producer's id and epoch; None while the broker has none."""
    begun = _ask(address, InitProducerIdRequest(version=4, transactional_id=None, transaction_timeout_ms=60_000))
    return None if begun.error_code else begun


def _ask(address: str, request: Any) -> Any:
    protocol = KafkaProtocol(client_id="late")
    protocol.send_request(request)
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_SECONDS) as connection:
        connection.sendall(protocol.send_bytes())
        with connection.makefile("rb") as answers:
            size = answers.read(4)
            answer = answers.read(*struct.unpack(">i", size))
    ((_, message),) = protocol.receive_bytes(size + answer)
    return message
