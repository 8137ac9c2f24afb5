"""Where an alert's runbook is: rules give a path on the agent, people want an address."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from streamwatch.rules.rule import Rule, RuleGroup

RUNBOOK: Final = "runbook_url"


def linked(groups: Iterable[RuleGroup], base: str) -> tuple[RuleGroup, ...]:
    """Return the same groups; where a rule's ``runbook_url`` is a path, it is an address below the base."""
    return tuple(replace(group, rules=tuple(_rule(rule, base.rstrip("/")) for rule in group.rules)) for group in groups)


def _rule(rule: Rule, base: str) -> Rule:
    if not any(name == RUNBOOK and _is_path(text) for name, text in rule.annotations):
        return rule
    annotations = {name: f"{base}{text}" if name == RUNBOOK else text for name, text in rule.annotations}
    return replace(rule, annotations=tuple(sorted(annotations.items())))


def _is_path(text: str) -> bool:
    return text.startswith("/") and not text.startswith("//")
