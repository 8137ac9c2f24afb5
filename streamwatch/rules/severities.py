"""Severities by other names: what a rule file calls ``P1`` may be ``critical`` to routes and messages."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from streamwatch.rules.rule import Rule, RuleGroup

_LABEL: Final = "severity"


def renamed(groups: Iterable[RuleGroup], names: Mapping[str, str]) -> tuple[RuleGroup, ...]:
    """Return the same groups, in which alerts have the severities that are given for theirs."""
    return tuple(replace(group, rules=tuple(_rule(rule, names) for rule in group.rules)) for group in groups)


def _rule(rule: Rule, names: Mapping[str, str]) -> Rule:
    if not rule.alert or not any(name == _LABEL and value in names for name, value in rule.labels):
        return rule
    pairs = ((name, names.get(value, value) if name == _LABEL else value) for name, value in rule.labels)
    return replace(rule, labels=tuple(pairs))
