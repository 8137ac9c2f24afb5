"""Rule files, read strictly: every mistake at once, each with its file, line and rule.

A file is Prometheus's, or holds manifests for its operator: ``kind: PrometheusRule``, one or many, in lists or not.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import yaml

from streamwatch.core.errors import QueryError, RuleError
from streamwatch.promql.match import LABEL
from streamwatch.promql.nodes import Expr, Text, Window
from streamwatch.promql.parse import duration_ms, parse
from streamwatch.rules.config import pack_folder
from streamwatch.rules.rule import Group, Pairs, Rule
from streamwatch.rules.template import template

Number = TypeVar("Number", int, float)

MOST_BYTES: Final = 2**21
MOST_RULES: Final = 5_000
_MOST_NODES: Final = 20_000
_DEEPEST: Final = 100
"""Lists and mappings within each other: libyaml's composer ends the process at some thousands."""
_MERGE: Final = "tag:yaml.org,2002:merge"
_MOST_MERGED: Final = 5
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where PyYAML came with it: rules are a hundred kilobytes."""
_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_GROUP_FIELDS: Final = ("name", "interval", "query_offset", "limit", "labels", "rules")
_MANIFEST: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_MANIFEST_GROUP: Final = (*_GROUP_FIELDS, "partial_response_strategy")
"""With what is Thanos's, which the operator takes; Prometheus does not."""
API: Final = "monitoring.coreos.com/v1"
KIND: Final = "PrometheusRule"
_LISTS: Final = ("List", f"{KIND}List")
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
        except (OSError, ValueError) as error:  # not UTF-8, too, and what is no path
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
    groups = sheet.groups(sheet.compose(text))
    return groups, [mistake for _, mistake in sorted(sheet.mistakes)]


