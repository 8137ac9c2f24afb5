"""The query protocol: parameters in a form, answers in XML, as older SDKs speak it to CloudWatch, and all to STS."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import Shape

from streamwatch.reference.aws.shapes import iso

_MOST_MEMBERS: Final = 10_000


def form(body: bytes) -> dict[str, str]:
    """Return the fields of a form; raises ValueError where it is none."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_MEMBERS))


def parameters(shape: Shape | None, fields: dict[str, str]) -> dict[str, Any]:
    """Return the parameters that a form holds, as JSON would hold them, but with numbers as text."""
    if shape is None:
        return {}
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        place = tree
        *parts, last = name.split(".")
        for part in parts:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f"{name} is a value and a structure")  # noqa: TRY004 - of what was sent
            place = inner
        place[last] = value
    found: dict[str, Any] = _folded(shape, tree)
    return found


def _folded(shape: Any, value: Any) -> Any:  # noqa: ANN401 - botocore's, without types
    """Turn ``{"member": {"1": ...}}`` into lists, where the shape says so."""
    if not isinstance(value, dict):
        return value
    if shape.type_name == "structure":
        names = {one.serialization.get("name", name): (name, one) for name, one in shape.members.items()}
        return {names[key][0]: _folded(names[key][1], one) for key, one in value.items() if key in names}
    if shape.type_name == "list":
        items = value.get(shape.member.serialization.get("name", "member"), value)
        return [_folded(shape.member, items[key]) for key in sorted(items, key=int)]
    if shape.type_name == "map":
        entries = value.get("entry", value)
        return {one["key"]: _folded(shape.value, one["value"]) for _, one in sorted(entries.items())}
    return value


def answer(operation: str, namespace: str, shape: Shape | None, value: dict[str, Any], request: str) -> str:
    """Return the XML of an answer."""
    inner = "".join(_elements(shape, value)) if shape is not None else ""
    result = f"<{operation}Result>{inner}</{operation}Result>" if shape is not None else ""
    about = f"<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata>"
    return f'<{operation}Response xmlns="{namespace}">{result}{about}</{operation}Response>'


def failure(code: str, message: str, request: str) -> str:
    """Return the XML of a refusal."""
    error = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    return f"<ErrorResponse><Error>{error}</Error><RequestId>{request}</RequestId></ErrorResponse>"


def _elements(shape: Any, value: dict[str, Any]) -> Iterator[str]:  # noqa: ANN401
    for name, one in value.items():
        if name in shape.members and one is not None:
            member = shape.members[name]
            yield _element(member.serialization.get("name", name), member, one)


def _element(name: str, shape: Any, value: Any) -> str:  # noqa: ANN401
    if shape.type_name == "structure":
        inner = "".join(_elements(shape, value))
    elif shape.type_name == "list":
        inner = "".join(_element("member", shape.member, one) for one in value)
    elif shape.type_name == "timestamp":
        inner = iso(value)
    elif shape.type_name == "boolean":
        inner = "true" if value else "false"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
