"""``streamwatch check-config``: every mistake at once, in the file, its rule files and what its templates make."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamwatch.agent.alerting import groups as decided
from streamwatch.agent.config import Config, examine
from streamwatch.core.errors import ConfigError, RuleError
from streamwatch.rules.rule import RuleGroup


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration that was read as a run would read it, and further."""

    config: Config
    groups: tuple[RuleGroup, ...]
    """The rules that are to be decided."""


def check(path: Path) -> Checked:
    """Check a configuration file.

    Raises:
        ConfigError: with every mistake.

    """
    groups: list[RuleGroup] = []
    wrong: list[str] = []

    def problems(config: Config) -> Iterator[str]:
        if config.rules is not None:
            try:
                groups.extend(decided(config.rules))
            except RuleError as error:
                wrong.extend(error.mistakes)
        if config.notify is not None:
            yield from (f"notify.{warning}" for warning in config.notify.warnings(_names(groups)))

    config, mistakes = examine(path, problems)
    if mistakes or wrong:
        raise ConfigError([*mistakes, *wrong])
    return Checked(config, tuple(groups))


def _names(groups: list[RuleGroup]) -> set[str]:
    """Return the labels and annotations that rules give."""
    rules = [rule for group in groups for rule in group.rules]
    return {name for rule in rules for name, _ in (*rule.labels, *rule.annotations)}
