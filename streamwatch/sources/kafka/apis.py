"""The Kafka APIs that the agent uses: their versions, and the message classes that encode and decode them.

kafka-python's message classes are the codec; what it lacks comes from our own schemas: the groups of KIP-848
(consumer), KIP-932 (share) and KIP-1071 (streams). The floor is what Kafka 2.8 speaks, where that is possible; the
ceiling is what the readers know.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka.protocol.admin import (
    DescribeConfigsRequest,
    DescribeConfigsResponse,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeProducersRequest,
    DescribeProducersResponse,
    DescribeQuorumRequest,
    DescribeQuorumResponse,
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    ListGroupsRequest,
    ListGroupsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    ListTransactionsRequest,
    ListTransactionsResponse,
)
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.consumer import ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest, OffsetFetchResponse
from kafka.protocol.metadata import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    MetadataRequest,
    MetadataResponse,
)
from kafka.protocol.sasl import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)

from streamwatch.core.errors import SourceMisread
from streamwatch.sources.kafka.text import decode_readable
from streamwatch.sources.log import logger

log = logger(__name__)

Message = Any
"""A decoded message: kafka-python's classes have no types of their own."""

UNDECODABLE = (
    ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, AssertionError, struct.error,
)  # fmt: skip
"""What the generated decoders raise when the bytes are not what they expect."""


