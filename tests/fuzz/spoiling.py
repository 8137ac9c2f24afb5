"""What becomes of a seed: bytes that are changed anywhere, and JSON that stays JSON and holds nonsense."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

_MOST_BYTES: Final = 20_000
_ODD: Final = (
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"{{",
    b"}",
    b'"',
    b"\\",
    b"\n",
    b"e999",
    b"-1",
    b"*a",
)
_NONSENSE: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, float("nan"), float("-inf"), 1e308, 2**63, -(10**400), "", "NaN", "1e999", "-1",
    "\ud800", "\0", "é" * 300, [], {}, [None], {"": None}, [[]],
)  # fmt: skip


def spoilt(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return a seed with some of it changed, cut out, repeated, or put in from another."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        to = min(len(data), at + chance.randint(0, 16))
        match chance.randrange(6):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1:
                del data[at:to]
            case 2:
                data[at:at] = data[at:to] * chance.choice((1, 2, 50))
            case 3:
                data[at:to] = chance.choice(_ODD)
            case 4:
                other = chance.choice(seeds)
                begin = chance.randint(0, len(other))
                data[at:to] = other[begin : begin + chance.randint(0, 200)]
            case _:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(data[:_MOST_BYTES])


def spoilt_json(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return a seed whose last line is JSON, of which parts are missing, of another kind, or elsewhere.

    What stands before that line stays: it says what the JSON answers. One in four is spoilt as any other bytes are.
    """
    head, newline, text = chance.choice(seeds).rpartition(b"\n")
    try:
        root = [json.loads(text)]
    except ValueError:
        return spoilt(chance, seeds)
    if not chance.randrange(4):
        return head + newline + spoilt(chance, [text])
    for _ in range(chance.randint(1, 4)):
        within, at = chance.choice(list(_places(root)))
        match chance.randrange(5):
            case 0 if within is not root:
                del within[at]
            case 1:
                other, there = chance.choice(list(_places(root)))
                within[at] = deepcopy(other[there])
            case 2 if isinstance(within, dict):
                within[chance.choice(("", "\ud800", "a"))] = deepcopy(within[at])
            case 3 if isinstance(within, list) and within is not root:
                within.insert(at, deepcopy(within[at]))
            case _:
                within[at] = deepcopy(chance.choice(_NONSENSE))
    return head + newline + json.dumps(root[0]).encode()


def _places(within: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a JSON document: what it is in, and its key or number there."""
    for at in list(within if isinstance(within, dict) else range(len(within))):
        yield within, at
        if isinstance(within[at], dict | list):
            yield from _places(within[at])
