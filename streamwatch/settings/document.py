"""A YAML text taken apart: bounded in size, depth and aliases, with every mistake at its line.

The configuration, rule files and tests of rules are all read from this; ``reader.py`` makes objects of its nodes.
"""

import re
from collections.abc import Iterator
from typing import Final

import yaml

from streamwatch.core.errors import ConfigError

MOST_BYTES: Final = 2**20
"""A larger configuration is refused."""
_MOST_NODES: Final = 20_000
_DEEPEST: Final = 100
"""Lists and mappings within each other: libyaml's composer ends the process at some thousands."""
_MERGE: Final = "tag:yaml.org,2002:merge"
_MOST_MERGED: Final = 5
_MOST_MERGES: Final = 20_000
_QUOTED_WORD: Final = re.compile(r"'(?=[!-]*\w)[!\w-]+'")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where PyYAML came with it: rules are a hundred kilobytes."""
_MOST_EXPLAINED: Final = 100_000
"""Characters: so much is parsed again in Python, which says more about a mistake than libyaml does."""
_FAULTS: Final = (yaml.YAMLError, RecursionError, ValueError, OverflowError)

Pairs = Iterator[tuple[yaml.Node, yaml.Node]]


class Document:
    """One text while it is read."""

    def __init__(self, where: str, most_bytes: int = MOST_BYTES, most_nodes: int = _MOST_NODES) -> None:
        self.mistakes: list[tuple[int, str]] = []
        """By line."""
        self.where = where
        self._most_bytes, self._most_nodes = most_bytes, most_nodes
        self._visited = self._merges = 0

    @property
    def sorted_mistakes(self) -> list[str]:
        """The mistakes, in the order of the text."""
        return [mistake for _, mistake in sorted(self.mistakes, key=lambda pair: pair[0])]

    def compose(self, text: str) -> list[yaml.Node]:
        """Return the documents of a text that are not empty.

        Raises:
            ConfigError: it is no YAML, or too large.

        """
        if len(text.encode("utf-8", "replace")) > self._most_bytes:
            raise ConfigError([f"{self.where}: larger than {self._most_bytes} bytes: is this the right file?"])
        try:
            if (line := _too_deep(text)) is not None:
                raise ConfigError([f"{self.where}:{line}: nested deeper than {_DEEPEST}: is this the right file?"])
            return [node for node in yaml.compose_all(text, Loader=_LOADER) if not is_null(node)]
        except _FAULTS as error:
            raise ConfigError([self._not_yaml(text, _explained(text, error))]) from None

    def _not_yaml(self, text: str, error: Exception) -> str:
        if isinstance(error, yaml.MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            # The word may be a password that starts with '*' or '!', and the error itself quotes the whole line.
            what = _QUOTED_WORD.sub("'...'", error.problem or error.context or "")
            hint = ": put text with special characters in single quotes" if "'...'" in what else ""
            return f"{self.where}:{mark.line + 1 if mark else 1}: not YAML: {what}{hint}"
        if isinstance(error, yaml.reader.ReaderError):
            line = text.count("\n", 0, error.position) + 1
            return f"{self.where}:{line}: not YAML: unacceptable character {chr(error.character)!a}: remove it"
        if isinstance(error, RecursionError):
            return f"{self.where}: nested too deeply: is this the right file?"
        return f"{self.where}: not YAML: an escape or a number in it is out of range"

    def wrong(self, node: yaml.Node, path: str, what: str) -> None:
        """Note a mistake at a node."""
        line = node.start_mark.line + 1
        self.mistakes.append((line, f"{self.where}:{line}: {path}: {what}" if path else f"{self.where}:{line}: {what}"))

    def visit(self, node: yaml.Node) -> None:
        """Count a node, a long one as several: by aliases a short file can mean a very long one."""
        self._visited += 1 + len(node.value) // 64
        if self._visited > self._most_nodes:
            raise ConfigError([f"{self.where}: more than {self._most_nodes} values: do its anchors multiply?"])

    def pairs(self, node: yaml.MappingNode, path: str) -> Pairs:
        """Yield keys and values of a mapping: its own, then what ``<<`` brings besides."""
        merged: dict[object, tuple[yaml.Node, yaml.Node]] = {}
        own: set[object] = set()
        for key, value in node.value:
            if key.tag == _MERGE:
                merged |= self._merged(value, path)
            else:
                own.add(key.value if isinstance(key, yaml.ScalarNode) else None)
                yield key, value
        yield from (pair for name, pair in merged.items() if name not in own)

    def _merged(self, node: yaml.Node, path: str, depth: int = 0) -> dict[object, tuple[yaml.Node, yaml.Node]]:
        """Return the pairs of a mapping by key, or those of several, of which the first counts."""
        pairs_by_key: dict[object, tuple[yaml.Node, yaml.Node]] = {}
        self._merges += 1
        if self._merges > _MOST_MERGES:
            raise ConfigError([f"{self.where}: more than {_MOST_MERGES} uses of `<<`: do its anchors multiply?"])
        if depth > _MOST_MERGED:
            self.wrong(node, path, "`<<` within `<<`, too often: is it part of itself?")
        elif isinstance(node, yaml.SequenceNode):
            for each in reversed(node.value):
                pairs_by_key |= self._merged(each, path, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.tag == _MERGE:
                    pairs_by_key = {**self._merged(value, path, depth + 1), **pairs_by_key}
                elif isinstance(key, yaml.ScalarNode):
                    pairs_by_key[key.value] = (key, value)
        else:
            self.wrong(node, path, "`<<` stands for a mapping: write '<<: *anchor'")
        return pairs_by_key


def is_null(node: yaml.Node | None) -> bool:
    """Say whether nothing stands there."""
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null")


def empty() -> yaml.MappingNode:
    """Return a mapping without keys, as if it stood in the first line."""
    start = yaml.Mark("", 0, 0, 0, None, 0)
    return yaml.MappingNode("tag:yaml.org,2002:map", [], start, start)


def value_at(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return what a mapping has under a key; None where it has none, or is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for own, value in pairs if isinstance(own, yaml.ScalarNode) and own.value == key), None)


def text_at(node: yaml.Node | None, key: str) -> str:
    """Return the text that a mapping has under a key; nothing where there is no text."""
    value = value_at(node, key)
    return value.value if isinstance(value, yaml.ScalarNode) and not is_null(value) else ""


def _too_deep(text: str) -> int | None:
    """Return the line where lists and mappings are nested too deeply; None where they are not."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                return 1 if event.start_mark is None else int(event.start_mark.line) + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _explained(text: str, error: Exception) -> Exception:
    """Return the error that PyYAML's own parser has of a text that libyaml refuses."""
    if len(text) > _MOST_EXPLAINED:
        return error
    try:
        for _ in yaml.compose_all(text, Loader=yaml.SafeLoader):
            pass
    except _FAULTS as plain:
        return plain
    return error
