"""Remote write read back: protobuf's wire format as its documentation has it, and the fields of the two messages."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_WIRE_VARINT, _WIRE_64, _WIRE_BYTES = 0, 1, 2


@dataclass(frozen=True)
class Point:
    labels: dict[str, str]
    order: tuple[str, ...]
    """The labels' names, as they were sent."""
    value: float
    bits: int
    at_ms: int
    kind: int = 0
    help: str = ""


def varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _WIRE_VARINT:
            value, at = varint(data, at)
            yield number, value
        elif wire == _WIRE_64:
            yield number, data[at : at + 8]
            at += 8
        else:
            assert wire == _WIRE_BYTES
            size, at = varint(data, at)
            yield number, data[at : at + size]
            at += size


def blob(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def sample(data: bytes) -> tuple[float, int, int]:
    found = dict(fields(data))
    raw, at = blob(found[1]), found[2]
    assert isinstance(at, int)
    return struct.unpack("<d", raw)[0], struct.unpack("<Q", raw)[0], at


def read_1(body: bytes) -> list[Point]:
    """``prometheus.WriteRequest``."""
    points = []
    for number, series in fields(body):
        assert number == 1
        pairs, one = [], b""
        for inner, value in fields(blob(series)):
            if inner == 1:
                label = {key: blob(text).decode() for key, text in fields(blob(value))}
                pairs.append((label[1], label[2]))
            else:
                assert inner == 2
                one = blob(value)
        points.append(Point(dict(pairs), tuple(name for name, _ in pairs), *sample(one)))
    return points


def read_2(body: bytes) -> list[Point]:
    """``io.prometheus.write.v2.Request``."""
    symbols = [blob(value).decode() for number, value in fields(body) if number == 4]
    assert symbols[0] == ""
    points = []
    for number, series in fields(body):
        if number == 4:
            continue
        assert number == 5
        inner = dict(fields(blob(series)))
        refs, at, packed = [], 0, blob(inner[1])
        while at < len(packed):
            ref, at = varint(packed, at)
            refs.append(symbols[ref])
        pairs = list(zip(refs[::2], refs[1::2], strict=True))
        told = dict(fields(blob(inner[5])))
        kind, help_ref = told[1], told[3]
        assert isinstance(kind, int)
        assert isinstance(help_ref, int)
        names = tuple(name for name, _ in pairs)
        points.append(Point(dict(pairs), names, *sample(blob(inner[2])), kind, symbols[help_ref]))
    return points
