"""What a configuration is, and which values it takes; the refusals are worded as Kafka's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from streamwatch.reference.kafka.spec import Release

Kind = Literal["boolean", "string", "int", "short", "long", "double", "list"]

_BITS: Final = {"short": 15, "int": 31, "long": 63}
_FIRST, _LAST = (0, 0), (99, 0)


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """One configuration: its type, its default, and the broker's that a topic or a group falls back to."""

    kind: Kind
    default: str
    broker: str | None = None
    allowed: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    synonyms: bool = True
    """Whether DescribeConfigs names where the default is from."""
    is_dynamic: bool = True
    """Whether it can be altered while a broker runs."""
    since: Release = _FIRST
    until: Release = _LAST
    """The first release that does not have it any more."""

    def is_in(self, release: Release) -> bool:
        """Whether a release has it."""
        return self.since <= release < self.until


class BadSetting(ValueError):
    """A configuration that does not exist, or a value that it cannot have."""


def check(known: Mapping[str, KnownSetting], name: str, value: str, of: str = "") -> None:
    """Raise BadSetting where a name or its value is wrong; ``of`` is whose configurations these are."""
    if name not in known:
        raise BadSetting(f"Unknown {of} config name: {name}" if of else f"Unknown configuration: {name}")
    one = known[name]
    wrong = f"Invalid value {value} for configuration {name}: "
    if one.kind in {*_BITS, "double"}:
        _check_number(one, name, value)
    elif one.kind == "boolean" and value.strip().lower() not in {"true", "false"}:
        raise BadSetting(f"{wrong}Expected value to be either true or false")
    parts = [part.strip() for part in value.split(",") if part.strip()] if one.kind == "list" else [value]
    for part in parts:
        if one.allowed and part not in one.allowed:
            shown = part if one.kind == "list" else value
            raise BadSetting(
                f"Invalid value {shown} for configuration {name}: String must be one of: {', '.join(one.allowed)}"
            )


def _check_number(known_setting: KnownSetting, name: str, value: str) -> None:
    try:
        number = float(value) if known_setting.kind == "double" else int(value)
    except ValueError:
        number = float("nan")
    bits = _BITS.get(known_setting.kind, 1023)
    if not -(2**bits) <= number < 2**bits:
        raise BadSetting(
            f"Invalid value {value} for configuration {name}: Not a number of type {known_setting.kind.upper()}"
        )
    if known_setting.least is not None and number < known_setting.least:
        raise BadSetting(
            f"Invalid value {number} for configuration {name}: Value must be at least {known_setting.least}"
        )
    if known_setting.most is not None and number > known_setting.most:
        raise BadSetting(
            f"Invalid value {number} for configuration {name}: Value must be no more than {known_setting.most}"
        )
