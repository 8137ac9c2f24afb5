"""Finds the wanted series on a page in Prometheus's text format, as its bytes come; the rest is skipped."""

import re
from collections.abc import Collection, Mapping
from typing import Final

_LABEL: Final = re.compile(rb'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPES: Final = {b'\\"': b'"', b"\\\\": b"\\", b"\\n": b"\n"}
_ESCAPE: Final = re.compile(rb'\\[\\"n]')
_MOST_LINE_BYTES: Final = 2**16

Series = dict[str, list[tuple[Mapping[str, str], float]]]


class Unreadable(ValueError):
    """What came is no page of metrics."""


class ExpositionParser:
    """Takes a page chunk by chunk."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        """Begin a page; ``pattern`` is made by ``wanted``."""
        self.series: Series = {}
        self._pattern = pattern
        self._rest = b""
        self._lines = self._comments = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            Unreadable: a line is endless, or a wanted one has no number.

        """
        block = self._rest + chunk if self._rest else chunk
        cut = block.rfind(b"\n") + 1
        self._rest = block[cut:]
        if len(self._rest) > _MOST_LINE_BYTES:
            raise Unreadable(f"a line is longer than {_MOST_LINE_BYTES} bytes")
        if cut:
            self._take(block[:cut])

    def end(self) -> Series:
        """Return what was found.

        Raises:
            Unreadable: there was nothing that looked like metrics at all.

        """
        if self._rest:
            self._take(self._rest + b"\n")
            self._rest = b""
        if not self.series and not self._comments:
            raise Unreadable("there is neither a wanted series nor a comment on it: is this a page of metrics?")
        return self.series

    def _take(self, block: bytes) -> None:
        self._comments += block.startswith(b"# ") or b"\n# " in block
        for match in self._pattern.finditer(block):
            name, labels, value = match.groups()
            try:
                number = float(value)
            except ValueError as error:
                raise Unreadable(f"{name.decode()} has no number: {value[:40]!r}") from error
            self.series.setdefault(name.decode(), []).append((_labels(labels) if labels else {}, number))


def wanted(names: Collection[str]) -> re.Pattern[bytes]:
    """Return what finds the lines of these names."""
    some = b"|".join(re.escape(name.encode()) for name in sorted(names, key=len, reverse=True))
    labels = rb'\{((?:[^"}\n]|"(?:[^"\\\n]|\\.)*")*)\}'
    return re.compile(rb"^(" + some + rb")(?:" + labels + rb")?[ \t]+(\S+)", re.MULTILINE)


def _labels(text: bytes) -> dict[str, str]:
    return {
        name.decode(): (_ESCAPE.sub(lambda one: _ESCAPES[one.group()], value) if b"\\" in value else value).decode(
            "utf-8", "replace"
        )
        for name, value in _LABEL.findall(text)
    }