class _Sheet:
    """One file while it is read."""

    def __init__(self, where: str) -> None:
        self.mistakes: list[tuple[int, str]] = []
        self._where = where
        self._is_of_pack = Path(where).parent == pack_folder()
        """Templates of the pack are read by its tests, and by the agent when they are rendered: gotpl takes 5 MB."""
        self._about = ""
        self._visited = 0

    def compose(self, text: str) -> list[yaml.Node]:
        """Return the documents that are not empty."""
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            self.mistakes.append((0, f"{self._where}: larger than {MOST_BYTES} bytes: is this the right file?"))
            return []
        try:
            if (line := _too_deep(text)) is not None:
                what = f"nested deeper than {_DEEPEST}: is this the right file?"
                self.mistakes.append((line, f"{self._where}:{line}: {what}"))
                return []
            return [one for one in yaml.compose_all(text, Loader=_LOADER) if not _is_null(one)]
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.mistakes.append((line, f"{self._where}:{line}: not YAML: {error.problem}"))
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            self.mistakes.append((0, f"{self._where}: not YAML: {str(error).splitlines()[0]}"))
        return []

    def wrong(self, node: yaml.Node, what: str) -> None:
        line = node.start_mark.line + 1
        about = f"{self._about}: " if self._about else ""
        self.mistakes.append((line, f"{self._where}:{line}: {about}{what}"))

    def groups(self, documents: Sequence[yaml.Node]) -> list[Group]:
        if any(_field(one, "kind") or _field(one, "apiVersion") for one in documents):
            return self._manifests([one for document in documents for one in self._unpacked(document)], documents[0])
        for other in documents[1:]:
            self.wrong(other, "a second document, which nobody reads: remove it")
        return self._groups(documents[0], self._where, _GROUP_FIELDS) if documents else []

    def _unpacked(self, node: yaml.Node) -> Iterator[yaml.Node]:
        """Yield the objects of a list, or the object itself."""
        if _field(node, "kind") not in _LISTS:
            yield node
            return
        items = dict(self._pairs(node)).get("items")
        for one in self._items(items):
            if _field(one, "kind") in _LISTS:
                self.wrong(one, "a list in a list, which Kubernetes does not have either")
            else:
                yield one

    def _manifests(self, objects: Sequence[yaml.Node], first: yaml.Node) -> list[Group]:
        found: list[Group] = []
        rules = [one for one in objects if self._is_rules(one)]
        names: set[str] = set()
        for at, one in enumerate(rules):
            metadata = _value(one, "metadata")
            name = ".".join(part for field in ("namespace", "name") if (part := _field(metadata, field)))
            # Each is a file of its own to Prometheus: its groups are told from those of others by the file.
            name = f"{name}.{at}".lstrip(".") if name in names or not name else name
            names.add(name)
            file = self._where if len(rules) == 1 else f"{self._where}#{name}"
            spec = self._fields(one, _MANIFEST).get("spec")
            if spec is None or _is_null(spec):
                self.wrong(one, f"a {KIND} without `spec`")
            else:
                found += self._groups(spec, file, _MANIFEST_GROUP)
        if not rules and not self.mistakes:
            self.wrong(first, f"there is no {KIND} in it")
        return found

    def _is_rules(self, node: yaml.Node) -> bool:
        """Say whether an object holds rules; one that only seems to is a mistake, others are none of ours."""
        kind, api = _field(node, "kind"), _field(node, "apiVersion")
        if kind == KIND and api == API:
            return True
        if not kind or not api or _value(_value(node, "spec"), "groups") is not None:
            self.wrong(node, f"kind {kind!r} of {api!r} is not read: rules are in `kind: {KIND}` of `{API}`")
        return False

    def _groups(self, node: yaml.Node, file: str, known: tuple[str, ...]) -> list[Group]:
        self._about = ""
        found: list[Group] = []
        for one in self._items(self._fields(node, ("groups",)).get("groups")):
            group = self._group(one, file, known)
            if group is not None:
                if any(group.name == other.name for other in found):
                    self.wrong(one, f"a second group {group.name!r} in this file: names must differ")
                found.append(group)
        return found

    def _group(self, node: yaml.Node, file: str, known: tuple[str, ...]) -> Group | None:
        self._about = ""
        fields = self._fields(node, known)
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
        return Group(name, file, tuple(rules), interval or None, offset or 0.0, limit)

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
            if templated and not self._is_of_pack:
                try:
                    template(text).check()
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
        found: dict[str, yaml.Node] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if key.tag == _MERGE:
                merged.append(value)
            elif name in found:
                self.wrong(key, f"{name!r} is given twice")
            else:
                found[name] = value
        for value in merged:
            found = {**self._merged(value), **found}
        yield from found.items()

    def _merged(self, node: yaml.Node, depth: int = 0) -> dict[str, yaml.Node]:
        """Return what ``<<`` brings: the pairs of a mapping, or those of several, of which the first counts."""
        found: dict[str, yaml.Node] = {}
        self._visited += 1
        if depth > _MOST_MERGED or self._visited > _MOST_NODES:
            self.wrong(node, "`<<` within `<<`, too often: is it part of itself?")
        elif isinstance(node, yaml.SequenceNode):
            for one in reversed(node.value):
                found |= self._merged(one, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.tag == _MERGE:
                    found = {**self._merged(value, depth + 1), **found}
                else:
                    found[str(key.value)] = value
        else:
            self.wrong(node, "`<<` wants names with values")
        return found

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


def _too_deep(text: str) -> int | None:
    """Return the line where lists and mappings are nested too deeply; None where they are not."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                return 1 if event.start_mark is None else event.start_mark.line + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return what a mapping has under a name, without a word where it is none."""
    some = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in some if isinstance(key, yaml.ScalarNode) and key.value == name), None)


def _field(node: yaml.Node | None, name: str) -> str:
    value = _value(node, name)
    return str(value.value) if isinstance(value, yaml.ScalarNode) and not _is_null(value) else ""
