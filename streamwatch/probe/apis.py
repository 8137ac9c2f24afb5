"""The Kafka APIs that only the probe speaks: records, and the topic that they are written to.

The classes are kafka-python's. Its clients are not used: one thread of a ``KafkaProducer`` sends to all brokers, and
metadata that do not come hold up all of its topics' records; here each broker has connections and deadlines of its own,
and logs in as reads do.
"""

from typing import Final

from kafka.protocol.admin import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreateTopicsRequest,
    CreateTopicsResponse,
    ElectLeadersRequest,
    ElectLeadersResponse,
)
from kafka.protocol.consumer import FetchRequest, FetchResponse
from kafka.protocol.producer import ProduceRequest, ProduceResponse

from streamwatch.sources.kafka import apis
from streamwatch.sources.kafka.apis import KafkaApi

PRODUCE: Final = KafkaApi("Produce", 0, 3, 9, ProduceRequest, ProduceResponse, throttle=False)
FETCH: Final = KafkaApi("Fetch", 1, 4, 12, FetchRequest, FetchResponse)
"""From 13 on topics go by their ids: the name is what is configured."""
CREATE_TOPICS: Final = KafkaApi("CreateTopics", 19, 2, 5, CreateTopicsRequest, CreateTopicsResponse)
CREATE_PARTITIONS: Final = KafkaApi("CreatePartitions", 37, 0, 3, CreatePartitionsRequest, CreatePartitionsResponse)
ELECT_LEADERS: Final = KafkaApi("ElectLeaders", 43, 1, 2, ElectLeadersRequest, ElectLeadersResponse)

APIS: Final = (
    apis.API_VERSIONS,
    apis.SASL_HANDSHAKE,
    apis.SASL_AUTHENTICATE,
    apis.METADATA,
    PRODUCE,
    FETCH,
    CREATE_TOPICS,
    CREATE_PARTITIONS,
    ELECT_LEADERS,
)
