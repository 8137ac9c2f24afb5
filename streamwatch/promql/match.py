"""Label matchers: a label that is missing is empty; regular expressions are RE2's and match the whole value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from streamwatch.core.errors import QueryError

Operator = Literal["=", "!=", "=~", "!~"]

LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""A label's name."""


_SIMPLE: Final = re.compile(r"(?:[\w:/ -]|\.[+*])*(?:\((?:[\w:/ -]|\|)*\))?|(?:[\w:/ -]|\|)*", re.ASCII)
"""Literals, ``.+`` and ``.*``, and one choice between literals: what Python's own expressions match alike."""
_MOST_SIMPLE: Final = 200
_MOST_ANY: Final = 1
"""Of ``.+`` and ``.*`` in a simple expression: Python tries every way to divide a text between several."""
_MOST_MEMORY: Final = 2**20
"""Of one regular expression, in bytes: a program of 40,000 instructions, and what matching it remembers."""


def compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    """Return a regular expression that matches whole values, newlines too.

    Raises:
        QueryError: it is none that RE2 knows.

    """
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - it takes 2 MB, and the rules of the pack do without

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        return re2.compile(f"(?s:{pattern})", options)
    except re2.error as error:
        message = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise QueryError(f"{pattern[:80]!r}: not a regular expression of RE2: {message}") from error


def _simple(pattern: str) -> "re.Pattern[str] | None":
    """Return a regular expression that Python matches as RE2 does, and as quickly; None where it may not."""
    is_simple = (
        len(pattern) <= _MOST_SIMPLE
        and _SIMPLE.fullmatch(pattern) is not None
        and len(re.findall(r"\.[+*]", pattern)) <= _MOST_ANY
    )
    return re.compile(pattern, re.DOTALL) if is_simple else None


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label."""

    name: str
    op: Operator
    value: str
    _regex: "re.Pattern[str] | Any" = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.op in {"=~", "!~"}:
            object.__setattr__(self, "_regex", _simple(self.value) or compiled(self.value))

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
