"""From what a client sent to plain values and back, by botocore's descriptions of AWS's APIs.

Each shape becomes a function once, so that a call costs no walk over descriptions. Blobs are bytes, times Unix seconds.
botocore's own validator checks presence, types and minima only; AWS checks maxima, patterns and enumerations too.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

import botocore.session
from botocore.model import ServiceModel, Shape

from streamwatch.reference.aws import cbor

Wire = Literal["json", "cbor", "iso"]
"""How blobs and times look: AWS JSON, AWS CBOR, or JSON with times in ISO 8601 (REST, XML)."""
_Read = Callable[[Any, str, list[str]], Any]
_Write = Callable[[Any], Any]
_MOST_SHOWN: Final = 200


class Malformed(Exception):
    """What came is not of the form that the API describes (SerializationException)."""


class Invalid(Exception):
    """What came breaks constraints of the API (ValidationException)."""


@cache
def service(name: str) -> ServiceModel:
    """Return botocore's description of a service."""
    return botocore.session.get_session().get_service_model(name)


@cache
def _reader(shape: Shape, wire: Wire) -> _Read:
    made: dict[str, Callable[[Shape, Wire], _Read]] = {
        "structure": _structure,
        "list": _list,
        "map": _map,
        "blob": _blob,
        "timestamp": _time,
        "boolean": lambda *_: _typed(bool),
        "string": _string,
    }
    return made.get(shape.type_name, _number)(shape, wire)


def _later(shape: Shape, wire: Wire) -> _Read:
    """Return a reader that is made when it is first used: DynamoDB's values hold values, without an end."""

    @cache
    def made() -> _Read:
        return _reader(shape, wire)

    def later(value: Any, where: str, wrong: list[str]) -> Any:  # noqa: ANN401
        return made()(value, where, wrong)

    return later


def read(shape: Shape | None, value: Any, wire: Wire) -> dict[str, Any]:  # noqa: ANN401 - whatever came
    """Return the parameters of a call.

    Raises:
        Malformed: a value is of the wrong type.
        Invalid: values break constraints; all of them are named.

    """
    if shape is None:
        return {}
    wrong: list[str] = []
    found: dict[str, Any] = _reader(shape, wire)(value, "", wrong)
    if wrong:
        plural = "s" * (len(wrong) > 1)
        raise Invalid(f"{len(wrong)} validation error{plural} detected: {'; '.join(wrong)}")
    return found


def _wrong(value: Any, where: str, constraint: str) -> str:  # noqa: ANN401
    shown = str(value)[:_MOST_SHOWN]
    return f"Value '{shown}' at '{where}' failed to satisfy constraint: {constraint}"


def _structure(shape: Any, wire: Wire) -> _Read:  # noqa: ANN401 - botocore's, without types
    members = {
        one.serialization.get("name", name): (name, name[0].lower() + name[1:], _reader(one, wire))
        for name, one in shape.members.items()
        if one.serialization.get("location") in {None, "uri", "querystring"}
    }
    wanted = [(name, name[0].lower() + name[1:]) for name in shape.required_members]

    def structure(value: Any, where: str, wrong: list[str]) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            raise Malformed(f"{where or 'the request'} is no structure")
        found = {}
        for key, parameters in value.items():
            known = members.get(key)
            if known is not None and parameters is not None:
                name, shown, inner = known
                found[name] = inner(parameters, f"{where}.{shown}" if where else shown, wrong)
        for name, shown in wanted:
            if name not in found:
                wrong.append(_wrong("null", f"{where}.{shown}" if where else shown, "Member must not be null"))
        return found

    return structure


def _list(shape: Any, wire: Wire) -> _Read:  # noqa: ANN401
    inner, check = _later(shape.member, wire), _length(shape)

    def many(value: Any, where: str, wrong: list[str]) -> Any:  # noqa: ANN401
        if not isinstance(value, list):
            raise Malformed(f"{where} is no list")
        check(value, len(value), where, wrong)
        return [inner(one, f"{where}.{index}.member", wrong) for index, one in enumerate(value, 1)]

    return many


def _map(shape: Any, wire: Wire) -> _Read:  # noqa: ANN401
    key, inner, check = _reader(shape.key, wire), _later(shape.value, wire), _length(shape)

    def mapping(value: Any, where: str, wrong: list[str]) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            raise Malformed(f"{where} is no map")
        check(value, len(value), where, wrong)
        return {key(name, where, wrong): inner(one, f"{where}.{name}.member", wrong) for name, one in value.items()}

    return mapping


def _length(shape: Any) -> Callable[[Any, int, str, list[str]], None]:  # noqa: ANN401
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")

    def check(value: Any, length: int, where: str, wrong: list[str]) -> None:  # noqa: ANN401
        if length < least:
            wrong.append(_wrong(value, where, f"Member must have length greater than or equal to {least}"))
        elif most is not None and length > most:
            wrong.append(_wrong(value, where, f"Member must have length less than or equal to {most}"))

    return check


