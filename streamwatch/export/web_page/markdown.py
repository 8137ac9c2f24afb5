"""As much of Markdown as runbooks are written in: headings, paragraphs, lists, tables, code; nothing in it is HTML."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

Kind = Literal["h1", "h2", "p", "ul", "ol", "table", "pre"]

_FENCE: Final = "```"
_INLINE: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_ITEM: Final = re.compile(r"(?:- |\d+\. )")


@dataclass(frozen=True, slots=True)
class Words:
    """A run of text: plain, in bold, or code."""

    tag: Literal["", "b", "code"]
    text: str


@dataclass(frozen=True, slots=True)
class MarkdownBlock:
    """A heading, a paragraph, a list, a table; its lines, items or cells."""

    kind: Kind
    lines: Sequence[Sequence[Sequence[Words]]]
    """By line, or item, or row; by cell; the words."""


def blocks(text: str) -> list[MarkdownBlock]:
    """Return what a text is made of."""
    found: list[MarkdownBlock] = []
    for at, part in enumerate(re.split(rf"^{_FENCE}.*$", text, flags=re.MULTILINE)):
        if at % 2:  # within a fence
            found.append(MarkdownBlock("pre", [[[Words("", part.strip("\n"))]]]))
            continue
        for kind, lines in groupby(part.splitlines(), _kind):
            if kind is not None:
                found.append(_block(kind, list(lines)))
    return found


def _kind(line: str) -> Kind | None:
    if not line.strip():
        return None
    if line.startswith("#"):
        return "h1" if line.startswith("# ") else "h2"
    if line.startswith("|"):
        return "table"
    if _ITEM.match(line):
        return "ul" if line.startswith("-") else "ol"
    return "p"


def _block(kind: Kind, lines: Sequence[str]) -> MarkdownBlock:
    if kind == "table":
        rows = [line.strip().strip("|").split("|") for line in lines if set(line) - set("|-: ")]
        return MarkdownBlock(kind, [[_words(cell) for cell in row] for row in rows])
    if kind == "p":
        return MarkdownBlock(kind, [[_words(" ".join(lines))]])
    return MarkdownBlock(kind, [[_words(_ITEM.sub("", line.lstrip("# "), count=1))] for line in lines])


def _words(text: str) -> list[Words]:
    found, end = [], 0
    for one in _INLINE.finditer(text):
        found.append(Words("", text[end : one.start()]))
        found.append(Words("code", one[1]) if one[1] else Words("b", one[2]))
        end = one.end()
    return [one for one in (*found, Words("", text[end:])) if one.text]
