"""The walk in docs/architecture.md is true: each file and name exists, and no file is named twice."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
WALK: Final = (
    (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## A walk")[2].partition("\n## ")[0]
)
STEPS: Final = re.findall(r"^\| (\d+) \| `([\w/]+\.py)` \| `([\w.]+)` \| (.+) \|$", WALK, re.MULTILINE)


def names(body: list[ast.stmt], prefix: str = "") -> set[str]:
    """Return the classes, functions, methods and constants of a module."""
    found: set[str] = set()
    for node in body:
        match node:
            case ast.ClassDef(name=name):
                found |= {prefix + name, *names(node.body, f"{prefix}{name}.")}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(prefix + name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found.add(prefix + name)
    return found


@pytest.mark.parametrize(("number", "file", "name", "what"), STEPS, ids=lambda one: one if "/" in one else "")
def test_a_step_is_there(number: str, file: str, name: str, what: str) -> None:
    tree = ast.parse((ROOT / "streamwatch" / file).read_text(encoding="utf-8"))

    assert name in names(tree.body), f"step {number}: {file} has no {name}"
    assert what.endswith(".")


def test_there_are_two_walks_and_no_file_comes_twice() -> None:
    numbers = [int(number) for number, *_ in STEPS]
    second = numbers.index(1, 1)

    assert numbers == [*range(1, second + 1), *range(1, len(numbers) - second + 1)]
    assert min(second, len(numbers) - second) >= 10
    assert len({file for _, file, *_ in STEPS}) == len(STEPS)
    assert sum(line.startswith("| ") and line[2].isdigit() for line in WALK.splitlines()) == len(STEPS), "a line apart"
