"""Rule files, read strictly: every mistake at once, each with its file, line and rule.

A file is Prometheus's, or holds manifests for its operator: ``kind: PrometheusRule``, one or many, in lists or not.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import yaml

from streamwatch.core.errors import ConfigError, RuleError
from streamwatch.rules.config import pack_folder
from streamwatch.rules.entry import GroupEntry, Manifest, PackFile, RuleFile
from streamwatch.rules.rule import RuleGroup
from streamwatch.settings.document import is_null, text_at, value_at
from streamwatch.settings.reader import SettingsReader

MOST_BYTES: Final = 2**21
MOST_RULES: Final = 5_000
_MOST_NODES: Final = 200_000
API: Final = "monitoring.coreos.com/v1"
KIND: Final = "PrometheusRule"
_LISTS: Final = ("List", f"{KIND}List")


def load(paths: Iterable[Path]) -> tuple[RuleGroup, ...]:
    """Read rule files.

    Raises:
        RuleError: with every mistake in all of them.

    """
    mistakes: list[str] = []
    groups_read: list[RuleGroup] = []
    for path in paths:
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:  # not UTF-8, too, and what is no path
            why = getattr(error, "strerror", None) or error
            mistakes.append(f"{path}: cannot be read: {why}: give the path of a file of rules")
            continue
        groups, wrong = read(text, str(path))
        groups_read += groups
        mistakes += wrong
        if sum(len(group.rules) for group in groups_read) > MOST_RULES:
            mistakes.append(f"{path}: more than {MOST_RULES} rules until here: hand some over to a Prometheus")
            break  # whoever has so many may have very many
    if mistakes:
        raise RuleError(mistakes)
    return tuple(groups_read)


def read(text: str, where: str) -> tuple[list[RuleGroup], list[str]]:
    """Read the text of a rule file; return its groups, and what is wrong with it: one of them is empty."""
    reader = reader_of(where)
    try:
        groups = _groups(reader, reader.compose(text))
    except ConfigError as error:
        return [], error.mistakes
    return ([], reader.sorted_mistakes) if reader.mistakes else ([group.made(file) for file, group in groups], [])


def reader_of(where: str) -> SettingsReader:
    """Return what reads files of rules, and of their tests: a key without a value is as good as none."""
    return SettingsReader(where, skips_nulls=True, most_bytes=MOST_BYTES, most_nodes=_MOST_NODES)


def _groups(reader: SettingsReader, documents: Sequence[yaml.Node]) -> list[tuple[str, GroupEntry]]:
    """Return the groups, each with the file that it is of to Prometheus."""
    if any(text_at(node, "kind") or text_at(node, "apiVersion") for node in documents):
        return _manifests(reader, [each for node in documents for each in _unpacked(reader, node)], documents[0])
    for other in documents[1:]:
        reader.wrong(other, "", "a second document, which nobody reads: remove it")
    kind = PackFile if Path(reader.where).parent == pack_folder() else RuleFile
    file = reader.convert(kind, documents[0], "") if documents else None
    return [(reader.where, group) for group in (file.groups if file is not None else ())]


def _unpacked(reader: SettingsReader, node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield the objects of a list, or the object itself."""
    if text_at(node, "kind") not in _LISTS:
        yield node
        return
    items = value_at(node, "items")
    for each in () if items is None or is_null(items) else reader.convert(tuple[object, ...], items, "items"):
        if text_at(each, "kind") in _LISTS:
            reader.wrong(each, "", "a list in a list, which Kubernetes does not have either: move its items up")
        else:
            yield each


def _manifests(reader: SettingsReader, objects: Sequence[yaml.Node], first: yaml.Node) -> list[tuple[str, GroupEntry]]:
    groups_read: list[tuple[str, GroupEntry]] = []
    rules = [node for node in objects if _is_rules(reader, node)]
    names: set[str] = set()
    for at, node in enumerate(rules):
        metadata = value_at(node, "metadata")
        name = ".".join(part for key in ("namespace", "name") if (part := text_at(metadata, key)))
        # Each is a file of its own to Prometheus: the file tells its groups from those of others.
        name = f"{name}.{at}".lstrip(".") if name in names or not name else name
        names.add(name)
        file = reader.where if len(rules) == 1 else f"{reader.where}#{name}"
        manifest = reader.convert(Manifest, node, "")
        if manifest is not None and manifest.spec is not None:
            groups_read += [(file, group) for group in manifest.spec.groups]
    if not rules and not reader.mistakes:
        reader.wrong(first, "", f"there is no {KIND} in it: is this the right file?")
    return groups_read


def _is_rules(reader: SettingsReader, node: yaml.Node) -> bool:
    """Say whether an object holds rules; one that only seems to is a mistake, others are none of ours."""
    kind, api = text_at(node, "kind"), text_at(node, "apiVersion")
    if kind == KIND and api == API:
        return True
    if not kind or not api or value_at(value_at(node, "spec"), "groups") is not None:
        reader.wrong(node, "", f"kind {kind!r} of {api!r} is not read: rules are in `kind: {KIND}` of `{API}`")
    return False