class ConsumerGroupDescribeRequest(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 69: the members of groups that use the KIP-848 protocol."""


class ConsumerGroupDescribeResponse(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 69."""


class ShareGroupDescribeRequest(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 77: the members of share groups."""


class ShareGroupDescribeResponse(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 77."""


class StreamsGroupDescribeRequest(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 89: the members of Kafka Streams' groups, and what they read."""


class StreamsGroupDescribeResponse(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 89."""


class DescribeShareGroupOffsetsRequest(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 90: from where share groups read on, and how much they have left."""


class DescribeShareGroupOffsetsResponse(ApiMessage, load_json="streamwatch.sources.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 90."""


@dataclass(frozen=True, slots=True)
class KafkaApi:
    """One API: its key, the versions that the readers know, and how an answer begins."""

    name: str
    key: int
    lowest: int
    highest: int
    request: Any
    response: Any
    throttle: bool = True
    """Whether an answer's body begins with ``throttle_time_ms``."""
    forwarded: str = ""
    """Whom the broker asks itself before it answers, if anybody; where they are silent, it keeps us waiting."""

    def flexible(self, version: int) -> bool:
        """Say whether this version has tagged fields, and so a longer header."""
        return bool(self.request.flexible_version_q(version))

    def encode(self, version: int, **fields: Any) -> bytes:  # noqa: ANN401 - the message class checks them
        """Return a request's body, without its header."""
        return bytes(self.request(version=version, **fields).encode())

    def decode(self, version: int, body: bytes) -> Message:
        """Return an answer's body as an object.

        Raises:
            SourceMisread: it is not an answer of this API and version.

        """
        return self.decode_names(version, body)[0]

    def decode_names(self, version: int, body: bytes) -> tuple[Message, frozenset[str]]:
        """Return an answer's body as an object, and those of its strings that are not what was sent: no UTF-8.

        Raises:
            SourceMisread: it is not an answer of this API and version.

        """
        try:
            try:
                return self.response.decode(body, version=version), frozenset()
            except UnicodeDecodeError:
                return decode_readable(self.response, version, body)
        except UNDECODABLE as error:
            raise SourceMisread(f"{self.name} v{version}: {len(body)} bytes that do not decode: {error!r}") from error


API_VERSIONS = KafkaApi("ApiVersions", 18, 0, 3, ApiVersionsRequest, ApiVersionsResponse, throttle=False)
SASL_HANDSHAKE = KafkaApi("SaslHandshake", 17, 1, 1, SaslHandshakeRequest, SaslHandshakeResponse, throttle=False)
SASL_AUTHENTICATE = KafkaApi(
    "SaslAuthenticate", 36, 1, 2, SaslAuthenticateRequest, SaslAuthenticateResponse, throttle=False
)
METADATA = KafkaApi("Metadata", 3, 9, 12, MetadataRequest, MetadataResponse)
DESCRIBE_QUORUM = KafkaApi(
    "DescribeQuorum", 55, 0, 1, DescribeQuorumRequest, DescribeQuorumResponse, throttle=False, forwarded="a controller"
)
DESCRIBE_LOG_DIRS = KafkaApi("DescribeLogDirs", 35, 2, 4, DescribeLogDirsRequest, DescribeLogDirsResponse)
LIST_GROUPS = KafkaApi("ListGroups", 16, 3, 5, ListGroupsRequest, ListGroupsResponse)
DESCRIBE_GROUPS = KafkaApi("DescribeGroups", 15, 5, 6, DescribeGroupsRequest, DescribeGroupsResponse)
CONSUMER_GROUP_DESCRIBE = KafkaApi(
    "ConsumerGroupDescribe", 69, 0, 1, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse
)
SHARE_GROUP_DESCRIBE = KafkaApi("ShareGroupDescribe", 77, 1, 1, ShareGroupDescribeRequest, ShareGroupDescribeResponse)
STREAMS_GROUP_DESCRIBE = KafkaApi(
    "StreamsGroupDescribe", 89, 0, 0, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse
)
SHARE_OFFSETS = KafkaApi(
    "DescribeShareGroupOffsets",
    90,
    1,
    1,
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
    forwarded="the brokers that keep share groups' state",
)
FIND_COORDINATOR = KafkaApi("FindCoordinator", 10, 3, 4, FindCoordinatorRequest, FindCoordinatorResponse)
OFFSET_FETCH = KafkaApi("OffsetFetch", 9, 6, 8, OffsetFetchRequest, OffsetFetchResponse)
LIST_OFFSETS = KafkaApi("ListOffsets", 2, 6, 8, ListOffsetsRequest, ListOffsetsResponse)
LIST_REASSIGNMENTS = KafkaApi(
    "ListPartitionReassignments",
    46,
    0,
    0,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    forwarded="a controller",
)
DESCRIBE_CONFIGS = KafkaApi("DescribeConfigs", 32, 4, 4, DescribeConfigsRequest, DescribeConfigsResponse)
DESCRIBE_PRODUCERS = KafkaApi("DescribeProducers", 61, 0, 0, DescribeProducersRequest, DescribeProducersResponse)
DESCRIBE_TRANSACTIONS = KafkaApi(
    "DescribeTransactions", 65, 0, 0, DescribeTransactionsRequest, DescribeTransactionsResponse
)
LIST_TRANSACTIONS = KafkaApi("ListTransactions", 66, 0, 1, ListTransactionsRequest, ListTransactionsResponse)

APIS = (
    API_VERSIONS,
    SASL_HANDSHAKE,
    SASL_AUTHENTICATE,
    METADATA,
    DESCRIBE_QUORUM,
    DESCRIBE_LOG_DIRS,
    LIST_GROUPS,
    DESCRIBE_GROUPS,
    CONSUMER_GROUP_DESCRIBE,
    SHARE_GROUP_DESCRIBE,
    STREAMS_GROUP_DESCRIBE,
    SHARE_OFFSETS,
    FIND_COORDINATOR,
    OFFSET_FETCH,
    LIST_OFFSETS,
    LIST_REASSIGNMENTS,
    DESCRIBE_CONFIGS,
    DESCRIBE_PRODUCERS,
    DESCRIBE_TRANSACTIONS,
    LIST_TRANSACTIONS,
)


@contextmanager
def decoding(api: KafkaApi) -> Iterator[None]:
    """Guard the reading of a decoded answer: bytes can decode to what cannot be, such as a list that is null.

    Raises:
        SourceMisread: what was read makes no sense.

    """
    try:
        yield
    except UNDECODABLE as error:
        log.exception("answer not understood", extra={"api": api.name})  # or a bug of ours
        raise SourceMisread(f"{api.name}: not understood: {error!r}") from error


def negotiate(offered: dict[int, tuple[int, int]], apis: Iterable[KafkaApi] = APIS) -> dict[int, int]:
    """Return the version to speak for each API key a broker offers; without a common one it is left out."""
    spoken = {}
    for api in apis:
        low, high = offered.get(api.key, (0, -1))
        version = min(api.highest, high)
        if version >= max(api.lowest, low):
            spoken[api.key] = version
    return spoken
