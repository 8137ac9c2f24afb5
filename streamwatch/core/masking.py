"""What looks like a secret in somebody's words: a password that is assigned, or one in an address."""

import re
from typing import Final

MASK: Final = "********"
_ASSIGNED: Final = re.compile(
    r"(?i)([\w.-]*(?:passw(?:or)?d|pwd|secret|token|credential(?!s: )|api[-_.]?key|access[-_.]?key|authorization)"
    r"[\w.-]*\\?['\"]?\s*[=:]\s*)(?:(?:basic|bearer)\s+)?(\\?\"[^\"]*\"|'[^']*'|[^\s,;&'\"]+)"
)
"""A name, and the value that it gets. What comes after `credentials: ` is a sentence of botocore's or of ours."""
_IN_ADDRESS: Final = re.compile(r"(//)[^/\s@]*@")
_IN_SENTENCES: Final = (" or ", "/")
"""What stands before it where it is no name: `Invalid username or password: `, `PUT http://host/latest/api/token: `."""
_MOST: Final = 10_000
"""Characters that are searched, and shown: whatever comes after them could not be read anyway."""


def masked_words(words: str) -> str:
    """Return what a service, a driver or an error says, without what looks like a secret."""
    if "=" not in words and ":" not in words:
        return words
    shown = words if len(words) <= _MOST else f"{words[:_MOST].rpartition(' ')[0]}…"
    return _ASSIGNED.sub(_masked, _IN_ADDRESS.sub(rf"\1{MASK}@", shown))


def _masked(found: re.Match[str]) -> str:
    """Return a name with its value masked; as it is where a colon ends what is no name but part of a sentence."""
    before, name = found.string[: found.start()], found[1]
    is_sentence = name.endswith(": ") and before.endswith(_IN_SENTENCES)
    return found[0] if is_sentence else name + MASK
