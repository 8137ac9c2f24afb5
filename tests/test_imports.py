"""Who imports what, so that nobody pays for what he does not use: by modules, since times differ by machine."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from streamwatch.cli import _Commands, main

ROOT = Path(__file__).parent.parent
MANY = 1000


def imported(program: str, *args: str) -> set[str]:
    """Run a program in a process of its own; return the top-level packages, and own modules, that it has then."""
    told = f"import sys\ntry:\n    {program}\nfinally:\n    print('\\n'.join(['', 'MODULES', *sys.modules]))"
    answer = subprocess.run([sys.executable, "-c", told, *args], check=True, cwd=ROOT, capture_output=True, text=True)
    names = answer.stdout.partition("\nMODULES\n")[2].split()
    return {name if name.startswith("streamwatch.") else name.partition(".")[0] for name in names}


def command(*args: str) -> set[str]:
    """Return what a command imports."""
    return imported("from streamwatch.cli import main; main(standalone_mode=False)", *args)


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("run", "--help"), ("doctor", "--help")])
def test_help_imports_no_more_than_the_command_line(args: tuple[str, ...]) -> None:
    now = command(*args)

    assert {one for one in now if one.startswith("streamwatch.")} == {"streamwatch.cli", "streamwatch.errors"}
    assert not now & {
        "numpy",
        "kafka",
        "boto3",
        "botocore",
        "gotpl",
        "re2",
        "yaml",
        "apscheduler",
        "sqlite3",
        "asyncio",
    }


@pytest.mark.parametrize("name", sorted(_Commands._elsewhere))
def test_the_list_says_of_a_command_elsewhere_what_it_says_itself(name: str) -> None:
    assert isinstance(main, _Commands)
    real = main.get_command(click.Context(main), name)

    assert real is not None
    assert main._short_help(name, MANY) == real.get_short_help_str(MANY)
