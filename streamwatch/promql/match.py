"""Label matchers: a label that is missing is empty; regular expressions are RE2's and match the whole value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from streamwatch.core import patterns
from streamwatch.core.errors import QueryError

Operator = Literal["=", "!=", "=~", "!~"]

LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""A label's name."""


def compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    """Return a regular expression that matches whole values, newlines too.

    Raises:
        QueryError: it is none that RE2 knows.

    """
    try:
        return patterns.compiled(pattern)
    except ValueError as error:
        raise QueryError(f"{pattern[:80]!r}: not a regular expression of RE2: {error}") from error


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label."""

    name: str
    op: Operator
    value: str
    _regex: "re.Pattern[str] | Any" = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.op in {"=~", "!~"}:
            object.__setattr__(self, "_regex", patterns.simple(self.value) or compiled(self.value))

    @property
    def size(self) -> int:
        """How large its regular expression is, in instructions; 0 where it has none."""
        if self._regex is None or isinstance(self._regex, re.Pattern):
            return 0 if self._regex is None else len(self.value)
        return int(self._regex.programsize)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether these labels fulfil it."""
        value = labels.get(self.name, "")
        if self._regex is None:
            return (value == self.value) is (self.op == "=")
        return (self._regex.fullmatch(value) is not None) is (self.op == "=~")
