"""Faults by name: functions of what is broken, the time, and keywords."""

import inspect
import json
import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, get_args

from streamwatch.reference.http import HttpAnswer

_KINDS: Final[Mapping[type, str]] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class BadFault(ValueError):
    """A fault that does not exist, or does not fit what is to be broken."""


def options(fault: Callable[..., None]) -> list[inspect.Parameter]:
    """Return the keywords of a fault."""
    return [
        parameter
        for parameter in inspect.signature(fault).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]


def call(  # noqa: PLR0913, PLR0917 - the fault, and what it is given
    faults: Mapping[str, Callable[..., None]],
    target: object,
    now: float,
    name: str,
    parameters: Mapping[str, Any],
    heal_at: Callable[[float], object],
) -> None:
    """Apply a fault by its name; with ``seconds`` among its keywords ``heal_at`` gets the time to undo it.

    Raises:
        BadFault: there is no such fault, or it has no such option, or one is missing or of another kind.

    """
    if name not in faults:
        raise BadFault(f"{name!r} is no fault: one of {', '.join(faults)}")
    fault, values = faults[name], dict(parameters)
    seconds = _fitting(f"{name}: seconds", float | None, values.pop("seconds", None))
    known = {option.name: option.annotation for option in options(fault)}
    unknown = sorted(set(values) - known.keys())
    if unknown:
        raise BadFault(f"{name}: no such option: {', '.join(unknown)}: it has {', '.join(known) or 'none'}")
    fitting = {key: _fitting(f"{name}: {key}", known[key], value) for key, value in values.items()}
    needed = [option.name for option in options(fault) if option.default is option.empty]
    missing = [option for option in needed if option not in fitting]
    if missing:
        raise BadFault(f"{name}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    fault(target, now, **fitting)
    if seconds is not None:
        heal_at(now + seconds)


def _fitting(what: str, wanted: Any, value: Any) -> Any:  # noqa: ANN401 - an annotation, and what JSON holds
    """Return a value as an option wants it; a name that reads like a number is a name."""
    kinds = set(get_args(wanted) or (wanted,))
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if (value is None and type(None) in kinds) or type(value) in kinds - {float}:
        return value
    if float in kinds and is_number:
        return float(value)
    if str in kinds and isinstance(value, str | int | float):
        return value if isinstance(value, str) else json.dumps(value)
    shown = " or ".join(_KINDS[one] for one in _KINDS if one in kinds)
    raise BadFault(f"{what}: {value!r} is not {shown}")


def ordered(name: str, body: bytes, apply: Callable[[str, dict[str, Any]], None]) -> HttpAnswer:
    """Answer an order to a control endpoint: apply the fault that its body, a JSON object, gives the options of."""
    try:
        parameters = json.loads(body or b"{}")
        if not isinstance(parameters, dict):
            return HttpAnswer("a JSON object is wanted\n", status=HTTPStatus.BAD_REQUEST)
        apply(name, parameters)
    except ValueError as error:
        return HttpAnswer(f"{error}\n", status=HTTPStatus.BAD_REQUEST)
    return HttpAnswer(json.dumps({"done": name}) + "\n", "application/json")


def listed(faults: Mapping[str, Callable[..., None]]) -> str:
    """Return what faults there are, with their options, for people."""
    lines: list[str] = []
    for name, one in faults.items():
        shown = [p.name if p.default is p.empty else f"[{p.name}={p.default}]" for p in options(one)]
        lines += [f"{name} {' '.join(shown)}".rstrip(), f"    {one.__doc__}"]
    return "\n".join(lines)
