"""The configuration that a command names: by ``--config``, by ``--kafka`` and ``--kinesis``, or by the environment."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from streamwatch.core.errors import ConfigError

if TYPE_CHECKING:
    from streamwatch.agent.config import Config

_Read = TypeVar("_Read")

_REFUSED: Final = 2
"""Exit code for a configuration that is wrong."""


def loader(
    file: Path | None,
    kafka: str | None = None,
    kinesis: str | None = None,
    listen: str | None = None,
    *,
    has_flags: bool = True,
) -> "Callable[[], Config]":
    """Return what loads the configuration: from a file, from the flags (where the command has them), or from variables.

    Raises:
        click.UsageError: there is none of them, or what does not go together.

    """
    is_by_flags = kafka is not None or kinesis is not None
    if file is not None and is_by_flags:
        raise click.UsageError("give either --config FILE or --kafka HOST:PORT and --kinesis REGION")
    if file is not None and listen is not None:
        raise click.UsageError("--listen goes without a file: with one, set `listen.address` in it")

    from streamwatch.agent import config, environment  # noqa: PLC0415 - it knows all sources, and so their libraries

    if file is not None:
        return lambda: config.load(file)
    if is_by_flags:
        return lambda: config.from_flags(kafka, listen, kinesis)
    if listen is not None:
        raise click.UsageError("--listen goes with --kafka and --kinesis: without them, set STREAMWATCH_LISTEN")
    if not environment.is_configured(os.environ):
        flags = ", or --kafka HOST:PORT and --kinesis REGION" if has_flags else ""
        raise click.UsageError(
            f"give --config FILE{flags}, or set STREAMWATCH_KAFKA_BOOTSTRAP or STREAMWATCH_KINESIS_REGIONS"
            " (docs/configuration.md)"
        )
    return lambda: environment.load(os.environ)


def run_loader(file: Path | None, kafka: str | None, kinesis: str | None, listen: str | None) -> "Callable[[], Config]":
    """Return the same for who runs by it: settings in the environment that nobody would read are refused."""
    load = loader(file, kafka, kinesis, listen)
    if file is None and kafka is None and kinesis is None:
        return load

    from streamwatch.agent.config import text_of  # noqa: PLC0415 - as above
    from streamwatch.agent.environment import unread  # noqa: PLC0415

    def load_alone() -> "Config":
        config = load()
        if mistakes := list(unread(os.environ, "" if file is None else text_of(file))):
            raise ConfigError(mistakes)
        return config

    return load_alone


def loaded(load: "Callable[[], _Read]") -> "_Read":
    """Load, or end with a report of every mistake."""
    try:
        return load()
    except ConfigError as error:
        for mistake in error.mistakes:
            click.echo(mistake, err=True)
        sys.exit(_REFUSED)


def named_config(file: Path | None, kafka: str | None, kinesis: str | None) -> "Config":
    """Return what the options name; where it is wrong, print why and end. Nothing is logged from then on.

    Raises:
        click.UsageError: both ways are used at once.

    """
    config = loaded(loader(file, kafka, kinesis))
    logging.getLogger().handlers = [logging.NullHandler()]  # a line of the log would tear what is printed
    return config
