"""Any message of an independent codec (kio), drawn from the types of its fields, and as plain values."""

import dataclasses
import enum
import types
import typing
import uuid
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from kio.static import primitive

from tests.sources.kafka.codec.kafka_answers import NAMES

_NUMBERS: Final = (
    (primitive.i8, -(2**7), 2**7 - 1),
    (primitive.i16, -(2**15), 2**15 - 1),
    (primitive.u16, 0, 2**16 - 1),
    (primitive.i32, -(2**31), 2**31 - 1),
    (primitive.i64, -(2**63), 2**63 - 1),
)


def entities(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Draw a message, or a part of one."""
    hints = typing.get_type_hints(kind)
    fields = {field.name: _values(hints[field.name]) for field in dataclasses.fields(kind)}
    return st.fixed_dictionaries(fields).map(lambda drawn: kind(**drawn))


def _values(kind: Any) -> st.SearchStrategy[Any]:
    given = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return st.lists(_values(given[0]), max_size=2).map(tuple)
    if isinstance(kind, types.UnionType):
        return st.none() | _values(given[0])
    if dataclasses.is_dataclass(kind):
        return entities(typing.cast("type[Any]", kind))
    return _plain(kind)


def _plain(kind: Any) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    if kind is uuid.UUID:
        return st.integers(1, 2**128 - 1).map(lambda number: uuid.UUID(int=number))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(list(kind))
    if kind is primitive.i32Timedelta:
        return st.integers(0, 2**31 - 1).map(
            lambda number: primitive.i32Timedelta.parse(timedelta(milliseconds=number))
        )
    for number, least, most in _NUMBERS:
        if kind is number:
            return st.integers(least, most).map(number)
    return NAMES.map(kind)


def plain(value: Any) -> Any:
    """Return a message of either codec as dictionaries, lists and values of Python."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {_name(field.name): plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, dict):
        return {_name(name): plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, timedelta):
        return round(value / timedelta(milliseconds=1))
    return str(value) if isinstance(value, uuid.UUID) else value


def _name(field: str) -> str:
    return field.removesuffix("_ms")
