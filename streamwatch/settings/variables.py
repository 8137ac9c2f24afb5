"""Settings in environment variables: they make the mapping that a YAML file has, and the same reader checks it.

Which variables there are is not known here.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

import yaml

from streamwatch.settings.document import empty
from streamwatch.settings.reader import SettingsReader

Settings = TypeVar("Settings")
_Tree = dict[str, "_Tree | yaml.Node"]
"""Mappings by key; a list of one item has the key ``[0]``."""

_TAG: Final = "tag:yaml.org,2002:"
_STEP: Final = re.compile(r"\w+|\[0\]")
_SERVICE: Final = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
"""What Kubernetes sets in each pod for a Service of this name, besides ``..._PORT=tcp://...``."""


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that stands for one setting."""

    name: str
    path: str
    """Of the setting, as messages write it: ``kafka[0].bootstrap``."""
    help: str
    example: str
    kind: Literal["text", "list", "switch", "secret", "secret_file"] = "text"
    """A list is separated by commas; a switch is ``true``, the section at its path being there, or ``false``; of a
    secret only its name goes any further."""


def secret(name: str, path: str, text: str, example: str) -> tuple[Variable, Variable]:
    """Return the two variables of a secret: one that holds it, and one that holds the path of its file."""
    return (
        Variable(name, path, text, example, "secret"),
        Variable(f"{name}_FILE", f"{path}_file", "instead: path of the file that holds it", "/PATH", "secret_file"),
    )


class VariablesReader(SettingsReader):
    """Reads what is set of these variables; each mistake begins with the variable's name."""

    def __init__(
        self, variables: Sequence[Variable], defaults: Mapping[str, str], environment: Mapping[str, str], folder: Path
    ) -> None:
        """Prepare.

        Args:
            variables: all that there are; a switch stands before what is in its section.
            defaults: text by path, for sections of which a variable is set.
            environment: of the process.
            folder: what relative paths count from.

        """
        super().__init__("environment", folder, environment)
        self._environment = environment
        self._defaults = defaults
        self._by_path = {one.path: one for one in variables}
        self._set = [one for one in variables if one.name in environment]
        """A node's line is its variable's place in here."""

    def root(self) -> yaml.Node:
        """Return the mapping that a file with the same meaning has; secrets are ``${NAME}`` in it."""
        tree: _Tree = {}
        for path, text in self._defaults.items():
            line = self._first_line(path.rpartition(".")[0])
            if line is not None:
                _put(tree, path, _scalar(text, line))
        for line, variable in enumerate(self._set):
            if not self._environment[variable.name]:
                self.wrong(_scalar("", line), variable.path, "")
            branch = self._branch(variable, line)
            if branch is not None:
                _put(tree, variable.path, branch)
        return _node(tree, empty())

    def _first_line(self, section: str) -> int | None:
        return next((line for line, one in enumerate(self._set) if one.path.startswith(f"{section}.")), None)

    def _branch(self, variable: Variable, line: int) -> "_Tree | yaml.Node | None":
        """Return what stands at a variable's path."""
        value = self._environment[variable.name]
        if variable.kind == "secret":
            return _scalar(f"${{{variable.name}}}", line)
        if variable.kind == "list":
            items = [_scalar(item.strip(), line) for item in value.split(",")]
            return yaml.SequenceNode(f"{_TAG}seq", items, items[0].start_mark, items[0].end_mark)
        if variable.kind == "switch":
            return self._switch(variable, value, line)
        return _scalar(value, line)

    def _switch(self, variable: Variable, value: str, line: int) -> _Tree | None:
        inside = self._first_line(variable.path)
        if value.lower() not in {"true", "false"}:
            self.wrong(_scalar(value, line), variable.path, f"{value!r} is neither true nor false")
        elif value.lower() == "false" and inside is not None:
            what = f"it is false, and {self._set[inside].name} is set: leave one of them out"
            self.wrong(_scalar(value, line), variable.path, what)
        return {} if value.lower() == "true" else None

    def wrong(self, node: yaml.Node, path: str, what: str) -> None:
        """Note a mistake of a variable: the one at the path, or else the one that made the node."""
        line = node.start_mark.line
        variable = self._by_path.get(path) or self._by_path.get(re.sub(r"\[\d+\]$", "", path))
        within = self._set[line].name if self._set else self.where
        text = f"{within}: {path}: {what}" if path else f"{within}: {what}"
        if variable is not None:
            text = f"{variable.name}: {self._advised(variable, node, what)}"
        # A key that is missing, or excludes another one, has a variable, too.
        text = re.sub(r"'(\w+)'", lambda key: self._named(path, key), text)
        self.mistakes.append((line, text))

    @property
    def sorted_mistakes(self) -> list[str]:
        """The mistakes, in the order of the variables; none twice."""
        return list(dict.fromkeys(super().sorted_mistakes))

    def _advised(self, variable: Variable, node: yaml.Node, what: str) -> str:
        """Return what is wrong, and what to do in terms of variables; no secret is quoted."""
        value = self._environment.get(variable.name)
        if value == "":
            return "it is empty: set it, or leave it out"
        if variable.kind == "secret_file":  # somebody may have put the secret itself there
            what = what.replace(repr(node.value), "what it names")
        if value is None or variable.kind == "switch":
            return re.sub(": write .*", f": write {variable.name}={variable.example}", what)
        return what

    def _named(self, path: str, key: re.Match[str]) -> str:
        variable = self._by_path.get(f"{path}.{key[1]}")
        return key[0] if variable is None else variable.name


