"""From YAML to a ``Config``: every mistake at once, each with its file, line, what is wrong and what is allowed.

Works for any dataclass declared with ``streamwatch.settings.types.setting``; what the settings mean is not known here.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from streamwatch.core.errors import ConfigError, StreamWatchError
from streamwatch.core.files import read_short
from streamwatch.settings.document import Document, empty, is_null, text_at
from streamwatch.settings.scalars import PLAIN, SPECIAL, Wrong, file
from streamwatch.settings.types import Secret, Setting, Unread, is_line, key_of

Settings = TypeVar("Settings")

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
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
    settings, mistakes = read_partly(cls, text, where, folder, environment)
    if mistakes:
        raise ConfigError(mistakes)
    return settings


def read_partly(  # noqa: PLR0913, PLR0917 - as above, and one more
    cls: type[Settings],
    text: str,
    where: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    more_problems: Callable[[Settings], Iterable[str]] = lambda _: (),
) -> tuple[Settings, list[str]]:
    """Return as much as can be read of a YAML text, and every mistake.

    Where there are any, what could not be read is missing in the object: its default, or None, stands there.

    Args:
        cls: the dataclass.
        text: the YAML.
        where: what the text is called in messages.
        folder: what relative paths count from.
        environment: where ``${NAME}`` is looked up; the process's by default.
        more_problems: yields more mistakes of what could be read, each as ``path: what``.

    Raises:
        ConfigError: it cannot be read at all.

    """
    reader = SettingsReader(where, folder, os.environ if environment is None else environment)
    root, *others = reader.compose(text) or [empty()]
    for node in others:
        reader.wrong(node, "", "a second document, which nobody reads: remove it")
    return reader.read(cls, root, more_problems), reader.sorted_mistakes


class SettingsReader(Document):
    """One text while it is read: converts nodes, and collects mistakes with their lines.

    A class may say with ``message_path`` what an object of it is called in messages, instead of its place, and with
    ``REMOVED`` what to write instead of a key that it had; with ``MOVED``, what such a key is called now where its
    items have a certain key themselves.
    """

    def __init__(
        self,
        where: str,
        folder: Path = Path(),
        environment: Mapping[str, str] = MappingProxyType({}),
        *,
        skips_nulls: bool = False,
        **bounds: int,
    ) -> None:
        super().__init__(where, **bounds)
        self._folder = folder
        self._environment = environment
        self._skips_nulls = skips_nulls
        """Whether a key without a value is as good as none."""

    def read(
        self, cls: type[Settings], root: yaml.Node, more_problems: Callable[[Settings], Iterable[str]]
    ) -> Settings:
        """Return as much as can be read of a whole, as ``read_partly`` does.

        Raises:
            ConfigError: it cannot be read at all.

        """
        settings = self.convert(cls, root, "")
        if not isinstance(settings, cls):
            raise ConfigError(self.sorted_mistakes)
        self.report(root, "", more_problems(settings))
        return settings

    def convert(self, kind: Any, node: yaml.Node, path: str) -> Any:  # noqa: ANN401 - whatever the declaration says
        """Return what a node means as this type; None, and a mistake noted, where it means nothing of the kind."""
        self.visit(node)
        is_optional = get_origin(kind) in {Union, UnionType}
        if is_optional:
            if is_null(node):
                return None
            kind = next(each for each in get_args(kind) if each is not NoneType)
        if is_dataclass(kind) and kind not in PLAIN:
            return self._object(kind, node, path)
        if get_origin(kind) is Mapping:
            return self._mapping(get_args(kind), node, path)
        if get_origin(kind) is tuple:
            return self._list(get_args(kind)[0], node, path, None if is_optional else Unread())
        try:
            return self._scalar(kind, node)
        except Wrong as wrong:
            self.wrong(node, path, str(wrong))
            return None

    def _list(
        self,
        kind: Any,  # noqa: ANN401 - as `convert`
        node: yaml.Node,
        path: str,
        wrong: Unread | None,
    ) -> tuple[Any, ...] | None:
        """Return the items of a list; ``wrong`` where it is none."""
        if not isinstance(node, _SEQUENCE):
            self.wrong(node, path, f"{_shown(node, kind)} is not a list: write '[...]' or one '- ...' a line")
            return wrong
        return tuple(self.convert(kind, item, f"{path}[{i}]") for i, item in enumerate(node.value))

    def _mapping(self, kinds: tuple[Any, ...], node: yaml.Node, path: str) -> dict[Any, Any]:
        if not isinstance(node, _MAPPING):
            self.wrong(node, path, f"{_shown(node, str)} is not a mapping: write '{{name: value}}'")
            return {}
        values: dict[Any, Any] = {}
        for key, value in self.pairs(node, path):
            name = self.convert(kinds[0], key, path)
            if name in values:
                self.wrong(key, path, f"{name!r} comes twice: keep one")
            elif name is not None and not (self._skips_nulls and is_null(value)):
                values[name] = self.convert(kinds[1], value, under(path, name))
        return values

    def _object(self, cls: Any, node: yaml.Node, path: str) -> Any:  # noqa: ANN401
        if not isinstance(node, _MAPPING):
            keys = ", ".join(key_of(field) for field in fields(cls) if not is_line(field))
            self.wrong(node, path, f"{_shown(node, cls)} is not a mapping: allowed keys are {keys}")
            return None
        path = cls.message_path(path, partial(text_at, node)) if hasattr(cls, "message_path") else path
        before = len(self.mistakes)
        nodes = self._keys(cls, node, path)
        hints = hints_of(cls)
        values: dict[str, Any] = {}
        for field in fields(cls):
            key = key_of(field)
            at = under(path, key)
            if is_line(field):
                values[field.name] = node.start_mark.line + 1
            elif key in nodes:
                values[field.name] = self.convert(hints[field.name], nodes[key], at)
                self._check_bounds(field.metadata["setting"], values[field.name], nodes[key], at)
            elif f"{key}_file" in nodes and _is_secret(hints[field.name]):
                values[field.name] = self._secret_file(nodes[f"{key}_file"], f"{at}_file")
            elif field.default is MISSING and field.default_factory is MISSING:
                self.wrong(node, path, f"{key!r} is missing: {field.metadata['setting'].help}")
        part = _part(cls, values)
        if hasattr(cls, "problems"):
            self.report(node, path, cls.problems(part))
        if len(self.mistakes) == before:
            try:
                return cls(**values)
            except ValueError as error:
                self.report(node, path, [str(error)])
        return part

    def report(self, node: yaml.Node, path: str, problems: Iterable[str]) -> None:
        """Note mistakes, each at the place that it begins with: ``field: what`` or ``field[0].other: what``."""
        for problem in problems:
            place, colon, what = problem.partition(": ")
            place_node = _node_at(node, place) if colon and _PLACE.fullmatch(place) else None
            if place_node is None:
                self.wrong(node, path, problem)
            else:
                self.wrong(place_node, under(path, place), what)

    def _keys(self, cls: Any, node: yaml.MappingNode, path: str) -> dict[str, yaml.Node]:  # noqa: ANN401
        """Return the values of a mapping by key; keys that are unknown or come twice are mistakes."""
        hints = hints_of(cls)
        known = [key_of(field) for field in fields(cls) if not is_line(field)]
        twins = [f"{key_of(field)}_file" for field in fields(cls) if _is_secret(hints[field.name])]
        renamed = {old: key_of(field) for field in fields(cls) for old in field.metadata["setting"].formerly}
        removed, moved = getattr(cls, "REMOVED", {}), getattr(cls, "MOVED", {})
        nodes: dict[str, yaml.Node] = {}
        for key, value in self.pairs(node, path):
            self.visit(key)
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if _has_items_with(value, moved.get(name, ("", ""))[1]):
                self.wrong(key, path, f"{name!r} is called {moved[name][0]!r} now: rename it")
                name = moved[name][0]
            elif name in removed:
                self.wrong(key, path, f"{name!r} is no key any more: {removed[name]}")
                continue
            if name in renamed and isinstance(value, _MAPPING) and get_origin(hints[renamed[name]]) is tuple:
                self.wrong(key, path, f"{name!r} is called {renamed[name]!r} now: write {_as_conditions(value)}")
                continue
            if name in renamed:
                self.wrong(key, path, f"{name!r} is called {renamed[name]!r} now: rename it")
                name = renamed[name]
            other = name.removesuffix("_file") if name in twins else f"{name}_file"
            if name in nodes:
                self.wrong(key, path, f"{name!r} comes twice: keep one")
            elif name not in known and name not in twins:
                self.wrong(key, path, _unknown(name, [*known, *twins], is_private=bool(twins)))
            elif other in nodes and {name, other} & set(twins):
                self.wrong(key, path, f"{name!r} and {other!r} exclude each other: keep one")
            elif not (self._skips_nulls and is_null(value)):
                nodes[name] = value
        return nodes

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
        if kind is object:
            return node
        if not isinstance(node, yaml.ScalarNode):
            raise Wrong("a single value is wanted here")
        if get_origin(kind) is Literal:
            allowed = {str(value): value for value in get_args(kind)}
            if node.value not in allowed:
                raise Wrong(f"{node.value!r} is not allowed: one of {', '.join(allowed)}")
            return allowed[node.value]
        if get_origin(kind) is Annotated:
            return self._special(get_args(kind)[1], node)
        return PLAIN[kind](node, node.tag.rpartition(":")[2])

    def _special(self, kind: str | Callable[[str], Any], node: yaml.ScalarNode) -> Any:  # noqa: ANN401
        """Return what a value means by the name of its kind, or by a function that reads its text."""
        if isinstance(kind, str):
            return SPECIAL[kind](node, self._folder)
        try:
            return kind(node.value)
        except (ValueError, StreamWatchError) as error:
            raise Wrong(str(error)) from error

    def _secret(self, node: yaml.Node) -> Secret:
        """Read a secret; no message shows its value."""
        if not isinstance(node, yaml.ScalarNode) or not node.value or is_null(node):
            raise Wrong("a secret is wanted here, as text or as ${VARIABLE}")
        if node.tag.startswith("!"):
            raise Wrong("a secret that starts with '!' needs quotes")
        variable = _VARIABLE.fullmatch(node.value)
        if not variable:
            return Secret(node.value, self.where)
        if not self._environment.get(variable[1]):
            how = "is empty" if variable[1] in self._environment else "is not set"
            raise Wrong(f"the environment variable {variable[1]!r} {how}: set it, or use the `_file` form")
        return Secret(self._environment[variable[1]])

    def _secret_file(self, node: yaml.Node, path: str) -> Secret | None:
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, path, "a path is wanted here")
            return None
        try:
            path_of_file = file(node, self._folder)
            value = read_short(Path(path_of_file)).rstrip("\r\n")
        except Wrong as wrong:
            self.wrong(node, path, str(wrong))
        except UnicodeDecodeError:
            self.wrong(node, path, "the file is not text")
        except OSError as error:
            self.wrong(node, path, f"{node.value!r} cannot be read: {error.strerror}: give the path of a file")
        else:
            if value:
                return Secret(value, path_of_file)
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


def _node_at(node: yaml.Node, place: str) -> yaml.Node | None:
    """Return the node at a place such as ``routes[0].channels``, or the last one on the way there."""
    last: yaml.Node | None = None
    for word in re.findall(r"\w+", place):
        within = last or node
        if isinstance(within, _SEQUENCE) and word.isdigit() and int(word) < len(within.value):
            last = within.value[int(word)]
        elif isinstance(within, _MAPPING):
            names = {word, f"{word}_file"}
            after = next(
                (each for key, each in within.value if isinstance(key, yaml.ScalarNode) and key.value in names), None
            )
            if after is None:
                return last if last is not None else node
            last = after
        else:
            break
    return last


def _is_secret(kind: Any) -> bool:  # noqa: ANN401
    return kind is Secret or Secret in get_args(kind)


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


def under(path: str, key: str) -> str:
    """Return the path of what has a key in the object at a path; one that ends with a name is followed by a colon."""
    joint = ": " if path.endswith(("'", '"')) else "."
    return f"{path}{joint}{key}" if path else key


@cache
def hints_of(cls: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Return the types of a dataclass's fields by name."""
    return get_type_hints(cls, include_extras=True)


def _has_items_with(node: yaml.Node, key: str) -> bool:
    """Say whether a list has mappings with this key."""
    items = [one for one in node.value if isinstance(one, _MAPPING)] if key and isinstance(node, _SEQUENCE) else []
    return any(name.value == key for one in items for name, _ in one.value)


def _as_conditions(node: yaml.MappingNode) -> str:
    """Return a mapping of labels as a list of conditions."""
    pairs = [f'{key.value}="{value.value}"' for key, value in node.value if isinstance(value, yaml.ScalarNode)]
    return f"[{', '.join(map(repr, pairs))}]"
