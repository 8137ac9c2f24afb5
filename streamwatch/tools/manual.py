"""Writes docs/share/: the man page, and what shells need to complete, of the commands as they are.

``python -m streamwatch.tools.manual`` writes them, ``--check`` says which are old and exits with 1. click has the
scripts of shells, which ask the program at each Tab; click-man makes a page for each of 40 commands, with the day:
one page, the same each time, is easier to read and to compare.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from streamwatch.cli.completion import script
from streamwatch.cli.main import main as commands

FOLDER: Final = Path(__file__).parents[2] / "docs" / "share"
_NAME: Final = "streamwatch"


def manual() -> str:
    """Return the man page, in roff."""
    context = click.Context(commands, info_name=_NAME)
    lines = [
        f'.TH {_NAME.upper()} 1 "" "{_NAME}" "User commands"',
        ".SH NAME",
        f"{_NAME} \\- {_text('watches Kafka, Amazon MSK and Kinesis, and pages within seconds')}",
        ".SH SYNOPSIS",
        f".B {_NAME}",
        ".I COMMAND",
        "[options]",
        ".SH DESCRIPTION",
        *_paragraphs(commands),
        ".SH COMMANDS",
    ]
    for one, path in _all(commands, context):
        lines += [f".SS {_text(f'{path} {_arguments(one)}'.strip())}", *_paragraphs(one), *_options(one)]
    lines += [
        ".SH EXIT STATUS",
        _text(
            "0: it is as asked. 1: something cannot be done, or is not well. 2: the call or the configuration is wrong."
        ),
        ".SH SIGNALS",
        _text("SIGHUP reads the configuration again, all or nothing. SIGTERM and SIGINT end the agent."),
        ".SH ENVIRONMENT",
        _text(
            "STREAMWATCH_KAFKA_BOOTSTRAP, STREAMWATCH_KINESIS_REGIONS and others are the configuration of an agent"
            " without a file: docs/configuration.md."
            " NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are systemd's: it hears that the agent is ready, and works."
        ),
    ]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return all files below ``docs/share/`` that are made, by their paths."""
    return {
        f"man/man1/{_NAME}.1": manual(),
        f"bash-completion/completions/{_NAME}": script("bash", commands),
        f"fish/vendor_completions.d/{_NAME}.fish": script("fish", commands),
        f"zsh/site-functions/_{_NAME}": script("zsh", commands),
    }


def _all(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, str]]:
    """Yield commands that do something, with what is typed for them."""
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        if one is None or one.hidden:
            continue
        within = click.Context(one, info_name=name, parent=context)
        if isinstance(one, click.Group):
            if one.invoke_without_command:
                yield one, within.command_path
            yield from _all(one, within)
        else:
            yield one, within.command_path


def _arguments(one: click.Command) -> str:
    return " ".join(each.human_readable_name.upper() for each in one.params if isinstance(each, click.Argument))


def _options(one: click.Command) -> Iterator[str]:
    for each in one.params:
        if isinstance(each, click.Option) and not each.hidden:
            names = ", ".join([*each.opts, *each.secondary_opts])
            value = "" if each.is_flag or each.count else f" {each.metavar or each.type.name.upper()}"
            yield from (".TP", f".B {_text(names + value)}", _text(" ".join((each.help or "").split())) or "\\&")


def _paragraphs(one: click.Command) -> Iterator[str]:
    for at, text in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(one.help or ""))):
        if at:
            yield ".PP"
        yield _text(" ".join(text.replace("\b", "").split()))


def _text(text: str) -> str:
    """Return a text for roff: no letter of it is a request."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "'")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def main() -> None:
    """Write the files, or check them."""
    old = [
        path
        for path, text in pages().items()
        if not (FOLDER / path).exists() or (FOLDER / path).read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        sys.exit(f"docs/share/ is old: {', '.join(old)}: run 'make docs'" if old else 0)
    for path in old:
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(pages()[path], encoding="utf-8")


if __name__ == "__main__":
    main()
