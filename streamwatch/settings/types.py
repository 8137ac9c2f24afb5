"""The types that a configuration is made of, so that each module can declare its own ``Config``.

A ``Config`` is a frozen dataclass; every field has a type from here or from Python, and says what it is for::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        '''How to reach one cluster.'''

        interval: Duration = setting("how often the cluster is read", default=15.0)

``streamwatch.agent.config`` reads these declarations, checks a file against them and writes docs/configuration.md from
them. Nothing here reads a file.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, field
from typing import Annotated, Any, Final

Duration = Annotated[float, "duration"]
"""Seconds; written with a unit: ``500ms``, ``15s``, ``5m``, ``2h``, ``7d``."""

Size = Annotated[int, "size"]
"""Bytes; written with a unit: ``64KiB``, ``100MiB``, ``1GB``."""

Dollars = Annotated[float, "dollars"]
"""A price; written as a number: ``0.015``."""

Pattern = Annotated[str, "pattern"]
"""A regular expression; it must match the whole name."""

FilePath = Annotated[str, "path"]
"""A file's path; relative ones count from the configuration file's folder."""

Place = Annotated[str, "place"]
"""A path at which nothing need be yet, or a pattern; relative ones count from the configuration file's folder."""

AnyText = Annotated[str, str]
"""Whatever single value stands there, as it is written: ``5``, ``true`` and ``2026-01-01`` are texts, too.

A function in the place of the second ``str`` reads the text: what it raises as ``ValueError`` is the mistake."""


_ADDRESS: Final = re.compile(r"(?:([^\s:/@\[\]]+)|\[([0-9a-fA-F:.]+(?:%\w+)?)\]):([0-9]{1,5})")
_BARE_V6: Final = re.compile(r"([0-9a-fA-F.]*:[0-9a-fA-F:.]*):([0-9]{1,5})")
_MOST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host and a port; written as ``host:port``, or as ``[v6]:port``."""

    host: str
    """A name or an address; one of IPv6 without brackets."""
    port: int

    @classmethod
    def read(cls, text: str) -> "HostPort":
        """Read it as it is written.

        Raises:
            ValueError: it is none; says how it is written.

        """
        if "@" in text:
            raise ValueError("what stands before '@' does not belong into an address: write 'host:port'")
        bare = _BARE_V6.fullmatch(text)
        if bare:
            raise ValueError(f"{text!r}: write an IPv6 address in brackets: '[{bare[1]}]:{bare[2]}'")
        match = _ADDRESS.fullmatch(text)
        if not match or int(match[3]) > _MOST_PORT:
            raise ValueError(f"{text!r} is not an address: write 'host:port', the port up to {_MOST_PORT}")
        return cls(match[1] or match[2], int(match[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Secret:
    """A value that must not be seen: every way to print it gives asterisks, only ``reveal`` gives the value."""

    __slots__ = ("_value", "file")

    def __init__(self, value: str, file: str = "") -> None:
        """Hide a value.

        Args:
            value: of the secret.
            file: in which it is written; empty for none.

        """
        self._value = value
        self.file = file

    def reveal(self) -> str:
        """Return the value itself; hand it to the library that needs it and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('********')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str | tuple[Any, ...]:
        msg = "a secret is not pickled"
        raise TypeError(msg)


class Unread(tuple[()]):
    """Nothing, in place of a list that could not be read: that it is empty is no mistake of its own."""

    __slots__ = ()


def refuse(problems: Iterable[str]) -> None:
    """Raise the first problem: what a ``__post_init__`` does with its ``problems``.

    A ``Config`` may have a method ``problems`` that yields every mistake in it, as ``field: what`` or
    ``field[0].other: what``: all of them are reported for a file. It is asked even where a part could not be read; what
    is missing is None, or its default.

    Raises:
        ValueError: there is one.

    """
    for problem in problems:
        raise ValueError(problem)


def tried(check: Callable[..., object], *arguments: object) -> Iterator[str]:
    """Yield what a check that raises ValueError has to say."""
    try:
        check(*arguments)
    except ValueError as error:
        yield str(error)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one field besides its type and default."""

    help: str
    minimum: float | None = None
    maximum: float | None = None
    key: str = ""
    """What it is called in a file, where that is no name in Python: ``continue``."""
    formerly: tuple[str, ...] = ()
    """Keys that it had in older files: they are refused, and the message says the new one."""


_LINE: Final = Setting("the line in which it begins")


def line() -> Any:  # noqa: ANN401 - as dataclasses.field
    """Declare a field for the line in which an object begins: no key in the file, and 0 where it is of no file."""
    return field(default=0, compare=False, metadata={"setting": _LINE})


def is_line(field: Field[Any]) -> bool:
    """Say whether a field is for the line."""
    return field.metadata["setting"] is _LINE


def key_of(field: Field[Any]) -> str:
    """Return what a field of a ``Config`` is called in a file."""
    return field.metadata["setting"].key or field.name


def setting(  # noqa: PLR0913 - what there is to say of a field, all by name
    help: str,  # noqa: A002 - the word users see
    *,
    default: Any = MISSING,  # noqa: ANN401 - dataclasses.field takes any value
    default_factory: Any = MISSING,  # noqa: ANN401
    minimum: float | None = None,
    maximum: float | None = None,
    key: str = "",
    formerly: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - as dataclasses.field
    """Declare a field of a ``Config``: what it is for, its default (none: it is required), its bounds and its keys."""
    metadata = {"setting": Setting(help, minimum, maximum, key, formerly)}
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)
