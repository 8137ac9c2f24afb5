"""CBOR as AWS's SDKs for Java speak it to Kinesis (RFC 8949): maps with text keys, byte strings, times as tag 1.

AWS counts tag 1 in milliseconds, where the standard says seconds: no library reads it so; that is why this is here.
"""

import struct
from typing import Any, Final

_MOST_DEPTH: Final = 32
_BREAK: Final = object()
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_INDEFINITE: Final = 31


class BadCbor(ValueError):
    """Bytes that are no CBOR."""


class CborTime(float):
    """Unix seconds that are written as a time."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise BadCbor("it ends too early")
        self._at += size
        return part

    def at_end(self) -> bool:
        return self._at == len(self._data)

    def value(self, depth: int = 0) -> Any:  # noqa: ANN401 - whatever it holds
        if depth > _MOST_DEPTH:
            raise BadCbor("it is nested too deeply")
        first = self.take(1)[0]
        major, minor = first >> 5, first & 31
        if major == 7:  # noqa: PLR2004 - simple values and floats
            return self._simple(minor)
        if minor == _INDEFINITE:
            return self._indefinite(major, depth)
        number = self._number(minor)
        return self._definite(major, number, depth)

    def _number(self, minor: int) -> int:
        if minor < 24:  # noqa: PLR2004 - in the byte itself
            return minor
        if minor > 27:  # noqa: PLR2004 - reserved
            raise BadCbor(f"length {minor} is reserved")
        return int.from_bytes(self.take(1 << (minor - 24)))

    def _definite(self, major: int, number: int, depth: int) -> Any:  # noqa: ANN401, PLR0911 - one a type
        match major:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self.take(number)
            case 3:
                return self.take(number).decode()
            case 4:
                return [self.value(depth + 1) for _ in range(number)]
            case 5:
                return {self._key(depth): self.value(depth + 1) for _ in range(number)}
            case _:
                inner = self.value(depth + 1)
                if number == 1 and isinstance(inner, int | float):
                    return CborTime(inner / 1000)
                return inner

    def _key(self, depth: int) -> str:
        key = self.value(depth + 1)
        if not isinstance(key, str):
            raise BadCbor(f"a key that is no text: {key!r}")
        return key

    def _indefinite(self, major: int, depth: int) -> Any:  # noqa: ANN401
        items = []
        while (item := self.value(depth + 1)) is not _BREAK:
            items.append(item)
        match major:
            case 2:
                return b"".join(items)
            case 3:
                return "".join(items)
            case 4:
                return items
            case 5:
                return dict(zip(items[::2], items[1::2], strict=True))
        raise BadCbor(f"type {major} has no indefinite length")

    def _simple(self, minor: int) -> Any:  # noqa: ANN401
        if minor in _SIMPLE:
            return _SIMPLE[minor]
        if minor == _INDEFINITE:
            return _BREAK
        forms = {25: ">e", 26: ">f", 27: ">d"}
        if minor not in forms:
            raise BadCbor(f"simple value {minor}")
        return struct.unpack(forms[minor], self.take(1 << (minor - 24)))[0]


def loads(data: bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """Return the value that the bytes hold; raises BadCbor."""
    reader = _Reader(data)
    try:
        value = reader.value()
    except (TypeError, UnicodeDecodeError) as error:
        raise BadCbor(str(error)) from error
    if not reader.at_end() or value is _BREAK:
        raise BadCbor("something follows its end")
    return value


def dumps(value: Any) -> bytes:  # noqa: ANN401
    """Return the bytes of a value of dicts, lists, str, bytes, int, float, bool, None and Time."""
    parts: list[bytes] = []
    _write(value, parts)
    return b"".join(parts)


def _head(major: int, number: int) -> bytes:
    if number < 24:  # noqa: PLR2004 - fits into the byte itself
        return bytes((major << 5 | number,))
    for minor, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes((major << 5 | minor,)) + number.to_bytes(size)
    raise BadCbor(f"{number} is too large")


def _write(value: Any, parts: list[bytes]) -> None:  # noqa: ANN401, C901 - one branch a type
    if isinstance(value, dict):
        parts.append(_head(5, len(value)))
        for key, one in value.items():
            _write(key, parts)
            _write(one, parts)
    elif isinstance(value, str):
        data = value.encode()
        parts += (_head(3, len(data)), data)
    elif isinstance(value, bytes):
        parts += (_head(2, len(value)), value)
    elif isinstance(value, list):
        parts.append(_head(4, len(value)))
        for one in value:
            _write(one, parts)
    elif value is None:
        parts.append(b"\xf6")
    elif isinstance(value, bool):
        parts.append(b"\xf5" if value else b"\xf4")
    elif isinstance(value, CborTime):
        parts.append(b"\xc1")
        _write(round(value * 1000), parts)
    elif isinstance(value, int):
        parts.append(_head(0, value) if value >= 0 else _head(1, -1 - value))
    else:
        parts.append(b"\xfb" + struct.pack(">d", value))
