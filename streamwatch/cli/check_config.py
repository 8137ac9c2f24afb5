"""``streamwatch check-config``: every mistake at once, in the file, its rule files and what its templates make."""

import os
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from pathlib import Path

from streamwatch.advice.config import read_prices
from streamwatch.agent import environment
from streamwatch.agent.alerting import groups as decided
from streamwatch.agent.alerting import unmatched_severities
from streamwatch.agent.config import Config, examine
from streamwatch.agent.exposure import exposures
from streamwatch.catalogue import METRICS, kafka_exporter
from streamwatch.core.errors import ConfigError, RuleError
from streamwatch.rules.lint import unknown_metrics
from streamwatch.rules.rule import RuleGroup


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration that was read as a run would read it, and further."""

    config: Config
    groups: tuple[RuleGroup, ...]
    """The rules that are to be decided."""
    warnings: tuple[str, ...]
    """What is allowed, and yet not what its author meant, a line each."""
    as_file: str = ""
    """What the environment says, as a file would say it; nothing where there is a file."""


def check(path: Path | None) -> Checked:
    """Check a configuration file; without one, what the environment says.

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
        if config.advise is not None:
            try:
                read_prices(config.advise)
            except ConfigError as error:
                wrong.extend(error.mistakes)
        if config.notify is not None:
            yield from (f"notify.{warning}" for warning in config.notify.warnings(_names(groups)))

    if path is None:
        config, mistakes, as_file = environment.examine(os.environ, problems)
    else:
        (config, mistakes), as_file = examine(path, problems), ""
    if mistakes or wrong:
        raise ConfigError([*mistakes, *wrong])
    return Checked(config, tuple(groups), tuple(_warnings(config, groups)), as_file)


def _warnings(config: Config, groups: list[RuleGroup]) -> Iterator[str]:
    is_compatible = "kafka_exporter" in config.export.compatibility
    known = (*METRICS, *kafka_exporter.METRICS) if is_compatible else METRICS
    yield from unmatched_severities(config.notify, groups)
    yield from unknown_metrics(groups, known)
    yield from _not_enabled(config, "")
    yield from _of_no_cluster(config)
    yield from (f"{what}: {remedy}" for what, remedy in exposures(config))


def _not_enabled(part: object, path: str) -> Iterator[str]:
    """Yield parts of the configuration that are written and not switched on."""
    if isinstance(part, tuple):
        for at, one in enumerate(part):
            yield from _not_enabled(one, f"{path}[{at}]")
    if not is_dataclass(part) or isinstance(part, type):
        return
    is_off = getattr(part, "enabled", True) is False
    written = [one.name for one in fields(part) if one.name != "enabled" and getattr(part, one.name) != _default(one)]
    if is_off and written and any(one.name == "enabled" and one.default is False for one in fields(part)):
        yield f"{path}: {written[0]} is written, and it is not enabled: write `enabled: true`, or leave it out"
    for one in fields(part):
        yield from _not_enabled(getattr(part, one.name), f"{path}.{one.name}" if path else one.name)


def _default(one: Field[object]) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _of_no_cluster(config: Config) -> Iterator[str]:
    """Yield names of Kafka clusters that none has: nothing joins what is known of both."""
    known = {one.name for one in config.kafka}
    named = [(f"connect[{at}].kafka_cluster", one.kafka_cluster) for at, one in enumerate(config.connect)]
    named += [
        (f"kinesis[{at}].readers.functions.clusters[{of}].kafka_cluster", one.kafka_cluster)
        for at, account in enumerate(config.kinesis)
        for of, one in enumerate(account.readers.functions.clusters)
    ]
    there = f"there are {', '.join(sorted(known))}" if known else "there is none"
    for path, name in named:
        if name not in known:
            yield f"{path}: no cluster under `kafka` is called {name!r}: {there}"


def _names(groups: list[RuleGroup]) -> set[str]:
    """Return the labels and annotations that rules give."""
    rules = [rule for group in groups for rule in group.rules]
    return {name for rule in rules for name, _ in (*rule.labels, *rule.annotations)}
