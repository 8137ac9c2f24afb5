"""Whether an answer is of the form that botocore knows: it hands on whatever a broken service puts there.

Each operation's form is made into a check once, that goes through an answer once; which part is odd is looked for only
where one is.
"""

from collections.abc import Callable, Mapping
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
_CONTAINERS: Final = frozenset({"structure", "list", "map"})
_LARGEST: Final = 2**63
"""No number of AWS's has more than 64 bits; of JSON there may be any, which no float holds."""
Check = Callable[[Any], bool]


class Form:
    """The form of an operation's answers."""

    def __init__(self, shape: Shape) -> None:
        """Make the check of a shape."""
        self._shape = shape
        self._fits = _check(shape, {})

    def misfit(self, answer: Any) -> str | None:  # noqa: ANN401 - whatever a service puts there
        """Return which part of an answer is not what it should be; None where all that is there is."""
        return None if self._fits(answer) else _misfit(self._shape, answer, "")


def _check(shape: Shape, known: dict[str, Check]) -> Check:
    """Return the check of a shape; ``known`` are those that are made already, by name: a shape may hold itself."""
    if shape.type_name not in _CONTAINERS:
        return _scalars(shape)[0]
    if shape.name not in known:
        made: list[Check] = []

        def itself(value: Any) -> bool:  # noqa: ANN401 - whatever a service puts there
            return made[0](value)

        known[shape.name] = itself
        made.append({"structure": _structure, "list": _list, "map": _map}[shape.type_name](shape, known))
        known[shape.name] = made[0]
    return known[shape.name]


def _structure(shape: Shape, known: dict[str, Check]) -> Check:
    members = {name: _check(member, known) for name, member in shape.members.items()}

    def fits(value: Any) -> bool:  # noqa: ANN401 - whatever a service puts there
        if not isinstance(value, dict):
            return False
        for name, part in value.items():
            check = members.get(name)
            if check is not None and not check(part):
                return False
        return True

    return fits


def _list(shape: Shape, known: dict[str, Check]) -> Check:
    each = _each(shape.member, known)
    return lambda value: isinstance(value, list) and each(value)


def _map(shape: Shape, known: dict[str, Check]) -> Check:
    each = _each(shape.value, known)
    return lambda value: isinstance(value, dict) and each(list(value.values()))


def _each(shape: Shape, known: dict[str, Check]) -> Callable[[list[Any]], bool]:
    """Return the check of many values of a shape: all of them at once where they hold no others."""
    if shape.type_name not in _CONTAINERS:
        return _scalars(shape)[1]
    check = _check(shape, known)
    return lambda values: all(map(check, values))


def _scalars(shape: Shape) -> tuple[Check, Callable[[list[Any]], bool]]:
    """Return the checks of one value that holds no others, and of many."""
    kind = _KINDS.get(shape.type_name)
    if kind is None:
        return (lambda _: True), (lambda _: True)
    types = frozenset(kind if isinstance(kind, tuple) else (kind,))

    def fits(value: Any) -> bool:  # noqa: ANN401 - whatever a service puts there
        return isinstance(value, kind) and not _is_too_large(value)

    def each(values: list[Any]) -> bool:
        there = set(map(type, values))
        return (int not in there and types.issuperset(there)) or all(map(fits, values))

    return fits, each


def _is_too_large(value: Any) -> bool:  # noqa: ANN401 - whatever a service puts there
    return isinstance(value, int) and not -_LARGEST <= value < _LARGEST


def _misfit(shape: Shape, value: Any, path: str) -> str | None:  # noqa: ANN401 - whatever a service puts there
    kind = _KINDS.get(shape.type_name)
    if kind is not None and (not isinstance(value, kind) or _is_too_large(value)):
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
