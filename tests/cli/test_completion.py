"""Shells complete the commands, and the man page has them all."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.cli.completion import SHELLS
from streamwatch.cli.main import main
from streamwatch.tools import manual

ROOT = Path(__file__).parents[2]


def test_what_ships_is_current() -> None:
    old = [path for path, text in manual.pages().items() if (manual.FOLDER / path).read_text("utf-8") != text]
    assert old == [], "run 'make docs'"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_what_ships(shell: str) -> None:
    printed = CliRunner().invoke(main, ["completion", shell]).output
    assert printed in manual.pages().values()
    assert "_STREAMWATCH_COMPLETE" in printed


def test_a_real_bash_completes_commands_options_and_files(tmp_path: Path) -> None:
    program = tmp_path / "streamwatch"
    program.write_text(f"#!{sys.executable}\nfrom streamwatch.cli.main import main\nmain(prog_name='streamwatch')\n")
    program.chmod(0o755)
    (tmp_path / "agent.yaml").touch()
    typed = ["streamwatch", "check-c"], ["streamwatch", "run", "--kin"], ["streamwatch", "rules", "ex"]
    script = ROOT / "docs" / "share" / "bash-completion" / "completions" / "streamwatch"
    lines = [f"source {script}"]
    for words in typed:
        lines += [
            f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; COMPREPLY=()",
            "_streamwatch_completion streamwatch; echo ${COMPREPLY[*]}",
        ]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["check-config", "--kinesis", "export"], done.stderr


def test_completing_a_command_imports_none(tmp_path: Path) -> None:
    code = "import sys; from streamwatch.cli.main import main; main(prog_name='streamwatch', standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=os.environ | {"_STREAMWATCH_COMPLETE": "zsh_complete", "COMP_WORDS": "streamwatch ", "COMP_CWORD": "1"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "may-restart" in done.stdout
    assert {name for name in ("numpy", "textual", "boto3", "yaml") if f" {name}\n" in done.stderr} == set()


def test_the_man_page_has_every_command_and_option() -> None:
    text = manual.manual()
    for command in ("run", "rules export", "reference fault", "silence add", "completion"):
        assert f".SS streamwatch {command}" in text
    assert ".B \\-\\-share INDEX/COUNT\n" in text
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run([groff, "-man", "-ww", "-Tutf8"], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "streamwatch check-config FILE" in re.sub(".\x08", "", done.stdout)
