"""What a parser is to whoever feeds it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.spoiling import spoilt


@dataclass(frozen=True, slots=True)
class Parser:
    """A parser."""

    seeds: tuple[bytes, ...]
    feed: Callable[[bytes], object]
    raises: tuple[type[Exception], ...]
    """What it may raise, and nothing else."""
    spoil: Callable[[random.Random, list[bytes]], bytes] = spoilt
    """Makes what is fed of some of the seeds."""
