"""Frames to requests and answers to frames: the only place that knows kafka-python's message classes."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kafka.protocol import admin, consumer, metadata, producer, sasl
from kafka.protocol.api_message import ApiMessage
from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

from streamwatch.reference.kafka.spec import FIRST_KRAFT, Release

Body = Any
"""A decoded request: its fields are attributes, in snake_case; the classes have no types of their own."""

Answer = Mapping[str, Any]
"""An answer's fields by name; structures within it are mappings too. What is left out has its default."""

_HEADER: Final = struct.Struct(">hhi")
_UNDECODABLE: Final = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, struct.error)
API_VERSIONS: Final = 18


class ConsumerGroupHeartbeatRequest(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 68 (KIP-848)."""


class ConsumerGroupHeartbeatResponse(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 68."""


class ConsumerGroupDescribeRequest(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 69 (KIP-848)."""


class ConsumerGroupDescribeResponse(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 69."""


class ShareGroupDescribeRequest(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 77."""


class ShareGroupDescribeResponse(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 77, as far as it is of use where there are no such groups."""


class StreamsGroupDescribeRequest(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 89."""


class StreamsGroupDescribeResponse(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 89, as far as it is of use where there are no such groups."""


class DescribeShareGroupOffsetsRequest(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """API 90."""


class DescribeShareGroupOffsetsResponse(ApiMessage, load_json="streamwatch.reference.kafka.schemas"):  # type: ignore[misc, call-arg]
    """The answer to API 90, as far as it is of use where there are no such groups."""


class BadFrame(Exception):
    """Bytes that are no request."""


@dataclass(frozen=True, slots=True)
class KafkaRequest:
    """One request, decoded."""

    key: int
    version: int
    correlation_id: int
    client_id: str
    body: Body
    """None where the version is not supported: only ApiVersions is answered then."""
    size: int
    """In bytes."""

    @property
    def name(self) -> str:
        """The API's name."""
        return NAMES[self.key]


def _pairs() -> dict[int, tuple[Any, Any]]:
    """Return request and response class of every API, by its key."""
    spaces = [vars(module) for module in (admin, consumer, metadata, producer, sasl)] + [globals()]
    found: dict[str, Any] = {name: one for space in spaces for name, one in space.items() if isinstance(one, type)}
    pairs = {}
    for name, request in found.items():
        other = found.get(name.removesuffix("Request") + "Response")
        if name.endswith("Request") and other is not None and getattr(request, "API_KEY", None) is not None:
            pairs[int(request.API_KEY)] = (request, other)
    return pairs


_CLASSES: Final = _pairs()
NAMES: Final[Mapping[int, str]] = {key: pair[0].__name__.removesuffix("Request") for key, pair in _CLASSES.items()}

_ONLY_ZOOKEEPER: Final = frozenset({4, 5, 6, 7, 56, 58, 59, 67})
"""APIs that the table has of releases that could live without ZooKeeper, for it was taken from clusters with one."""
_ONLY_KRAFT: Final[Mapping[int, tuple[Release, tuple[int, int]]]] = {
    55: ((3, 3), (0, 1)),
    64: ((3, 3), (0, 0)),
    74: ((3, 7), (0, 0)),
    75: ((3, 8), (0, 0)),
    80: ((3, 9), (0, 0)),
    81: ((3, 9), (0, 0)),
}
"""What the table lacks therefore, with the release that brought it; 3.9.2 and 4.3.0 were asked."""
_SECOND_QUORUM: Final = (3, 9)
"""The release whose DescribeQuorum has a version 2."""


def offered(release: Release) -> dict[int, tuple[int, int]]:
    """Return the versions of every API that the brokers of a release list: {key: (lowest, highest)}."""
    table: dict[int, tuple[int, int]] = {int(key): span for key, span in BROKER_API_VERSIONS[release].items()}
    if release < FIRST_KRAFT:
        return table
    kraft = {key: span for key, (since, span) in _ONLY_KRAFT.items() if release >= since}
    if release >= _SECOND_QUORUM:
        kraft[55] = (0, 2)
    return kraft | {key: span for key, span in table.items() if key not in _ONLY_ZOOKEEPER}


def decode(frame: bytes, spans: Mapping[int, tuple[int, int]]) -> KafkaRequest:
    """Decode a frame (without its length); raises BadFrame where a broker would hang up."""
    if len(frame) < _HEADER.size + 2:
        raise BadFrame(f"a frame of {len(frame)} bytes is no request")
    key, version, correlation_id = _HEADER.unpack_from(frame)
    if key not in spans:
        raise BadFrame(f"API {key} is not offered")
    if key not in _CLASSES:
        raise BadFrame(f"API {key} is listed, as by a real broker, and left out")
    if not spans[key][0] <= version <= spans[key][1] or version < _lowest(key):
        if key != API_VERSIONS:
            raise BadFrame(f"{NAMES[key]} version {version} is not offered")
        return KafkaRequest(key, version, correlation_id, "", None, len(frame))
    try:
        body = _CLASSES[key][0].decode(frame, version=version, header=True)
        client_id = body.header.client_id or ""
    except _UNDECODABLE as error:
        raise BadFrame(f"{NAMES[key]} version {version} cannot be decoded: {error}") from None
    return KafkaRequest(key, version, correlation_id, client_id, body, len(frame))


def _lowest(key: int) -> int:
    """Return the lowest version that the message classes know: below it they guess."""
    return int(_CLASSES[key][0].valid_versions[0])


def encode(request: KafkaRequest, answer: Answer) -> bytes:
    """Encode an answer with its length and header."""
    response = _CLASSES[request.key][1]
    version = request.version if request.body is not None else 0  # KIP-511: everybody reads version 0 of ApiVersions
    message = _built(response, response._struct, answer, version)  # noqa: SLF001 - its tree of fields
    message.with_header(correlation_id=request.correlation_id)
    return bytes(message.encode(header=True, framed=True))


def can_throttle(request: KafkaRequest) -> bool:
    """Whether an answer can say for how long the client is throttled."""
    return request.body is not None and "throttle_time_ms" in _CLASSES[request.key][1].fields


def _built(cls: Any, fields: Any, answer: Answer, version: int) -> Any:  # noqa: ANN401
    """Turn mappings into message objects, all the way down; an unknown name raises ValueError."""
    values = {}
    for name, value in answer.items():
        field = fields.fields.get(name)
        if field is not None and not field.for_version_q(version):
            continue
        if field is not None and value is not None and field.is_struct_array():
            kind = field.data_class
            value = [_built(kind, kind._struct, one, version) for one in value]  # noqa: PLW2901, SLF001
        elif field is not None and value is not None and field.is_struct():
            value = _built(field.data_class, field.data_class._struct, value, version)  # noqa: PLW2901, SLF001
        values[name] = value
    return cls(version=version, **values)
