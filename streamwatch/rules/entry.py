"""What a rule file is made of, as it stands there: what each key means, and what is wrong within a group or a rule."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

from streamwatch.core.errors import QueryError, RuleError
from streamwatch.promql.match import LABEL
from streamwatch.promql.nodes import Expr, RangeSelector, StringLiteral
from streamwatch.promql.parse import duration_ms, parse
from streamwatch.rules.rule import Pairs, Rule, RuleGroup
from streamwatch.rules.template import template
from streamwatch.settings.types import AnyText, line, setting

_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class _Expression(NamedTuple):
    text: str
    expr: Expr


def _expression(text: str) -> _Expression:
    expr = parse(text)
    if isinstance(expr, RangeSelector | StringLiteral):
        raise QueryError("a rule needs a vector or a number: write an aggregation, or a function such as rate()")
    return _Expression(text, expr)


def _seconds(text: str) -> float:
    if text.isdigit() and int(text):  # the parser takes a plain number for seconds, Prometheus does not
        raise QueryError(f"{text!r} is no duration: write {text}s or {text}m")
    return duration_ms(text) / 1000


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number: write one without a fraction") from None


def _label(text: str) -> str:
    if not LABEL.fullmatch(text) or text == "__name__":
        raise ValueError(f"{text!r} is no name of a label: write letters, digits and _")
    return text


_Label = Annotated[str, _label]
_Seconds = Annotated[float, _seconds]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEntry:
    """A rule as it stands in a file."""

    record: AnyText | None = setting("the series that is recorded", default=None)
    alert: AnyText | None = setting("the alert's name", default=None)
    expr: Annotated[_Expression, _expression] = setting("the expression that is evaluated")
    for_: _Seconds | None = setting("how long it holds before the alert fires", default=None, key="for")
    keep_firing_for: _Seconds | None = setting("how long the alert goes on after that", default=None)
    labels: Mapping[_Label, AnyText] = setting("labels of what comes of it", default_factory=dict)
    annotations: Mapping[_Label, AnyText] | None = setting("texts of the alert", default=None)
    line: int = line()

    @staticmethod
    def message_path(path: str, text_of: Callable[[str], str]) -> str:
        """Return what the rule is called in messages: by its group's name and its own."""
        group, _, _ = path.rpartition(": rules[")
        name = text_of("alert") or text_of("record")
        return f"{group}, rule {name!r}" if group and name else path

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the keys."""
        if bool(self.record) is bool(self.alert):
            yield "a rule is either `alert: NAME` or `record: NAME`"
        elif self.record:
            for key, value in (("for", self.for_), ("keep_firing_for", self.keep_firing_for)):
                if value is not None:
                    yield f"{key}: `{key}` is for alerts: remove it from what is recorded"
            if self.annotations is not None:
                yield "annotations: `annotations` is for alerts: remove it from what is recorded"
            if not _METRIC.fullmatch(self.record):
                yield f"record: {self.record!r} is no name of a metric: write letters, digits, _ and :"
        yield from self.template_problems()

    def template_problems(self) -> Iterator[str]:
        """Yield the texts that are no templates; labels of what is recorded are none."""
        texts = {"annotations": self.annotations or {}, "labels": self.labels if self.alert else {}}
        for key, by_name in texts.items():
            for name, text in by_name.items():
                try:
                    template(text or "").check()
                except RuleError as error:
                    yield f"{key}.{name}: {error}"

    def made(self, file: str, group_labels: Mapping[str, str]) -> Rule:
        """Return the rule."""
        text, expr = self.expr
        labels = _pairs({**group_labels, **self.labels})
        return Rule(
            name=self.alert or self.record or "",
            text=text,
            expr=expr,
            alert=bool(self.alert),
            for_seconds=self.for_ or 0.0,
            keep_firing_seconds=self.keep_firing_for or 0.0,
            labels=labels,
            annotations=_pairs(self.annotations or {}),
            where=f"{file}:{self.line}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """A group of rules as it stands in a file."""

    name: AnyText = setting("what the group is called")
    interval: _Seconds | None = setting("how often it is evaluated", default=None)
    query_offset: _Seconds | None = setting("how far back it looks", default=None)
    limit: Annotated[int, _number] = setting("how many results a rule may have", default=0)
    labels: Mapping[_Label, AnyText] = setting("labels of all its rules", default_factory=dict)
    rules: tuple[RuleEntry, ...] = setting("its rules", default=())

    @staticmethod
    def message_path(path: str, text_of: Callable[[str], str]) -> str:
        """Return what the group is called in messages: by its name."""
        return f"group {text_of('name')!r}" if text_of("name") else path

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the rules."""
        if self.name == "":
            yield "name: it is empty: give the group a name"
        if not all(isinstance(rule, RuleEntry) and isinstance(rule.expr, _Expression) for rule in self.rules):
            return
        seen: set[Rule] = set()
        for at, rule in enumerate(self.rules):
            made = rule.made("", self.labels)
            if made in seen:
                yield f"rules[{at}]: the same rule twice: remove one"
            seen.add(made)

    def made(self, file: str) -> RuleGroup:
        """Return the group of a file, or of a manifest in it."""
        rules = tuple(rule.made(file.partition("#")[0], self.labels) for rule in self.rules)
        return RuleGroup(self.name, file, rules, self.interval or None, self.query_offset or 0.0, self.limit)


def _pairs(labels: Mapping[str, str]) -> Pairs:
    return tuple(sorted(labels.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """A rule file."""

    groups: tuple[GroupEntry, ...] = setting("the groups of rules", default=())

    def problems(self) -> Iterator[str]:
        """Yield the groups whose name another one has."""
        names: set[str] = set()
        for at, group in enumerate(self.groups):
            if group is not None and group.name in names:
                yield f"groups[{at}]: a second group {group.name!r} in this file: names must differ"
            elif group is not None and group.name:
                names.add(group.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ManifestGroup(GroupEntry):
    """A group in a manifest."""

    partial_response_strategy: object = setting("Thanos's, which the operator takes", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec(RuleFile):
    """The rule file in a manifest."""

    groups: tuple[_ManifestGroup, ...] = setting("the groups of rules", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest for Prometheus's operator."""

    api_version: object = setting("the API's version", key="apiVersion")
    kind: object = setting("the kind of object")
    metadata: object = setting("name, namespace and labels of the object", default=None)
    spec: _Spec = setting("the rules")
    status: object = setting("what the operator says of it", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PackRule(RuleEntry):
    """A rule of the pack: its templates are read by its tests, and when they are rendered; gotpl takes 5 MB."""

    def template_problems(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _PackGroup(GroupEntry):
    """A group of the pack."""

    rules: tuple[_PackRule, ...] = setting("its rules", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class PackFile(RuleFile):
    """A file of the alerts that come with StreamWatch."""

    groups: tuple[_PackGroup, ...] = setting("the groups of rules", default=())
