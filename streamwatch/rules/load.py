"""Rule files, read strictly: every mistake at once, each with its file, line and rule."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import yaml

from streamwatch.errors import QueryError, RuleError
from streamwatch.promql.match import LABEL
from streamwatch.promql.nodes import Expr, Text, Window
from streamwatch.promql.parse import duration_ms, parse
from streamwatch.rules.rule import Group, Pairs, Rule
from streamwatch.rules.template import template

Number = TypeVar("Number", int, float)

MOST_BYTES: Final = 2**21
MOST_RULES: Final = 5_000
_MOST_NODES: Final = 200_000
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where PyYAML came with it: rules are a hundred kilobytes."""
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_GROUP_FIELDS: Final = ("name", "interval", "query_offset", "limit", "labels", "rules")
_RULE_FIELDS: Final = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")


def load(paths: Iterable[Path]) -> tuple[Group, ...]:
    """Read rule files.

    Raises:
        RuleError: with every mistake in all of them.

    """
    mistakes: list[str] = []
    found: list[Group] = []
    for path in paths:
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MOST_BYTES + 1)
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")
            continue
        groups, wrong = read(text, str(path))
        found += groups
        mistakes += wrong
    if sum(len(group.rules) for group in found) > MOST_RULES:
        mistakes.append(f"more than {MOST_RULES} rules: hand some over to a Prometheus")
    if mistakes:
        raise RuleError(mistakes)
    return tuple(found)


def read(text: str, where: str) -> tuple[list[Group], list[str]]:
    """Read the text of a rule file; return its groups, and what is wrong with it."""
    sheet = _Sheet(where)
    root = sheet.compose(text)
    groups = [] if root is None else sheet.groups(root)
    return groups, [mistake for _, mistake in sorted(sheet.mistakes)]


