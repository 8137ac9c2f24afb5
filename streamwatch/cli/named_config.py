"""What commands watch by themselves: ``--config``, or ``--kafka`` and ``--kinesis``, instead of a running agent."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from streamwatch.agent.config import Config

_REFUSED: Final = 2


def named_config(file: Path | None, kafka: str | None, kinesis: str | None) -> "Config":
    """Return what the options name; where it is wrong, print why and end. Nothing is logged from then on.

    Raises:
        click.UsageError: both ways are used at once.

    """
    if file is not None and (kafka is not None or kinesis is not None):
        raise click.UsageError("give either --config FILE or --kafka HOST:PORT and --kinesis REGION")
    from streamwatch.agent.config import from_flags, load  # noqa: PLC0415 - it knows all sources
    from streamwatch.core.errors import ConfigError  # noqa: PLC0415 - the same

    try:
        config = load(file) if file is not None else from_flags(kafka, None, kinesis)
    except ConfigError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        sys.exit(_REFUSED)
    logging.getLogger().handlers = [logging.NullHandler()]  # a line of the log would tear what is printed
    return config