def read_variables(  # noqa: PLR0913, PLR0917 - as `read_partly`, and what there is
    cls: type[Settings],
    variables: Sequence[Variable],
    defaults: Mapping[str, str],
    environment: Mapping[str, str],
    folder: Path,
    more_problems: Callable[[Settings], Iterable[str]] = lambda _: (),
) -> tuple[Settings, list[str], str]:
    """Return as much as can be read, every mistake, and a YAML file that means the same, without its secrets.

    Args:
        cls: the dataclass.
        variables: all that there are.
        defaults: text by path, for sections of which a variable is set.
        environment: of the process.
        folder: what relative paths count from.
        more_problems: yields more mistakes of what could be read, each as ``path: what``.

    Raises:
        ConfigError: it cannot be read at all.

    """
    reader = VariablesReader(variables, defaults, environment, folder)
    root = reader.root()
    settings = reader.read(cls, root, more_problems)
    return settings, reader.sorted_mistakes, str(yaml.serialize(root, Dumper=yaml.SafeDumper))


def unknown_variables(variables: Sequence[Variable], environment: Mapping[str, str], prefix: str) -> list[str]:
    """Return a mistake for each variable that looks like one of these and is none.

    It looks so where its first word after the prefix is one of theirs, or where it is nearly one of them; what
    Kubernetes sets for a Service of the name does not.
    """
    names = [one.name.removeprefix(prefix) for one in variables]
    words = {name.partition("_")[0] for name in names}
    mistakes = []
    for full, value in environment.items():
        name = full.removeprefix(prefix)
        is_service = _SERVICE.fullmatch(full) or (full.endswith("_PORT") and "://" in value)
        if name == full or name in names or is_service:
            continue
        near = difflib.get_close_matches(name, names, 1, 0.8)
        if near or name.partition("_")[0] in words:
            near = near or difflib.get_close_matches(name, names, 1, 0.0)
            mistakes.append(f"{full}: there is no such setting: did you mean {prefix}{near[0]}?")
    return mistakes


def _put(tree: _Tree, path: str, branch: "_Tree | yaml.Node") -> None:
    *way, last = _STEP.findall(path)
    for step in way:
        within = tree.setdefault(step, {})
        if isinstance(within, yaml.Node):
            raise TypeError(f"{path}: a setting is no section")
        tree = within
    tree[last] = branch


def _node(tree: "_Tree | yaml.Node", beside: yaml.Node) -> yaml.Node:
    """Return a tree as a node; one without leaves is where its neighbour is."""
    if isinstance(tree, yaml.Node):
        return tree
    values = [_node(branch, beside) for branch in tree.values()]
    at = (values or [beside])[0].start_mark
    if list(tree) == ["[0]"]:
        return yaml.SequenceNode(f"{_TAG}seq", values, at, at)
    pairs = zip(tree, values, strict=True)
    keyed = [(yaml.ScalarNode(f"{_TAG}str", key, value.start_mark, value.end_mark), value) for key, value in pairs]
    return yaml.MappingNode(f"{_TAG}map", keyed, at, at)


def _scalar(text: str, line: int) -> yaml.ScalarNode:
    at = yaml.Mark("", 0, line, 0, None, 0)
    return yaml.ScalarNode(f"{_TAG}str", text, at, at)