class _Sheet:
    """One file while it is read."""

    def __init__(self, where: str) -> None:
        self.mistakes: list[tuple[int, str]] = []
        self._where = where
        self._about = ""
        self._visited = 0

    def compose(self, text: str) -> yaml.Node | None:
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            self.mistakes.append((0, f"{self._where}: larger than {MOST_BYTES} bytes: is this the right file?"))
            return None
        try:
            documents = yaml.compose_all(text, Loader=_LOADER)
            root: yaml.Node | None = next(documents, None)
            if next(documents, None) is not None:
                self.mistakes.append((0, f"{self._where}: a second document, which nobody reads: remove it"))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.mistakes.append((line, f"{self._where}:{line}: not YAML: {error.problem}"))
            return None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            self.mistakes.append((0, f"{self._where}: not YAML: {str(error).splitlines()[0]}"))
            return None
        return root

    def wrong(self, node: yaml.Node, what: str) -> None:
        line = node.start_mark.line + 1
        about = f"{self._about}: " if self._about else ""
        self.mistakes.append((line, f"{self._where}:{line}: {about}{what}"))

    def groups(self, root: yaml.Node) -> list[Group]:
        listed = self._fields(root, ("groups",)).get("groups")
        found: list[Group] = []
        for node in self._items(listed):
            group = self._group(node)
            if group is not None:
                if any(group.name == other.name for other in found):
                    self.wrong(node, f"a second group {group.name!r} in this file: names must differ")
                found.append(group)
        return found

    def _group(self, node: yaml.Node) -> Group | None:
        self._about = ""
        fields = self._fields(node, _GROUP_FIELDS)
        name = self._text(fields.get("name"))
        if not name:
            self.wrong(node, "a group without a name")
            return None
        self._about = f"group {name!r}"
        interval, offset = self._seconds(fields.get("interval")), self._seconds(fields.get("query_offset"))
        limit = self._number(fields.get("limit"))
        labels = self._labels(fields.get("labels"), templated=False)
        rules: dict[Rule, None] = {}
        for one in self._items(fields.get("rules")):
            self._about = f"group {name!r}"
            rule = self._rule(one, labels)
            if rule is not None and rule in rules:
                self.wrong(one, "the same rule twice: remove one")
            elif rule is not None:
                rules[rule] = None
        self._about = ""
        return Group(name, self._where, tuple(rules), interval or None, offset or 0.0, limit)

    def _rule(self, node: yaml.Node, group_labels: Pairs) -> Rule | None:
        fields = self._fields(node, _RULE_FIELDS)
        if not isinstance(node, yaml.MappingNode):
            return None
        record, alert = self._text(fields.get("record")), self._text(fields.get("alert"))
        if bool(record) is bool(alert):
            self.wrong(node, "a rule is either `alert: NAME` or `record: NAME`")
            return None
        self._about += f", rule {alert or record!r}"
        if record:
            for name in ("for", "keep_firing_for", "annotations"):
                if name in fields:
                    self.wrong(fields[name], f"`{name}` is for alerts: remove it from what is recorded")
            if not _METRIC.fullmatch(record):
                self.wrong(fields["record"], f"{record!r} is no name of a metric")
        text = self._text(fields.get("expr"))
        if not text:
            self.wrong(node, "there is no `expr`")
        expr = self._expr(fields["expr"], text) if text else None
        labels = dict((*group_labels, *self._labels(fields.get("labels"), templated=bool(alert))))
        rule_for, keep = self._seconds(fields.get("for")), self._seconds(fields.get("keep_firing_for"))
        annotations = self._labels(fields.get("annotations"), templated=True)
        if expr is None:
            return None
        where = f"{self._where}:{node.start_mark.line + 1}"
        pairs = tuple(sorted(labels.items()))
        return Rule(alert or record, text, expr, bool(alert), rule_for, keep, pairs, annotations, where)

    def _expr(self, node: yaml.Node, text: str) -> Expr | None:
        try:
            found = parse(text)
        except QueryError as error:
            self.wrong(node, f"`expr`: {error}")
            return None
        if isinstance(found, Window | Text):
            self.wrong(node, "`expr`: a rule needs a vector or a number")
            return None
        return found

    def _labels(self, node: yaml.Node | None, *, templated: bool) -> Pairs:
        found: list[tuple[str, str]] = []
        for name, value in self._pairs(node):
            text = self._text(value)
            if not LABEL.fullmatch(name) or name == "__name__":
                self.wrong(value, f"{name!r} is no name of a label")
                continue
            if templated:
                try:
                    template(text)
                except RuleError as error:
                    self.wrong(value, f"{name}: {error}")
            found.append((name, text))
        return tuple(sorted(found))

    def _fields(self, node: yaml.Node, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for name, value in self._pairs(node):
            if name in known:
                found[name] = value
            else:
                self.wrong(value, f"unknown field {name!r}: there are {', '.join(known)}")
        return found

    def _pairs(self, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
        if node is None or _is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, "names with values are wanted here (`name: value`)")
            return
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in seen:
                self.wrong(key, f"{name!r} is given twice")
            seen.add(name)
            yield name, value

    def _items(self, node: yaml.Node | None) -> Iterator[yaml.Node]:
        if node is None or _is_null(node):
            return
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, "a list is wanted here (`- ...`)")
            return
        for one in node.value:
            self._visited += 1
            if self._visited > _MOST_NODES:
                self.wrong(one, "too many entries, aliases counted: is this the right file?")
                return
            yield one

    def _text(self, node: yaml.Node | None) -> str:
        if node is None or _is_null(node):
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, "a text is wanted here")
            return ""
        return str(node.value)

    def _seconds(self, node: yaml.Node | None) -> float:
        return self._read(node, _seconds, 0.0)

    def _number(self, node: yaml.Node | None) -> int:
        return self._read(node, int, 0)

    def _read(self, node: yaml.Node | None, function: Callable[[str], Number], default: Number) -> Number:
        text = self._text(node)
        if not text or node is None:
            return default
        try:
            return function(text)
        except QueryError as error:
            self.wrong(node, str(error))
        except ValueError:
            self.wrong(node, f"{text!r} is no number")
        return default


def _seconds(text: str) -> float:
    if text.isdigit() and int(text):  # the parser takes a plain number for seconds, Prometheus does not
        raise QueryError(f"{text!r} is no duration: write {text}s or {text}m")
    return duration_ms(text) / 1000


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
