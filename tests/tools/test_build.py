"""What ships: the same bytes whenever and wherever it is built, and all that belongs to it."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("streamwatch", "alerts", "dashboards", "docs", "tests")
FILES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore")
COMMITTED = 1_795_000_000


def build(folder: Path, seconds_ago: int) -> dict[str, bytes]:
    """Build from a copy whose files are so old; return the archives by name."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for file in folder.rglob("*"):
        os.utime(file, (COMMITTED - seconds_ago,) * 2)
        file.chmod(file.stat().st_mode & (0o755 if seconds_ago else 0o700))
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build"],
        cwd=folder,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(COMMITTED)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {file.name: file.read_bytes() for file in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("first")
    return folder, build(folder, 0)


def test_the_same_source_is_the_same_bytes(built: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    _, first = built
    assert len(first) == 2
    assert build(tmp_path, 86_400) == first


def test_the_source_that_ships_makes_the_same_wheel(built: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    folder, first = built
    source = next((folder / "dist").glob("*.tar.gz"))
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=unpacked,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(COMMITTED)},
        capture_output=True,
        check=True,
    )
    (wheel,) = (unpacked / "dist").iterdir()
    assert wheel.read_bytes() == first[wheel.name]


def test_the_wheel_has_all_that_belongs_to_it(built: tuple[Path, dict[str, bytes]]) -> None:
    wheel = next((built[0] / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        times = {info.date_time for info in archive.infolist()}
    version = wheel.name.split("-")[1]
    assert {f"streamwatch/alerts/{file.name}" for file in (ROOT / "alerts").glob("*.yml")} <= names
    assert {f"streamwatch/runbooks/{file.name}" for file in (ROOT / "docs" / "runbooks").glob("*.md")} <= names
    shared = {file.relative_to(ROOT).as_posix() for file in (ROOT / "share").rglob("*") if file.is_file()}
    assert {f"streamwatch-{version}.data/data/{name}" for name in shared} <= names
    assert {name for name in names if name.startswith(("tests/", "streamwatch/tools/"))} == set()
    assert len(times) == 1
