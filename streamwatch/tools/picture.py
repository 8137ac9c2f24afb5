"""The picture of who imports whom, in docs/architecture.md: ``python -m streamwatch.tools.picture [--check]``.

A room is a folder of the package. It stands one floor above the highest room that it imports. The arrows of the drawing
are those that do not follow from others; the table has all of them.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = PACKAGE.parent / "docs" / "architecture.md"
BEGIN: Final = "<!-- picture: python -m streamwatch.tools.picture -->\n"
END: Final = "<!-- end of the picture -->\n"

Rooms = Mapping[str, frozenset[str]]
"""The rooms that each room imports."""


def imported(module: Path) -> Iterator[str]:
    """Yield the rooms that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "streamwatch":
            names = [f"streamwatch.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        yield from (name.split(".")[1] for name in names if name.startswith("streamwatch."))


def rooms(package: Path = PACKAGE) -> Rooms:
    """Return the rooms of the package, and those that each imports."""
    folders = {folder.name: folder for folder in package.iterdir() if (folder / "__init__.py").exists()}
    return {
        name: frozenset(
            room for module in folder.rglob("*.py") for room in imported(module) if room in folders and room != name
        )
        for name, folder in sorted(folders.items())
    }


def floors(rooms: Rooms) -> list[list[str]]:
    """Return the rooms by floors, from the bottom up.

    Raises:
        ValueError: an arrow leads back up: rooms import each other in a circle.

    """
    built: list[list[str]] = []
    under: set[str] = set()
    while len(under) < len(rooms):
        floor = sorted(name for name, imports in rooms.items() if name not in under and imports <= under)
        if not floor:
            raise ValueError(f"these rooms import each other in a circle: {', '.join(sorted(rooms.keys() - under))}")
        built.append(floor)
        under.update(floor)
    return built


def _reach(rooms: Rooms, room: str) -> set[str]:
    """Return all that a room imports, itself or through others."""
    return set(rooms[room]).union(*(_reach(rooms, name) for name in rooms[room]))


def drawing(rooms: Rooms) -> str:
    """Return the drawing, in Mermaid, and the table."""
    by_floor = floors(rooms)
    lines = ["```mermaid", "flowchart TD"]
    for number, floor in reversed(list(enumerate(by_floor, 1))):
        lines += [f'  subgraph floor{number}["floor {number}"]', *(f"    {name}" for name in floor), "  end"]
    for floor in reversed(by_floor):
        for name in floor:
            through = set[str]().union(*(_reach(rooms, room) for room in rooms[name]))
            lines += [f"  {name} --> {room}" for room in sorted(rooms[name] - through)]
    arrows = sum(map(len, rooms.values()))
    lines += ["```", "", f"{len(rooms)} rooms on {len(by_floor)} floors, {arrows} arrows, none of them back up.", ""]
    lines += ["| floor | room | imports |", "|---|---|---|"]
    for number, floor in reversed(list(enumerate(by_floor, 1))):
        for name in floor:
            lines.append(f"| {number} | `{name}/` | {', '.join(sorted(rooms[name])) or 'nothing'} |")
    return "\n".join(lines) + "\n"


def document(text: str) -> str:
    """Return the document with the picture as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{drawing(rooms())}{END}{after}"


def main() -> None:
    """Draw it, or say that it is old."""
    text = DOCUMENT.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        sys.exit(f"{DOCUMENT}: the picture has no place: write {BEGIN.strip()} and {END.strip()}")
    now = document(text)
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(now, encoding="utf-8")
    elif now != text:
        sys.exit(f"{DOCUMENT}: the picture is old: run 'make docs'")


if __name__ == "__main__":
    main()
