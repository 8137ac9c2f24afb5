"""Traces as they may be shown: a line, bounded, without the secrets of who failed."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from streamwatch.core.masking import masked_words
from streamwatch.http.masking import masked, masked_beginning

_MOST: Final = 200
"""Characters of a trace that are kept."""
_MOST_READ: Final = 2**16
"""Characters of a trace that are looked at: the causes come last."""
_MOST_LINE: Final = 2000
"""Characters of a line that are searched for secrets."""
_SECRET_KEY: Final = re.compile(
    r"(?i)passw|pwd|secret|token|credential|api.?key|access.?key|jaas|auth|connection\.ur[il]|private"
)
"""Settings whose values are not shown; rather one too many."""
_WORDS: Final = frozenset({"true", "false", "none", "null", "basic", "user_info"})
"""Values of such settings that are no secrets, and may be in any text."""
_QUOTED: Final = re.compile(r'"([^"]*)"')
_LEAST: Final = 4
"""Signs of a secret that is looked for as a whole; shorter ones are in any word."""
_CAUSE: Final = "Caused by: "
_PACKAGE: Final = re.compile(r"^(?:[a-z_][\w$]*\.)+(?=[A-Z])")
"""Of the class that was thrown: its name alone says enough."""


def secrets_of(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return what of a connector's settings must not be seen in a trace."""
    values = {value for key, value in settings.items() if isinstance(value, str) and _SECRET_KEY.search(key)}
    values |= {part for value in values for part in _QUOTED.findall(value)}
    return frozenset(value for value in values if len(value) >= _LEAST and value.lower() not in _WORDS)


def first_line(trace: str, secrets: Collection[str]) -> str:
    """Return the first line of a stack trace and its last cause, bounded, on one line, without secrets."""
    lines = [line.strip() for line in trace[:_MOST_READ].splitlines()]
    first = next((line for line in lines if line), "")
    causes = [line.removeprefix(_CAUSE) for line in lines if line.startswith(_CAUSE)]
    parts = [_PACKAGE.sub("", _shown(line, secrets)) for line in (first, *causes[-1:])]
    if len(parts) == 1 or parts[0] == parts[1]:
        return _cut(parts[0], _MOST)
    return f"{_cut(parts[0], _MOST // 2)}; caused by {_cut(parts[1], _MOST // 2)}"


def _shown(line: str, secrets: Collection[str]) -> str:
    """Return the beginning of a line, without these secrets and without what looks like one."""
    text = masked(line, secrets) if len(line) <= _MOST_LINE else masked_beginning(line[:_MOST_LINE], secrets)
    return "".join(sign if sign.isprintable() else " " for sign in masked_words(text))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
