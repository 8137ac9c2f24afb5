"""Remote write read back by Google's protobuf library: the two messages, as Prometheus's .proto files declare them.

https://github.com/prometheus/prometheus/tree/main/prompb has ``types.proto``, ``remote.proto`` and
``io/prometheus/write/v2/types.proto``. Declared are the fields that we send: any other one is unknown, and an error.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

_MESSAGES: Final[Mapping[str, Mapping[str, tuple[int, str]]]] = {
    "WriteRequest": {"timeseries": (1, "*TimeSeries")},
    "TimeSeries": {"labels": (1, "*Label"), "samples": (2, "*Sample")},
    "Label": {"name": (1, "string"), "value": (2, "string")},
    "Sample": {"value": (1, "double"), "timestamp": (2, "int64")},
    "Request": {"symbols": (4, "*string"), "timeseries": (5, "*TimeSeries2")},
    "TimeSeries2": {"labels_refs": (1, "*uint32"), "samples": (2, "*Sample"), "metadata": (5, "Metadata")},
    "Metadata": {"type": (1, "int32"), "help_ref": (3, "uint32"), "unit_ref": (4, "uint32")},
}
"""Of each message, of each field its number and type; a star: it is repeated."""
_METADATA_TYPES: Final = {1: "counter", 2: "gauge"}


@dataclass(frozen=True)
class Point:
    labels: dict[str, str]
    order: tuple[str, ...]
    """The labels' names, as they were sent."""
    value: float
    bits: int
    at_ms: int
    kind: str = ""
    help: str = ""
    unit: str = ""


@cache
def _pool() -> DescriptorPool:
    file = FileDescriptorProto(name="remote_write.proto", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = DescriptorProto(name=name)
        for field, (number, kind) in fields.items():
            type_name = kind.removeprefix("*")
            is_message = type_name in _MESSAGES
            message.field.add(
                name=field,
                number=number,
                label="LABEL_REPEATED" if kind != type_name else "LABEL_OPTIONAL",
                type=FieldDescriptorProto.Type.Value("TYPE_MESSAGE" if is_message else f"TYPE_{type_name.upper()}"),
                type_name=type_name if is_message else None,
            )
        file.message_type.append(message)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _read(name: str, body: bytes) -> Any:
    message = GetMessageClass(_pool().FindMessageTypeByName(name))()
    message.ParseFromString(body)
    assert not _unknown(message)
    return message


def _unknown(message: Any) -> list[int]:
    """Return the numbers of fields, at any depth, that the messages do not have."""
    numbers = [field.field_number for field in UnknownFieldSet(message)]
    for field, value in message.ListFields():
        if field.message_type is not None:
            numbers += [number for inner in (value if field.is_repeated else [value]) for number in _unknown(inner)]
    return numbers


def _point(pairs: Sequence[tuple[str, str]], series: Any, **more: str) -> Point:
    (sample,) = series.samples
    (bits,) = struct.unpack("<Q", struct.pack("<d", sample.value))
    return Point(dict(pairs), tuple(name for name, _ in pairs), sample.value, bits, sample.timestamp, **more)


def read_1(body: bytes) -> list[Point]:
    """``prometheus.WriteRequest``."""
    return [
        _point([(label.name, label.value) for label in series.labels], series)
        for series in _read("WriteRequest", body).timeseries
    ]


def read_2(body: bytes) -> list[Point]:
    """``io.prometheus.write.v2.Request``."""
    request = _read("Request", body)
    symbols = request.symbols
    assert symbols[0] == ""
    points = []
    for series in request.timeseries:
        texts = [symbols[ref] for ref in series.labels_refs]
        pairs = list(zip(texts[::2], texts[1::2], strict=True))
        metadata = series.metadata
        more = {
            "kind": _METADATA_TYPES[metadata.type],
            "help": symbols[metadata.help_ref],
            "unit": symbols[metadata.unit_ref],
        }
        points.append(_point(pairs, series, **more))
    return points
