"""The picture of who imports whom is made of the imports, and has no arrow back up."""

from pathlib import Path

import pytest

from streamwatch.tools import picture


def test_the_picture_in_the_document_is_current() -> None:
    text = picture.DOCUMENT.read_text(encoding="utf-8")
    assert text.count(picture.BEGIN) == text.count(picture.END) == 1
    assert picture.document(text) == text, "run 'make docs'"


def test_there_are_about_twenty_rooms_and_no_loose_module() -> None:
    assert 15 <= len(picture.rooms()) <= 27
    assert {path.name for path in picture.PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_rooms_stand_above_what_they_import() -> None:
    rooms = {"core": frozenset[str](), "model": frozenset({"core"}), "agent": frozenset({"core", "model"})}

    assert picture.floors(rooms) == [["core"], ["model"], ["agent"]]
    drawn = picture.drawing(rooms)
    assert "agent --> model" in drawn
    assert "agent --> core" not in drawn, "it follows from the others"
    assert "| 3 | `agent/` | core, model |" in drawn


def test_an_arrow_back_up_is_refused() -> None:
    with pytest.raises(ValueError, match=r"in a circle: agent, core"):
        picture.floors({"core": frozenset({"agent"}), "agent": frozenset({"core"}), "model": frozenset()})


def test_imports_within_functions_are_arrows(tmp_path: Path) -> None:
    for room, text in {"core": "", "cli": "def main():\n    from streamwatch.core import errors\n"}.items():
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(text)

    assert picture.rooms(tmp_path) == {"cli": {"core"}, "core": set()}
