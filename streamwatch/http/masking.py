"""Secrets in what a service says, in an answer or in a trace: masked, however they are written there."""

import base64
import html
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from streamwatch.core.masking import MASK

_SECRET_LENGTH: Final = 8
"""Parts of an address that are as long may be secrets; shorter ones are words."""
_SPELLED: Final[Mapping[str, tuple[str, ...]]] = {" ": ("+",), '"': ('\\"',), "\\": ("\\\\",), "/": ("\\/",)}
"""Other ways to write a character, in forms and in JSON."""
_LEAST_CODED: Final = 6
"""Characters of Base64 that may be a secret's; fewer are in any word."""
_ESCAPES: Final = re.compile(r"[%\\&+]|[^\x00-\x7f]")
"""With one of these, a text may hold a character otherwise than as it is."""
_HEAD: Final = 6
"""Characters of a secret that are looked for first: a pattern of all ways to write a long one takes long to make."""
_LEAST_HALF: Final = 512
_LONGER_CODED: Final = 3
"""So many times as long a secret may be, percent-encoded."""


def secret_parts(url: str) -> list[str]:
    """Return what must not be seen of an address: it as a whole, each part of its path and query, and its password."""
    parts = urlsplit(url)
    candidates = [url, parts.path, *re.split(r"[/&=:@]", f"{parts.path}&{parts.query}&{parts.username or ''}")]
    return [part for part in candidates if len(part) >= _SECRET_LENGTH] + ([parts.password] if parts.password else [])


def masked(text: str, secrets: Collection[str]) -> str:
    """Return a text without secrets, however they are written: each character as it is, percent-encoded or escaped.

    Whatever the case, too, and in Base64.
    """
    plain = {unquote(secret) for secret in secrets} | set(secrets)
    coded = {part for secret in plain for part in _in_base64(secret.encode("utf-8", "replace"))}
    for secret in sorted((plain | coded) - {""}, key=len, reverse=True):
        if _may_hold(text, secret):
            ending = "[a-z0-9+/_-]?(?:=|%3d)*" if secret in coded else ""
            text = re.sub(f"(?i:{''.join(map(_ways, secret))}{ending})", MASK, text)
    return text


def masked_beginning(text: str, secrets: Collection[str]) -> str:
    """Return the beginning of a longer text without secrets: where it was cut off, half a secret may stand."""
    return masked(text, secrets)[: -max(_LEAST_HALF, _LONGER_CODED * max(map(len, secrets), default=0))]


def _may_hold(text: str, secret: str) -> bool:
    """Say whether it is worth looking for a secret in all its spellings."""
    if _ESCAPES.search(text) is None:
        return secret.lower() in text.lower()
    return re.search(f"(?i:{''.join(map(_ways, secret[:_HEAD]))})", text) is not None


def _in_base64(secret: bytes) -> Iterator[str]:
    """Yield what a secret looks like in Base64, by itself or anywhere within a longer text."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        # The characters at its edges depend on what is beside it, too.
        known = encoded[-(-before * 4 // 3) : len(encoded) - ((before + len(secret)) % 3 != 0)]
        if len(known) >= _LEAST_CODED:
            yield from {known, known.replace("+", "-").replace("/", "_")}


def _ways(character: str) -> str:
    """Return a pattern of all ways to write a character in an address, in JSON and in HTML."""
    number = ord(character)
    encoded = "".join(f"%(?:25)*{byte:02x}" for byte in character.encode("utf-8", "replace"))
    units = character.encode("utf-16-be", "replace").hex()
    in_json = "".join(rf"\\+u{units[at : at + 4]}" for at in range(0, len(units), 4))
    escaped = rf"{in_json}|\\+x{number:02x}|&#0*{number};|&#x0*{number:x};"
    others = {html.escape(character), *_SPELLED.get(character, ())} - {character}
    named = "".join(f"|{re.escape(way)}" for way in sorted(others))
    return f"(?:{re.escape(character)}|{encoded}|{escaped}{named})"
