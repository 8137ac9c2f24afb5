"""Conditions on labels in Alertmanager's notation: ``severity="critical"``, ``team=~"a|b"``, ``stream!=test``."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, cast

from streamwatch.core.errors import QueryError
from streamwatch.promql.match import Matcher

Matchers: TypeAlias = tuple[Matcher, ...]

_CONDITION: Final = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"{},\s]*))\s*')
_ESCAPE: Final = re.compile(r"\\(.)")


def matchers(texts: Iterable[str]) -> Matchers:
    """Read conditions.

    Raises:
        ValueError: one is none.

    """
    return tuple(_matcher(text) for text in texts)


def fulfil(conditions: Matchers, labels: Mapping[str, str]) -> bool:
    """Say whether these labels fulfil all conditions."""
    return all(condition.matches(labels) for condition in conditions)


def _matcher(text: str) -> Matcher:
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no condition on a label: write it like 'team=\"data\"' (=, !=, =~ or !~)")
    name, operator, quoted, bare = found.groups()
    value = bare if quoted is None else _ESCAPE.sub(lambda one: "\n" if one[1] == "n" else one[1], quoted)
    try:
        return Matcher(name, cast('Literal["=", "!=", "=~", "!~"]', operator), value)
    except QueryError as error:
        raise ValueError(f"{text!r}: {error}") from error


def text_of(matcher: Matcher) -> str:
    """Return a condition as it is written."""
    value = matcher.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{matcher.name}{matcher.op}"{value}"'
