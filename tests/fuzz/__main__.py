"""``python -m tests.fuzz MINUTES [PARSER...]``: minutes a parser, of spoilt seeds; what is found is kept in seeds/."""

import hashlib
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from tests.fuzz.parsers import Parser, parsers

SEEDS: Final = Path(__file__).with_name("seeds")
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


def fuzz(name: str, parser: Parser, seconds: float) -> int:
    """Feed one parser for so long; print what is found, and return how many kinds."""
    chance = random.Random(name)
    kept = SEEDS / name
    seeds = [*parser.seeds, *(bytes.fromhex(file.read_text()) for file in sorted(kept.glob("*.hex")))]
    kinds: set[str] = set()
    count, slowest = 0, 0.0
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        data = spoilt(chance, seeds)
        count += 1
        try:
            parser.feed(data)
        except parser.raises:
            pass
        except Exception as error:  # noqa: BLE001 - what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {where.filename}:{where.lineno}"
            if kind not in kinds:
                kinds.add(kind)
                kept.mkdir(parents=True, exist_ok=True)
                (kept / f"{hashlib.sha256(data).hexdigest()[:16]}.hex").write_text(data.hex() + "\n")
                print(f"{name}: {kind}: {error}"[:300], flush=True)
        slowest = max(slowest, time.monotonic() - begun)
    print(
        f"{name}: {count} fed in {seconds:g} s, the slowest took {slowest:.2f} s, {len(kinds)} kinds found", flush=True
    )
    return len(kinds)


def main() -> None:
    """Run it."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    chosen = {name: parser for name, parser in parsers().items() if name in sys.argv[2:] or not sys.argv[2:]}
    sys.exit(sum(fuzz(name, parser, float(sys.argv[1]) * 60) for name, parser in chosen.items()) > 0)


if __name__ == "__main__":
    main()
