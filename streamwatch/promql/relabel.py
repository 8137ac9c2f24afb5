"""Functions that change labels: ``label_replace`` and ``label_join``."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from streamwatch.core.errors import EvaluationError
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.match import LABEL, compiled
from streamwatch.promql.series import Element, Vector, unmarked

_REFERENCE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\}|(\$))", re.ASCII)


_LONGEST: Final = 65_536


@lru_cache(maxsize=16)
def _pattern(text: str) -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(text)


def label_replace(elements: Iterable[Element], target: str, replacement: str, source: str, pattern: str) -> Vector:
    """Set a label from the parts of another, where that matches as a whole."""
    if not LABEL.fullmatch(target):
        raise EvaluationError(f"label_replace: {target!r} is no label")
    regex = _pattern(pattern)
    found: Vector = []
    for labels, value in elements:
        match = regex.fullmatch(labels.get(source, ""))
        found.append((labels if match is None else _updated(labels, target, expanded(replacement, match)), value))
    return found


def _updated(labels: Labels, target: str, value: str) -> Labels:
    if len(value) > _LONGEST:
        raise EvaluationError(f"the label {target!r} would be longer than {_LONGEST} characters")
    # A name that is given is one that stays.
    return (unmarked(labels) if target == NAME else labels).updated({target: value})


def expanded(template: str, match: Any) -> str:  # noqa: ANN401 - re2 has no types
    """Return a template with ``$1``, ``${1}`` and ``${name}`` filled in, as Go's Expand does; ``$$`` is a dollar."""

    def part(reference: "re.Match[str]") -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(part, template)


def label_join(elements: Iterable[Element], target: str, separator: str, sources: Sequence[str]) -> Vector:
    """Set a label to others' values, joined."""
    if not LABEL.fullmatch(target):
        raise EvaluationError(f"label_join: {target!r} is no label")

    def joined(labels: Labels) -> Labels:
        return _updated(labels, target, separator.join(labels.get(source, "") for source in sources))

    return [(joined(labels), value) for labels, value in elements]
