"""From YAML to a ``Config``: every mistake at once, each with its file, line, what is wrong and what is allowed.

Works for any dataclass declared with ``streamwatch.settings.types.setting``; what the settings mean is not known here.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from streamwatch.core.errors import ConfigError
from streamwatch.settings.scalars import PLAIN, SPECIAL, Wrong, file
from streamwatch.settings.types import Secret, Setting, key_of

Settings = TypeVar("Settings")

MOST_BYTES: Final = 2**20
"""A larger file is refused."""
_MOST_NODES: Final = 20_000
_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
_QUOTED_WORD: Final = re.compile(r"'(?=[!-]*\w)[!\w-]+'")
_PLACE: Final = re.compile(r"\w+(\[\d+\])*(\.\w+(\[\d+\])*)*")
_MAPPING, _SEQUENCE = yaml.MappingNode, yaml.SequenceNode


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
    found, mistakes = read_partly(cls, text, where, folder, environment)
    if mistakes:
        raise ConfigError(mistakes)
    return found


def read_partly(  # noqa: PLR0913, PLR0917 - as above, and one more
    cls: type[Settings],
    text: str,
    where: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    doubts: Callable[[Settings], Iterable[str]] = lambda _: (),
) -> tuple[Settings, list[str]]:
    """Return as much as can be read of a YAML text, and every mistake.

    Where there are any, what could not be read is missing in the object: its default, or None, stands there.

    Args:
        cls: the dataclass.
        text: the YAML.
        where: what the text is called in messages.
        folder: what relative paths count from.
        environment: where ``${NAME}`` is looked up; the process's by default.
        doubts: yields more mistakes of what could be read, each as ``path: what``.

    Raises:
        ConfigError: it cannot be read at all.

    """
    sheet = _Sheet(where, folder, os.environ if environment is None else environment)
    root = sheet.compose(text)
    found = sheet.convert(cls, root, "")
    if not isinstance(found, cls):
        raise ConfigError([mistake for _, mistake in sheet.mistakes])
    sheet.tell(root, "", doubts(found))
    return found, [mistake for _, mistake in sorted(sheet.mistakes, key=lambda one: one[0])]


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
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            raise ConfigError([f"{self._where}: larger than {MOST_BYTES} bytes: is this the right file?"])
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark or _start()
            # The word may be a password that starts with '*' or '!', and the error itself quotes the whole line.
            problem = _QUOTED_WORD.sub("'...'", error.problem or error.context or "")
            what = f"{problem}: put text with special characters in single quotes" if "'...'" in problem else problem
            raise ConfigError([f"{self._where}:{mark.line + 1}: not YAML: {what}"]) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            what = f"unacceptable character {chr(error.character)!a}: remove it"
            raise ConfigError([f"{self._where}:{line}: not YAML: {what}"]) from None
        except RecursionError:
            raise ConfigError([f"{self._where}: nested too deeply: is this the right file?"]) from None
        except (ValueError, OverflowError):
            raise ConfigError([f"{self._where}: not YAML: an escape or a number in it is out of range"]) from None
        return node if node is not None else _MAPPING("tag:yaml.org,2002:map", [], _start(), _start())

    def wrong(self, node: yaml.Node, path: str, what: str) -> None:
        """Note a mistake at a node."""
        line = node.start_mark.line + 1
        self.mistakes.append(
            (line, f"{self._where}:{line}: {path}: {what}" if path else f"{self._where}:{line}: {what}")
        )

    def convert(self, kind: Any, node: yaml.Node, path: str) -> Any:  # noqa: ANN401 - whatever the declaration says
        """Return what a node means as this type; None, and a mistake noted, where it means nothing of the kind."""
        self._visit(node)
        if get_origin(kind) in {Union, UnionType}:
            if _is_null(node):
                return None
            kind = next(one for one in get_args(kind) if one is not NoneType)
        if is_dataclass(kind) and kind not in PLAIN:
            return self._object(kind, node, path)
        if get_origin(kind) is Mapping:
            return self._texts(node, path)
        if get_origin(kind) is tuple:
            return self._list(get_args(kind)[0], node, path)
        try:
            return self._scalar(kind, node)
        except Wrong as wrong:
            self.wrong(node, path, str(wrong))
            return None

    def _visit(self, node: yaml.Node) -> None:
        """Count a node, a long one as several: by aliases a short file can mean a very long one."""
        self._visited += 1 + len(node.value) // 64
        if self._visited > _MOST_NODES:
            raise ConfigError([f"{self._where}: more than {_MOST_NODES} values: do its anchors multiply?"])

    def _list(self, kind: Any, node: yaml.Node, path: str) -> tuple[Any, ...]:  # noqa: ANN401
        if not isinstance(node, _SEQUENCE):
            self.wrong(node, path, f"{_shown(node, kind)} is not a list: write '[...]' or one '- ...' a line")
            return ()
        return tuple(self.convert(kind, one, f"{path}[{i}]") for i, one in enumerate(node.value))

    def _texts(self, node: yaml.Node, path: str) -> dict[str, str]:
        if not isinstance(node, _MAPPING):
            self.wrong(node, path, f"{_shown(node, str)} is not a mapping: write '{{name: value}}'")
            return {}
        found: dict[str, str] = {}
        for key, value in node.value:
            name = self.convert(str, key, path)
            if name in found:
                self.wrong(key, path, f"{name!r} comes twice: keep one")
            elif name is not None:
                found[name] = self.convert(str, value, f"{path}.{name}")
        return found

    def _object(self, cls: Any, node: yaml.Node, path: str) -> Any:  # noqa: ANN401
        if not isinstance(node, _MAPPING):
            keys = ", ".join(map(key_of, fields(cls)))
            self.wrong(node, path, f"{_shown(node, cls)} is not a mapping: allowed keys are {keys}")
            return None
        before = len(self.mistakes)
        given = self._keys(cls, node, path)
        hints = get_type_hints(cls, include_extras=True)
        values = {}
        for field in fields(cls):
            key = key_of(field)
            at = f"{path}.{key}" if path else key
            if key in given:
                values[field.name] = self.convert(hints[field.name], given[key], at)
                self._check_bounds(field.metadata["setting"], values[field.name], given[key], at)
            elif f"{key}_file" in given and _is_secret(hints[field.name]):
                values[field.name] = self._secret_file(given[f"{key}_file"], f"{at}_file")
            elif field.default is MISSING and field.default_factory is MISSING:
                self.wrong(node, path, f"{key!r} is missing: {field.metadata['setting'].help}")
        part = _part(cls, values)
        if hasattr(cls, "problems"):
            self.tell(node, path, cls.problems(part))
        if len(self.mistakes) == before:
            try:
                return cls(**values)
            except ValueError as error:
                self.tell(node, path, [str(error)])
        return part

    def tell(self, node: yaml.Node, path: str, problems: Iterable[str]) -> None:
        """Note mistakes, each at the place that it begins with: ``field: what`` or ``field[0].other: what``."""
        for problem in problems:
            place, colon, what = problem.partition(": ")
            found = _found(node, place) if colon and _PLACE.fullmatch(place) else None
            if found is None:
                self.wrong(node, path, problem)
            else:
                self.wrong(found, f"{path}.{place}" if path else place, what)

    def _keys(self, cls: Any, node: yaml.MappingNode, path: str) -> dict[str, yaml.Node]:  # noqa: ANN401
        """Return the values of a mapping by key; keys that are unknown or come twice are mistakes."""
        hints = get_type_hints(cls, include_extras=True)
        known = [key_of(field) for field in fields(cls)]
        twins = [f"{key_of(field)}_file" for field in fields(cls) if _is_secret(hints[field.name])]
        renamed = {old: key_of(field) for field in fields(cls) for old in field.metadata["setting"].formerly}
        given: dict[str, yaml.Node] = {}
        for key, value in node.value:
            self._visit(key)
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in renamed:
                self.wrong(key, path, f"{name!r} is called {renamed[name]!r} now: rename it")
                name = renamed[name]
            other = name.removesuffix("_file") if name in twins else f"{name}_file"
            if name in given:
                self.wrong(key, path, f"{name!r} comes twice: keep one")
            elif name not in known and name not in twins:
                self.wrong(key, path, _unknown(name, [*known, *twins], is_private=bool(twins)))
            elif other in given and {name, other} & set(twins):
                self.wrong(key, path, f"{name!r} and {other!r} exclude each other: keep one")
            else:
                given[name] = value
        return given

    def _check_bounds(self, setting: Setting, value: Any, node: yaml.Node, path: str) -> None:  # noqa: ANN401
        if not isinstance(value, int | float) or isinstance(value, bool):
            return
        if setting.minimum is not None and value < setting.minimum:
            self.wrong(node, path, f"{node.value!r} is too little: at least {setting.minimum:g}")
        if setting.maximum is not None and value > setting.maximum:
            self.wrong(node, path, f"{node.value!r} is too much: at most {setting.maximum:g}")

    def _scalar(self, kind: Any, node: yaml.Node) -> Any:  # noqa: ANN401 - one return a kind
        if kind is Secret:
            return self._secret(node)
        if not isinstance(node, yaml.ScalarNode):
            raise Wrong("a single value is wanted here")
        if get_origin(kind) is Literal:
            allowed = {str(one): one for one in get_args(kind)}
            if node.value not in allowed:
                raise Wrong(f"{node.value!r} is not allowed: one of {', '.join(allowed)}")
            return allowed[node.value]
        if get_origin(kind) is Annotated:
            return SPECIAL[get_args(kind)[1]](node, self._folder)
        return PLAIN[kind](node, node.tag.rpartition(":")[2])

    def _secret(self, node: yaml.Node) -> Secret:
        """Read a secret; no message shows its value."""
        if not isinstance(node, yaml.ScalarNode) or not node.value or _is_null(node):
            raise Wrong("a secret is wanted here, as text or as ${VARIABLE}")
        if node.tag.startswith("!"):
            raise Wrong("a secret that starts with '!' needs quotes")
        variable = _VARIABLE.fullmatch(node.value)
        if not variable:
            return Secret(node.value)
        if not self._environment.get(variable[1]):
            how = "is empty" if variable[1] in self._environment else "is not set"
            raise Wrong(f"the environment variable {variable[1]!r} {how}: set it, or use the `_file` form")
        return Secret(self._environment[variable[1]])

    def _secret_file(self, node: yaml.Node, path: str) -> Secret | None:
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, path, "a path is wanted here")
            return None
        try:
            value = Path(file(node, self._folder)).read_text(encoding="utf-8").rstrip("\r\n")
        except Wrong as wrong:
            self.wrong(node, path, str(wrong))
        except UnicodeDecodeError:
            self.wrong(node, path, "the file is not text")
        except OSError as error:
            self.wrong(node, path, f"{node.value!r} cannot be read: {error.strerror}: give the path of a file")
        else:
            if value:
                return Secret(value)
            self.wrong(node, path, f"{node.value!r} is empty: write the secret into it")
        return None


def _part(cls: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a dataclass
    """Return an object of what could be read: what could not is its default, or None; nothing of it is checked."""
    part = object.__new__(cls)
    for field in fields(cls):
        value = values.get(field.name)
        if value is None and field.default is not MISSING:
            value = field.default
        elif value is None and field.default_factory is not MISSING:
            value = field.default_factory()
        object.__setattr__(part, field.name, value)
    return part


def _found(node: yaml.Node, place: str) -> yaml.Node | None:
    """Return the node at a place such as ``routes[0].channels``, or the last one on the way there."""
    found: yaml.Node | None = None
    for word in re.findall(r"\w+", place):
        within = found or node
        if isinstance(within, _SEQUENCE) and word.isdigit() and int(word) < len(within.value):
            found = within.value[int(word)]
        elif isinstance(within, _MAPPING):
            after = next((value for key, value in within.value if key.value in {word, f"{word}_file"}), None)
            if after is None:
                return found if found is not None else node
            found = after
        else:
            break
    return found


def _is_secret(kind: Any) -> bool:  # noqa: ANN401
    return kind is Secret or Secret in get_args(kind)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _holds_secret(kind: Any) -> bool:  # noqa: ANN401
    return _is_secret(kind) or (is_dataclass(kind) and any(map(_is_secret, get_type_hints(kind).values())))


def _shown(node: yaml.Node, kind: Any) -> str:  # noqa: ANN401
    """Quote what stands where this type should be, unless it could be a secret: ``basic_auth: me:hunter2``."""
    is_open = isinstance(node, yaml.ScalarNode) and not _holds_secret(kind)
    return repr(node.value) if is_open else "what stands here"


def _unknown(name: str, allowed: list[str], *, is_private: bool) -> str:
    """Say that a key is unknown; it is not quoted where it could be a secret: ``{password:hunter2}``."""
    word, colon, _ = name.partition(":")
    close = difflib.get_close_matches(word, allowed, 1, 0.7)
    is_open = re.fullmatch(r"[\w-]+", name) and (close or not is_private)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
    missed = " (a space belongs after the colon)" if colon else ""
    return f"unknown key{f' {name!r}' if is_open else ''}: {hint}{missed}"


def _start() -> yaml.Mark:
    return yaml.Mark("", 0, 0, 0, None, 0)
