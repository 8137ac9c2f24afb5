"""``python -m tests.fuzz MINUTES [PARSER...]``: minutes a parser, of spoilt seeds; what is found is kept in seeds/."""

import hashlib
import logging
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from tests.fuzz.parser import Parser
from tests.fuzz.parsers import PARSERS

SEEDS: Final = Path(__file__).with_name("seeds")


def fuzz(name: str, parser: Parser, seconds: float) -> int:
    """Feed one parser for so long; print what is found, and return how many kinds."""
    chance = random.Random(name)
    kept = SEEDS / name
    seeds = [*parser.seeds, *(bytes.fromhex(file.read_text()) for file in sorted(kept.glob("*.hex")))]
    kinds: set[str] = set()
    count, slowest = 0, 0.0
    end, start = time.monotonic() + seconds, time.process_time()
    while time.monotonic() < end:
        begun = time.process_time()
        data = parser.spoil(chance, seeds)
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
        slowest = max(slowest, time.process_time() - begun)
    took = f"{seconds:g} s, {time.process_time() - start:.0f} s of the processor"
    print(f"{name}: {count} fed in {took}, the slowest took {slowest:.2f} s of it, {len(kinds)} found", flush=True)
    return len(kinds)


def main() -> None:
    """Run it."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    logging.getLogger().addHandler(logging.NullHandler())  # what is logged of nonsense is no finding
    chosen = [name for name in PARSERS if name in sys.argv[2:] or not sys.argv[2:]]
    sys.exit(sum(fuzz(name, PARSERS[name](), float(sys.argv[1]) * 60) for name in chosen) > 0)


if __name__ == "__main__":
    main()