def _blob(shape: Any, wire: Wire) -> _Read:  # noqa: ANN401
    check = _length(shape)

    def blob(value: Any, where: str, wrong: list[str]) -> bytes:  # noqa: ANN401
        if wire == "cbor" and isinstance(value, bytes):
            data = value
        else:
            try:
                data = base64.b64decode(value, validate=True)
                if value.endswith("=") and base64.b64encode(base64.b64decode(value[-4:])).decode() != value[-4:]:
                    raise Malformed(f"{where} is no base64: its last character has bits that nothing is made of")
            except (TypeError, ValueError, binascii.Error) as error:
                raise Malformed(f"{where} is no base64") from error
        check(b"", len(data), where, wrong)
        return data

    return blob


def _string(shape: Any, _: Wire) -> _Read:  # noqa: ANN401
    check, allowed = _length(shape), frozenset(shape.enum)
    pattern = shape.metadata.get("pattern")
    fits = re.compile(_pythonic(pattern)).fullmatch if pattern else None

    def string(value: Any, where: str, wrong: list[str]) -> Any:  # noqa: ANN401
        if not isinstance(value, str):
            raise Malformed(f"{where} is no string")
        check(value, len(value), where, wrong)
        if allowed and value not in allowed:
            named = ", ".join(sorted(allowed))
            wrong.append(_wrong(value, where, f"Member must satisfy enum value set: [{named}]"))
        if fits is not None and not fits(value):
            wrong.append(_wrong(value, where, f"Member must satisfy regular expression pattern: {pattern}"))
        return value

    return string


def _pythonic(pattern: str) -> str:
    """Return a pattern without Java's own classes."""
    return pattern.replace("\\p{L}", "^\\W\\d_").replace("\\p{Z}", "\\s").replace("\\p{N}", "\\d")


def _number(shape: Any, wire: Wire) -> _Read:  # noqa: ANN401
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    whole = shape.type_name in {"integer", "long"}

    def number(value: Any, where: str, wrong: list[str]) -> Any:  # noqa: ANN401
        if wire == "iso" and isinstance(value, str):
            value = _parsed(value, where)
        if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
            raise Malformed(f"{where} is no {shape.type_name}")
        if least is not None and value < least:
            wrong.append(_wrong(value, where, f"Member must have value greater than or equal to {least}"))
        if most is not None and value > most:
            wrong.append(_wrong(value, where, f"Member must have value less than or equal to {most}"))
        return int(value) if whole else value

    return number


def _parsed(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Malformed(f"{where} is no number") from error


def _typed(kind: type) -> _Read:
    def typed(value: Any, where: str, _: list[str]) -> Any:  # noqa: ANN401
        if value in {"true", "false"}:
            value = value == "true"
        if not isinstance(value, kind):
            raise Malformed(f"{where} is no {kind.__name__}")
        return value

    return typed


def _time(_: Shape, wire: Wire) -> _Read:
    def time(value: Any, where: str, _: list[str]) -> float:  # noqa: ANN401
        if wire == "iso" and isinstance(value, str):
            try:
                return datetime.fromisoformat(value).timestamp()
            except ValueError:
                return _parsed(value, where)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed(f"{where} is no timestamp")
        return float(value)

    return time


@cache
def writer(shape: Shape, wire: Wire) -> _Write:
    """Return what makes an answer's plain values ready for JSON or CBOR; what the API does not describe is left out."""
    kind: Any = shape
    if shape.type_name == "structure":
        members = {name: (one.serialization.get("name", name), writer(one, wire)) for name, one in kind.members.items()}
        return lambda value: {
            members[name][0]: members[name][1](one)
            for name, one in value.items()
            if name in members and one is not None
        }
    if shape.type_name == "list":
        inner = _written_later(kind.member, wire)
        return lambda value: [inner(one) for one in value]
    if shape.type_name == "map":
        inner = _written_later(kind.value, wire)
        return lambda value: {name: inner(one) for name, one in value.items()}
    if shape.type_name == "blob":
        return _same if wire == "cbor" else _base64
    if shape.type_name == "timestamp":
        return cbor.CborTime if wire == "cbor" else _rounded if wire == "json" else iso
    return _same


def _written_later(shape: Shape, wire: Wire) -> _Write:
    @cache
    def made() -> _Write:
        return writer(shape, wire)

    def later(value: Any) -> Any:  # noqa: ANN401
        return made()(value)

    return later


def _same(value: Any) -> Any:  # noqa: ANN401
    return value


def _rounded(value: float) -> float:
    return round(value, 3)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def iso(at: float) -> str:
    """Return a time as XML and REST tell it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def answer_of(shape: Shape | None, value: Mapping[str, Any], wire: Wire) -> Any:  # noqa: ANN401
    """Return an answer ready to be dumped."""
    return {} if shape is None else writer(shape, wire)(value)
