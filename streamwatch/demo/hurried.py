"""The alerts that come with StreamWatch, in a hurry: a rehearsal takes a minute, and an incident does not."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streamwatch.rules.config import pack_folder

_DURATION: Final = re.compile(r"(for: |\[|offset )(\d+)([smhd])")
_PROMISE: Final = re.compile(
    r"(record: streamwatch:(?:group_\w+|kinesis_(?:iterator_age|standing))_seconds:\w+\n\s+expr: vector\()([0-9.]+)\)"
)
_LONGEST: Final = re.compile(r"(kafka_topic_transaction_start_timestamp_seconds > )(960)\b")
"""How long a transaction may last. What rules out a race of two reads stays as it is: reads are in no hurry."""
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LEAST_MS: Final = 200
_NUMBERS: Final[Mapping[str, float]] = {
    "last quarter of an": 0.25, "a": 1, "an": 1, "the": 1, "last": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "six": 6, "ten": 10,
}  # fmt: skip
_UNITS: Final = {"minutes": 60, "hours": 3600, "hour": 3600, "day": 86_400}
_IN_WORDS: Final = re.compile(
    # Not how far a forecast looks ahead: that is no shorter here.
    rf"(?<!full in )(?<!full within )\b({'|'.join(_NUMBERS)}|\d+) ({'|'.join(_UNITS)})\b"
)


def hurried(folder: Path, scale: float) -> None:
    """Write the shipped rules into a folder, with everything that takes time so many times shorter."""

    def shorter(found: re.Match[str]) -> str:
        return f"{found[1]}{max(_LEAST_MS, round(int(found[2]) * _SECONDS[found[3]] * 1000 / scale))}ms"

    for path in pack_folder().glob("*.yml"):
        text = _DURATION.sub(shorter, path.read_text(encoding="utf-8"))
        text = _PROMISE.sub(lambda found: f"{found[1]}{float(found[2]) / scale:g})", text)
        text = _LONGEST.sub(lambda found: f"{found[1]}{int(found[2]) / scale:g}", text)
        (folder / path.name).write_text(in_a_hurry(text, scale), encoding="utf-8")


def in_a_hurry(text: str, scale: float) -> str:
    """Return a text in which durations in words are so many times shorter, so that it stays true."""

    def shorter(found: re.Match[str]) -> str:
        count, unit = found.groups()
        last = "last " if count.startswith("last") else ""
        seconds = (_NUMBERS.get(count) or float(count)) * _UNITS[unit] / scale
        return last + _in_words(seconds)

    return _IN_WORDS.sub(shorter, text)


def _in_words(seconds: float) -> str:
    for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            count = round(seconds / size, 1)
            return f"{count:g} {unit}{'' if count == 1 else 's'}"
    return "a second"
