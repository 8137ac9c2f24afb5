"""Single values of a configuration: what a text of YAML means as a number, a duration, an address or a path."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import yaml

from streamwatch.core.patterns import quickest
from streamwatch.settings.types import HostPort

_DURATIONS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_SECONDS: Final = 36_500 * 86_400.0
"""No clock can wait for much longer."""
_SIZES: Final = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_NUMBER: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([a-zA-Z]*)")


class Wrong(Exception):
    """A value is not what it should be; holds what is wrong and what is allowed."""


def _bool(node: yaml.ScalarNode, tag: str) -> bool:
    if tag != "bool":
        raise Wrong(f"{node.value!r} is neither true nor false")
    return str(node.value).lower() in {"true", "yes", "on"}


def _int(node: yaml.ScalarNode, tag: str) -> int:
    if tag != "int" or not re.fullmatch(r"[+-]?\d{1,18}", node.value):
        raise Wrong(f"{node.value!r} is not a whole number")
    return int(node.value)


def _str(node: yaml.ScalarNode, tag: str) -> str:
    if not node.value:
        raise Wrong("text is wanted here")
    if tag != "str":
        raise Wrong(f"{node.value!r} is not text: put it in quotes")
    return str(node.value)


def _duration(node: yaml.ScalarNode, _: Path) -> float:
    seconds = _quantity(node.value, _DURATIONS, "15s")
    if seconds > _LONGEST_SECONDS:
        raise Wrong(f"{node.value!r} is longer than a hundred years, 36500d")
    return seconds


def _size(node: yaml.ScalarNode, _: Path) -> int:
    return int(_quantity(node.value, _SIZES, "64MiB"))


def _dollars(node: yaml.ScalarNode, _: Path) -> float:
    match = _NUMBER.fullmatch(node.value.strip())
    if not match or match[2]:
        raise Wrong(f"{node.value!r} is no price: write dollars, like '0.015'")
    return float(match[1])


def _quantity(text: str, units: Mapping[str, float], example: str) -> float:
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        raise Wrong(f"{text!r} is not an amount with a unit: write it like {example!r}")
    number, unit = match.groups()
    if not unit:
        likely = re.sub(r"[\d.]", "", example)
        raise Wrong(f"{text!r} has no unit: write '{number}{likely}'")
    if unit not in units:
        raise Wrong(f"{text!r} has an unknown unit: allowed are {', '.join(units)}")
    return float(number) * units[unit]


def _host_port(node: yaml.ScalarNode, _tag: str) -> HostPort:
    try:
        return HostPort.read(node.value)
    except ValueError as error:
        raise Wrong(str(error)) from error


def _pattern(node: yaml.ScalarNode, _: Path) -> str:
    try:
        quickest(node.value)
    except ValueError as error:
        raise Wrong(f"{node.value!r} is not a regular expression of RE2: {error}") from error
    return str(node.value)


def file(node: yaml.ScalarNode, folder: Path) -> str:
    """Return the path of a file that can be read.

    Raises:
        Wrong: it cannot.

    """
    try:
        path = folder / Path(node.value).expanduser()
        if path.exists() and not (path.is_file() or path.is_dir() or path.samefile(os.devnull)):
            # A device may have no end, and a pipe waits for somebody who writes.
            raise Wrong(f"{node.value!r} is a device, a pipe or a socket: give the path of a file")
        with path.open("rb"):
            return str(path)
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise Wrong(f"{node.value!r} cannot be read: {why}: give the path of a file") from error


def _place(node: yaml.ScalarNode, folder: Path) -> str:
    try:
        return str(folder / Path(node.value).expanduser())
    except (ValueError, RuntimeError) as error:
        raise Wrong(f"{node.value!r}: {error}: give a path") from error


PLAIN: Final[Mapping[type, Callable[[yaml.ScalarNode, str], object]]] = {
    bool: _bool,
    int: _int,
    str: _str,
    HostPort: _host_port,
}
SPECIAL: Final = {
    "duration": _duration,
    "size": _size,
    "dollars": _dollars,
    "pattern": _pattern,
    "path": file,
    "place": _place,
}
