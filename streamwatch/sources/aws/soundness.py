"""Whether an answer is of the form that botocore knows: it hands on whatever a broken service puts there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from botocore.model import Shape

_KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "character": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": datetime,
    "blob": bytes,
}


def misfit(shape: Shape | None, answer: Any) -> str | None:  # noqa: ANN401 - whatever a service puts there
    """Return which part of an answer is not what it should be; None where all that is there is."""
    return None if shape is None else _misfit(shape, answer, "")


def _misfit(shape: Shape, value: Any, path: str) -> str | None:  # noqa: ANN401 - the same
    kind = _KINDS.get(shape.type_name)
    if kind is not None and not isinstance(value, kind):
        return path or "all of it"
    parts: list[tuple[Shape, Any, str]] = []
    if shape.type_name == "structure":
        members = shape.members
        parts = [(members[name], value[name], f"{path}.{name}" if path else name) for name in value if name in members]
    elif shape.type_name == "list":
        parts = [(shape.member, one, f"{path}[]") for one in value]
    elif shape.type_name == "map":
        parts = [(shape.value, one, f"{path}{{}}") for one in value.values()]
    return next((found for part in parts if (found := _misfit(*part)) is not None), None)
