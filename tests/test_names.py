"""The words of public names are the field's: who reads Kafka's, Prometheus's, Alertmanager's or AWS's
documents finds them here, and finds no others for the same things. docs/glossary.md has them, and those refused."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "streamwatch"
MODULES: Final = sorted(PACKAGE.rglob("*.py"))


GLOSSARY: Final = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
REFUSED: Final = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", GLOSSARY, re.MULTILINE))
"""What a name does not say, and what it says instead: the glossary's last table."""

FIELDS_OWN: Final = (
    "allow_everyone_if_no_acl_found",
    "group_id_not_found",
    "log_dir_not_found",
    "fetch_session_id_not_found",
    "resource_not_found",
    "transactional_id_not_found",
    "not_found",
)
"""Names that Kafka and AWS gave."""

TWICE: Final[dict[str, str]] = {
    **dict.fromkeys(("Broker", "LogDir", "Shard", "Stream"), "the reference has its own, and imports nothing of ours"),
    "Timestamp": "what ListOffsets takes instead of a time, on both sides of the network",
    **dict.fromkeys(
        (
            *(f"ConsumerGroupDescribe{kind}" for kind in ("Request", "Response")),
            *(f"ShareGroupDescribe{kind}" for kind in ("Request", "Response")),
            *(f"StreamsGroupDescribe{kind}" for kind in ("Request", "Response")),
            *(f"DescribeShareGroupOffsets{kind}" for kind in ("Request", "Response")),
        ),
        "Kafka's message, on both sides of the network",
    ),
    "Config": "a room has one beside what it configures",
}
"""Public classes whose name occurs more than once, and why: each is one thing all the same. Only ever shorter."""


def words(name: str) -> set[str]:
    """Return the words of a name, in lower case."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    for own in FIELDS_OWN:
        snake = snake.replace(own, "")
    return set(snake.split("_"))


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    of = function.args
    for one in (*of.posonlyargs, *of.args, *of.kwonlyargs, of.vararg, of.kwarg):
        if one is not None:
            yield one.arg


def public(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the public names of a module or class: classes, functions, their parameters, fields and constants."""
    for node in body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name
                yield from public(node.body)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("_"):
                    yield name
                if not name.startswith("_") or name == "__init__":
                    yield from parameters(node)
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def dialect(module: Path) -> set[str]:
    """Return the refused words of a module's public names."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = [module.stem, *(name for name in public(tree.body) if not name.startswith("_"))]
    return {word for name in names for word in words(name) if word in REFUSED}


def path_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").as_posix()


def test_public_names_are_the_fields_words() -> None:
    refused = [(path_of(module), word) for module in MODULES for word in sorted(dialect(module))]
    assert not refused, "; ".join(f"{path}: {word!r}: say {REFUSED[word]}" for path, word in refused)


def test_a_class_name_is_one_thing() -> None:
    trees = [ast.parse(module.read_text(encoding="utf-8")) for module in MODULES]
    classes = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    twice = {name for name, count in classes.items() if count > 1 and not name.startswith("_")}

    assert twice - set(TWICE) == set(), "give the new one a name of its own, as its room or API calls it"
    assert set(TWICE) - twice == set(), "these occur once by now: take them from TWICE"


def test_one_word_is_one_thing() -> None:
    rows = re.findall(r"^\| ([^`|]+) \| ([^|]+) \| ([^|]+) \|$", GLOSSARY, re.MULTILINE)
    known = [word for word, meaning, _ in rows if meaning not in {"is", "---"}]

    assert 60 <= len(known) <= 100
    assert len(set(known)) == len(known)
    assert len(REFUSED) > 30
    assert all(meaning.endswith(".") for word, meaning, _ in rows if word in known), "one sentence each"
