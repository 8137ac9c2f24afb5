"""An expression's text before it is parsed: bounded, and without what the parser cannot bear.

The parser's memory grows with the square of the nesting, it compiles regular expressions of any size, and it panics at
a time before 1970. So the text is looked at first, in one pass: what is nested too deeply is refused with its place;
regular expressions and times are taken out, and a number stands where they stood.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from streamwatch.core.errors import QueryError

MOST_BYTES: Final = 65_536
MOST_PARTS: Final = 300
"""Operators and brackets."""
DEEPEST: Final = 100
"""Brackets within brackets, and operators one after the other."""
_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+ | \#[^\n]*)
    | (?P<text>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<comma>,)
    | (?P<regex>=~|!~)
    | (?P<at>@)
    | (?P<op>==|!=|<=|>=|[-+*/%^<>]|\b(?:and|or|unless|atan2)\b)
    | (?P<number>(?:0x[0-9a-f_]+ | \d[\d_]*(?:\.[\d_]*)? | \.\d[\d_]*)(?:e[+-]?\d[\d_]*)?)(?![\w.])
    | (?P<word>[\w:.]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_UNDERSCORED: Final = re.compile(r"(?<=[0-9a-fx])_(?=[0-9a-f])", re.IGNORECASE)
_ENDLESS: Final = re.compile(r"inf|nan|0x0*[1-9a-f][0-9a-f]{8,}|\d{11}.*|[\d.]+e\+?0*([1-9]\d|[6-9]).*", re.IGNORECASE)
"""Far more seconds than Prometheus takes, which are 292 years."""
_DECIMAL: Final = re.compile(r"[\d.]+(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_SHOWN: Final = 20
_TIME: Final = re.compile(r"[+-]?(?:inf|nan|\.?\d)", re.IGNORECASE)


@dataclass(slots=True)
class Prepared:
    """A text that may be parsed, and what was taken out of it."""

    text: str = ""
    regexes: list[str] = field(default_factory=list)
    """String literals: of the matcher whose value is the place in this list."""
    moments: list[str] = field(default_factory=list)
    """Seconds since 1970, as they are written: of the time ``@ N``, where N is the place in this list."""


def prepared(text: str) -> Prepared:
    """Return a text that may be parsed.

    Raises:
        QueryError: it is too long, or nested too deeply.

    """
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise QueryError(f"the expression is longer than {MOST_BYTES} bytes: divide it by recording rules")
    return _Scan(text).done()


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[str] = []
        self._prepared = Prepared()
        self._open: list[str] = [""]
        self._operators = [0]
        """Since the bracket or comma before, by bracket."""
        self._depth = 0
        self._parts = 0
        self._offset = False
        """Whether `offset` stands before."""

    def done(self) -> Prepared:
        tokens = _TOKEN.finditer(self._text)
        for token in tokens:
            kind = str(token.lastgroup)
            match kind:
                case "open" | "close" | "comma" | "op":
                    self._bracketed(kind, token)
                    self._out.append(token[0])
                case "regex":
                    # What stands for it matches an empty label where the parser would mind that it does not.
                    self._out += (token[0], self._regex(tokens, "" if token[0] == "=~" else "|"))
                case "at":
                    self._out += ("@ ", self._moment(tokens))
                case "number" | "word":
                    self._out.append(self._word(kind, token))
                case "space":
                    self._out.append(" ")
                case _:
                    self._out.append(token[0])
        self._prepared.text = "".join(self._out)
        return self._prepared

    def _bracketed(self, kind: str, token: "re.Match[str]") -> None:
        """Count brackets and operators; what stands between commas is not nested within each other."""
        if kind == "open":
            self._open.append(token[0])
            self._operators.append(0)
            self._deeper(1, token)
        elif kind == "close" and len(self._open) > 1:
            self._open.pop()
            self._depth -= self._operators.pop() + 1
        elif kind == "comma":
            self._depth -= self._operators[-1]
            self._operators[-1] = 0
        elif kind == "op" and self._open[-1] != "{":
            self._operators[-1] += 1
            self._deeper(1, token)

    def _deeper(self, by: int, token: "re.Match[str]") -> None:
        self._depth += by
        self._parts += 1
        if self._depth > DEEPEST:
            raise QueryError(f"{self._place(token)}: the expression is nested deeper than {DEEPEST}: {_DIVIDE}")
        if self._parts > MOST_PARTS:
            many = f"the expression has more than {MOST_PARTS} operators and brackets"
            raise QueryError(f"{self._place(token)}: {many}: {_DIVIDE}")

    def _word(self, kind: str, token: "re.Match[str]") -> str:
        """Return a number or word as the parser reads it, which panics at a duration in seconds that is none."""
        word = _UNDERSCORED.sub("", token[0]) if kind == "number" else token[0]
        is_span, self._offset = self._offset or self._open[-1] == "[", word.lower() == "offset"
        if is_span and _ENDLESS.fullmatch(word):
            raise QueryError(f"{self._place(token)}: duration out of range")
        if kind == "number" and _DECIMAL.fullmatch(word) and math.isinf(float(word)):
            raise QueryError(f"{self._place(token)}: the number {word[:_SHOWN]} is out of range: write Inf")
        return word

    def _regex(self, tokens: Iterator["re.Match[str]"], end: str) -> str:
        """Take the literal behind ``=~``; whatever else stands there is the parser's to refuse."""
        for token in tokens:
            if token.lastgroup == "text":
                self._prepared.regexes.append(token[0])
                return f'"{len(self._prepared.regexes) - 1}{end}"'
            if token.lastgroup != "space":
                return f" {token[0]}"
        return ""

    def _moment(self, tokens: Iterator["re.Match[str]"]) -> str:
        """Take the time behind ``@``; ``start()`` and ``end()`` stay."""
        written = ""
        for token in tokens:
            if token.lastgroup == "space":
                continue
            written += token[0]
            if written not in {"+", "-"}:
                break
        if not _TIME.match(written):
            return written
        self._prepared.moments.append(_UNDERSCORED.sub("", written))
        return str(len(self._prepared.moments) - 1)

    def _place(self, token: "re.Match[str]") -> str:
        line = self._text.count("\n", 0, token.start()) + 1
        return f"{line}:{token.start() - self._text.rfind(chr(10), 0, token.start())}"


_DIVIDE: Final = "divide it by recording rules"
