"""From YAML to a ``Config``: every mistake at once, each with its file, line, what is wrong and what is allowed.

Works for any dataclass declared with ``streamwatch.model.settings.setting``; what the settings mean is not known here.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from streamwatch.errors import ConfigError
from streamwatch.model.settings import Secret, Setting

Settings = TypeVar("Settings")

_MOST_BYTES: Final = 2**20
_MOST_NODES: Final = 20_000
_DURATIONS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES: Final = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_MAPPING, _SEQUENCE = yaml.MappingNode, yaml.SequenceNode


class _Wrong(Exception):
    """A value is not what it should be; holds what is wrong and what is allowed."""


def read_settings(
    cls: type[Settings], text: str, where: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Settings:
    """Read a YAML text into an object of this dataclass.

    Args:
        cls: the dataclass.
        text: the YAML.
        where: what the text is called in messages.
        folder: what relative paths count from.
        environment: where ``${NAME}`` is looked up; the process's by default.

    Raises:
        ConfigError: with every mistake.

    """
    sheet = _Sheet(where, folder, os.environ if environment is None else environment)
    found = sheet.convert(cls, sheet.compose(text), "")
    if sheet.mistakes:
        raise ConfigError([mistake for _, mistake in sorted(sheet.mistakes, key=lambda one: one[0])])
    assert isinstance(found, cls)  # noqa: S101 - without mistakes it is one
    return found


class _Sheet:
    """One file while it is read: converts nodes, and collects mistakes with their lines."""

    def __init__(self, where: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.mistakes: list[tuple[int, str]] = []
        self._where = where
        self._folder = folder
        self._environment = environment
        self._visited = 0

    def compose(self, text: str) -> yaml.Node:
        """Parse the text; an empty one is an empty mapping."""
        if len(text.encode("utf-8", "replace")) > _MOST_BYTES:
            raise ConfigError([f"{self._where}: larger than {_MOST_BYTES} bytes: is this the right file?"])
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark or _start()
            line = mark.line + 1
            raise ConfigError([f"{self._where}:{line}: not YAML: {error.problem or error.context}"]) from error
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise ConfigError([f"{self._where}: not YAML: {str(error).splitlines()[0]}"]) from error
        return node if node is not None else _MAPPING("tag:yaml.org,2002:map", [], _start(), _start())

    def wrong(self, node: yaml.Node, path: str, what: str) -> None:
        """Note a mistake at a node."""
        line = node.start_mark.line + 1
        self.mistakes.append(
            (line, f"{self._where}:{line}: {path}: {what}" if path else f"{self._where}:{line}: {what}")
        )

    def convert(self, kind: Any, node: yaml.Node, path: str) -> Any:  # noqa: ANN401 - whatever the declaration says
        """Return what a node means as this type; None, and a mistake noted, where it means nothing of the kind."""
        self._visited += 1
        if self._visited > _MOST_NODES:
            raise ConfigError([f"{self._where}: more than {_MOST_NODES} values: do its anchors multiply?"])
        if get_origin(kind) in {Union, UnionType}:
            if _is_null(node):
                return None
            kind = next(one for one in get_args(kind) if one is not NoneType)
        if is_dataclass(kind):
            return self._object(kind, node, path)
        if get_origin(kind) is tuple:
            return self._list(get_args(kind)[0], node, path)
        try:
            return self._scalar(kind, node)
        except _Wrong as wrong:
            self.wrong(node, path, str(wrong))
            return None

    def _list(self, kind: Any, node: yaml.Node, path: str) -> tuple[Any, ...]:  # noqa: ANN401
        if not isinstance(node, _SEQUENCE):
            self.wrong(node, path, f"{_shown(node)} is not a list: write '[...]' or one '- ...' a line")
            return ()
        return tuple(self.convert(kind, one, f"{path}[{i}]") for i, one in enumerate(node.value))

    def _object(self, cls: Any, node: yaml.Node, path: str) -> Any:  # noqa: ANN401
        if not isinstance(node, _MAPPING):
            keys = ", ".join(field.name for field in fields(cls))
            self.wrong(node, path, f"{_shown(node)} is not a mapping: allowed keys are {keys}")
            return None
        before = len(self.mistakes)
        given = self._keys(cls, node, path)
        hints = get_type_hints(cls, include_extras=True)
        values = {}
        for field in fields(cls):
            at = f"{path}.{field.name}" if path else field.name
            if field.name in given:
                values[field.name] = self.convert(hints[field.name], given[field.name], at)
                self._check_bounds(field.metadata["setting"], values[field.name], given[field.name], at)
            elif f"{field.name}_file" in given and _is_secret(hints[field.name]):
                values[field.name] = self._secret_file(given[f"{field.name}_file"], f"{at}_file")
            elif field.default is MISSING and field.default_factory is MISSING:
                self.wrong(node, path, f"{field.name!r} is missing: {field.metadata['setting'].help}")
        if len(self.mistakes) > before:
            return None
        try:
            return cls(**values)
        except ValueError as error:
            name, _, rest = str(error).partition(": ")
            if name in {field.name for field in fields(cls)}:
                self.wrong(given.get(name, node), f"{path}.{name}" if path else name, rest)
            else:
                self.wrong(node, path, str(error))
            return None

    def _keys(self, cls: Any, node: yaml.MappingNode, path: str) -> dict[str, yaml.Node]:  # noqa: ANN401
        """Return the values of a mapping by key; keys that are unknown or come twice are mistakes."""
        hints = get_type_hints(cls, include_extras=True)
        known = [field.name for field in fields(cls)]
        twins = [f"{name}_file" for name in known if _is_secret(hints[name])]
        given: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in given:
                self.wrong(key, path, f"{name!r} comes twice: keep one")
            elif name not in known and name not in twins:
                close = difflib.get_close_matches(name, [*known, *twins], 1, 0.7)
                hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(known)}"
                self.wrong(key, path, f"unknown key {name!r}: {hint}")
            elif name.removesuffix("_file") in given and name in twins:
                self.wrong(key, path, f"{name!r} and {name.removesuffix('_file')!r} exclude each other: keep one")
            else:
                given[name] = value
        return given

    def _check_bounds(self, setting: Setting, value: Any, node: yaml.Node, path: str) -> None:  # noqa: ANN401
        if not isinstance(value, int | float) or isinstance(value, bool):
            return
        if setting.minimum is not None and value < setting.minimum:
            self.wrong(node, path, f"{_shown(node)} is too little: at least {setting.minimum:g}")
        if setting.maximum is not None and value > setting.maximum:
            self.wrong(node, path, f"{_shown(node)} is too much: at most {setting.maximum:g}")

    def _scalar(self, kind: Any, node: yaml.Node) -> Any:  # noqa: ANN401 - one return a kind
        if kind is Secret:
            return self._secret(node)
        if not isinstance(node, yaml.ScalarNode):
            raise _Wrong("a single value is wanted here")
        if get_origin(kind) is Literal:
            if node.value not in get_args(kind):
                raise _Wrong(f"{node.value!r} is not allowed: one of {', '.join(get_args(kind))}")
            return node.value
        if get_origin(kind) is Annotated:
            return _SPECIAL[get_args(kind)[1]](node, self._folder)
        return _PLAIN[kind](node, node.tag.rpartition(":")[2])

    def _secret(self, node: yaml.Node) -> Secret:
        """Read a secret; no message shows its value."""
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise _Wrong("a secret is wanted here, as text or as ${VARIABLE}")
        variable = _VARIABLE.fullmatch(node.value)
        if not variable:
            return Secret(node.value)
        if variable[1] not in self._environment:
            raise _Wrong(f"the environment has no variable {variable[1]!r}: set it, or use the `_file` form")
        return Secret(self._environment[variable[1]])

    def _secret_file(self, node: yaml.Node, path: str) -> Secret | None:
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, path, "a path is wanted here")
            return None
        try:
            return Secret(Path(_file(node, self._folder)).read_text(encoding="utf-8").rstrip("\r\n"))
        except _Wrong as wrong:
            self.wrong(node, path, str(wrong))
        except UnicodeDecodeError:
            self.wrong(node, path, "the file is not text")
        return None


def _bool(node: yaml.ScalarNode, tag: str) -> bool:
    if tag != "bool":
        raise _Wrong(f"{node.value!r} is neither true nor false")
    return str(node.value).lower() in {"true", "yes", "on"}


def _int(node: yaml.ScalarNode, tag: str) -> int:
    if tag != "int" or not re.fullmatch(r"[+-]?\d{1,18}", node.value):
        raise _Wrong(f"{node.value!r} is not a whole number")
    return int(node.value)


def _str(node: yaml.ScalarNode, tag: str) -> str:
    if not node.value:
        raise _Wrong("text is wanted here")
    if tag != "str":
        raise _Wrong(f"{node.value!r} is not text: put it in quotes")
    return str(node.value)


def _duration(node: yaml.ScalarNode, _: Path) -> float:
    return _quantity(node.value, _DURATIONS, "15s")


def _size(node: yaml.ScalarNode, _: Path) -> int:
    return int(_quantity(node.value, _SIZES, "64MiB"))


def _quantity(text: str, units: Mapping[str, float], example: str) -> float:
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        raise _Wrong(f"{text!r} is not an amount with a unit: write it like {example!r}")
    number, unit = match.groups()
    if not unit:
        likely = re.sub(r"[\d.]", "", example)
        raise _Wrong(f"{text!r} has no unit: write '{number}{likely}'")
    if unit not in units:
        raise _Wrong(f"{text!r} has an unknown unit: allowed are {', '.join(units)}")
    return float(number) * units[unit]


def _host_port(node: yaml.ScalarNode, _folder: Path) -> str:
    host, _, port = str(node.value).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:  # noqa: PLR2004 - ports
        raise _Wrong(f"{node.value!r} is not an address: write 'host:port', the port up to 65535")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise _Wrong(f"{node.value!r}: write an IPv6 address in brackets: '[{host}]:{port}'")
    return str(node.value)


def _pattern(node: yaml.ScalarNode, _: Path) -> str:
    try:
        re.compile(node.value)
    except re.error as error:
        raise _Wrong(f"{node.value!r} is not a regular expression: {error}") from error
    return str(node.value)


def _file(node: yaml.ScalarNode, folder: Path) -> str:
    found = folder / Path(node.value).expanduser()
    try:
        with found.open("rb"):
            return str(found)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise _Wrong(f"{node.value!r} cannot be read: {why}: give the path of a file") from error


_PLAIN: Final = {bool: _bool, int: _int, str: _str}
_SPECIAL: Final = {"duration": _duration, "size": _size, "host:port": _host_port, "pattern": _pattern, "path": _file}


def _is_secret(kind: Any) -> bool:  # noqa: ANN401
    return kind is Secret or Secret in get_args(kind)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _shown(node: yaml.Node) -> str:
    return repr(node.value) if isinstance(node, yaml.ScalarNode) else "what stands here"


def _start() -> yaml.Mark:
    return yaml.Mark("", 0, 0, 0, None, 0)
