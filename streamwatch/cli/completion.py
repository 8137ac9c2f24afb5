"""``streamwatch completion``: what a shell needs to complete commands and options."""

from typing import Final

import click

SHELLS: Final = ("bash", "fish", "zsh")
_VARIABLE: Final = "_STREAMWATCH_COMPLETE"


def script(shell: str, commands: click.Command) -> str:
    """Return what a shell reads to complete ``streamwatch``: click's, which asks the program itself at each Tab.

    Raises:
        click.UsageError: there is no such shell.

    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell!r}: no such shell: one of {', '.join(SHELLS)}")
    # The class asks a bash on this machine for its version before it writes; what it writes is the same for all.
    made = kind(commands, {}, "streamwatch", _VARIABLE)
    return str(made.source_template % made.source_vars()).rstrip() + "\n"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what SHELL needs to complete commands, options and files.

    bash: `eval "$(streamwatch completion bash)"` in ~/.bashrc; zsh: the same with zsh in ~/.zshrc; fish: `streamwatch
    completion fish | source`.
    """
    click.echo(script(shell, click.get_current_context().find_root().command), nl=False)
