"""Labels and annotations: simple templates are rendered here, all others by gotpl, which takes 5 MB.

A template is simple when its actions are ``$value`` and ``$labels.NAME`` with pipes into ``humanize`` and its like, or
into ``printf "%.2f"``, and ``with $labels.NAME`` around a text that holds it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, TypeAlias

from streamwatch.core.errors import RuleError
from streamwatch.model.labels import Labels
from streamwatch.promql.series import Vector
from streamwatch.rules import humanize

if TYPE_CHECKING:
    from streamwatch.rules.go_template import GoTemplate

Query: TypeAlias = Callable[[str], Vector]
"""Evaluates an expression at the time of the alert."""

MOST_CHARACTERS: Final = 65_536
"""Of a text that a template makes."""
_FUNCTIONS: Final[Mapping[str, Callable[[object], str]]] = {
    "humanize": humanize.humanize,
    "humanize1024": humanize.humanize1024,
    "humanizeDuration": humanize.humanize_duration,
    "humanizePercentage": humanize.humanize_percentage,
    "humanizeTimestamp": humanize.humanize_timestamp,
    **{f'printf "%.{digits}f"': partial(humanize.fixed, digits=digits) for digits in range(10)},
}
_PIPE: Final = rf" *\| *(?:{'|'.join(map(re.escape, _FUNCTIONS))})(?![A-Za-z0-9_])"
_ACTION: Final = re.compile(
    r"\{\{ *with +(?:\$labels|\.Labels)\.(?P<optional>[A-Za-z_][A-Za-z0-9_]*) *\}\}"
    r"(?P<before>[^{]*)\{\{ *\. *\}\}(?P<after>[^{]*)\{\{ *end *\}\}"
    r"|\{\{ *(?:(?:\$value|\.Value)(?![A-Za-z0-9_])|(?:\$labels|\.Labels)\.(?P<label>[A-Za-z_][A-Za-z0-9_]*))"
    rf"(?P<pipes>(?:{_PIPE})*) *\}}\}}"
)


@dataclass(frozen=True, slots=True)
class _Action:
    """Prints the alert's value, or one of its labels."""

    label: str | None
    """None: the value."""
    functions: tuple[Callable[[object], str], ...]

    def render(self, labels: Labels, value: float) -> str:
        found: object = value if self.label is None else labels.get(self.label, "")
        for function in self.functions:
            found = function(found)
        return found if isinstance(found, str) else humanize.plain(value)


@dataclass(frozen=True, slots=True)
class _WithLabel:
    """Prints one of the alert's labels within a text, where the alert has it."""

    label: str
    before: str
    after: str

    def render(self, labels: Labels, _value: float) -> str:
        found = labels.get(self.label, "")
        return f"{self.before}{found}{self.after}" if found else ""


_Part: TypeAlias = str | _Action | _WithLabel


class Template:
    """A template, rendered as often as wanted. One that is not simple is read when it is checked or rendered first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = _parts(text)
        self._go: GoTemplate | None = None

    @property
    def is_simple(self) -> bool:
        """Whether it is rendered without gotpl, as long as nothing goes wrong."""
        return self._parts is not None

    def check(self) -> None:
        """Read it.

        Raises:
            RuleError: it is no template, or uses what is not known here.

        """
        if not self.is_simple:
            self._read()

    def render(self, labels: Labels, value: float, query: Query, external: Mapping[str, str] | None = None) -> str:
        """Return the text; what goes wrong becomes the text, as in Prometheus.

        Args:
            labels: of the alert's result.
            value: its value.
            query: evaluates an expression at the time of the alert.
            external: labels of the agent itself.

        """
        if self._parts is not None:
            text = _rendered(self._parts, labels, value)
            if text is not None:
                return text
        try:
            return self._read().render(labels, value, query, external)
        except RuleError as error:
            return f"<error expanding template: {error}>"

    def _read(self) -> "GoTemplate":
        from streamwatch.rules.go_template import GoTemplate  # noqa: PLC0415 - only few templates need it

        if self._go is None:
            self._go = GoTemplate(self.text, MOST_CHARACTERS)
        return self._go


def _parts(text: str) -> Sequence[_Part] | None:
    """Return what a simple template consists of; None where it is not simple."""
    parts: list[_Part] = []
    end = 0
    for found in _ACTION.finditer(text):
        parts += (text[end : found.start()], _part(found))
        end = found.end()
    parts.append(text[end:])
    return None if any(isinstance(part, str) and "{{" in part for part in parts) else parts


def _part(found: re.Match[str]) -> _Part:
    if found["optional"] is not None:
        return _WithLabel(found["optional"], found["before"], found["after"])
    return _Action(found["label"], tuple(_FUNCTIONS[name.strip()] for name in found["pipes"].split("|")[1:]))


def _rendered(parts: Sequence[_Part], labels: Labels, value: float) -> str | None:
    """Return the text; None where something goes wrong, of which gotpl says what."""
    try:
        texts = [part if isinstance(part, str) else part.render(labels, value) for part in parts]
    except (ValueError, ArithmeticError, OSError):
        return None
    is_plain = len(parts) == 1
    return "".join(texts) if is_plain or sum(map(len, texts)) <= MOST_CHARACTERS else None


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """Return a template; to read one takes a millisecond, and to check and to render it are two reasons."""
    return Template(text)
