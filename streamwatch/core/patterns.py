"""Regular expressions that people write: RE2's, which match in time linear to the text, whatever the expression.

Python's own take exponential time for some, and no other thread runs meanwhile: no text of a person's is matched by
them, but for expressions so simple that they do it as quickly.
"""

import re
from functools import lru_cache
from typing import Any, Final

_SIMPLE: Final = re.compile(r"(?:[\w:/ -]|\.[+*])*(?:\((?:[\w:/ -]|\|)*\))?|(?:[\w:/ -]|\|)*", re.ASCII)
"""Literals, ``.+`` and ``.*``, and one choice between literals: what Python's own expressions match alike."""
_MOST_SIMPLE: Final = 200
_MOST_ANY: Final = 1
"""Of ``.+`` and ``.*`` in a simple expression: Python tries every way to divide a text between several."""
_MOST_MEMORY: Final = 2**20
"""Of one regular expression, in bytes: a program of 40,000 instructions, and what matching it remembers."""


def compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    """Return an expression of RE2 whose ``fullmatch`` matches whole texts, newlines too.

    Raises:
        ValueError: it is none that RE2 knows; the message says why.

    """
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - it takes 2 MB, and most expressions do without

    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = _MOST_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        message = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(message) from error


def simple(pattern: str) -> "re.Pattern[str] | None":
    """Return an expression that Python matches as RE2 does, and as quickly; None where it may not."""
    is_simple = (
        len(pattern) <= _MOST_SIMPLE
        and _SIMPLE.fullmatch(pattern) is not None
        and len(re.findall(r"\.[+*]", pattern)) <= _MOST_ANY
    )
    return re.compile(pattern, re.DOTALL) if is_simple else None


@lru_cache(maxsize=1024)
def quickest(pattern: str) -> Any:  # noqa: ANN401 - as above
    """Return what matches whole texts: without RE2 where that makes no difference.

    Raises:
        ValueError: it is no expression of RE2; the message says why.

    """
    return simple(pattern) or compiled(pattern)
