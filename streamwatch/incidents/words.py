"""How counts and names are put into sentences."""

from collections.abc import Sequence
from typing import Final

_MOST_NAMES: Final = 4


def counted(count: float, singular: str, plural: str = "") -> str:
    """Return a count with what is counted."""
    return f"{count:,.0f} {singular if count == 1 else plural or singular + 's'}"


def listed(names: Sequence[str]) -> str:
    """Return names in a row, not too many of them."""
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def of_brokers(names: Sequence[str], singular: str, plural: str) -> str:
    """Return brokers as the subject of a sentence, with its verb in the right number."""
    return f"Broker {names[0]} {singular}" if len(names) == 1 else f"Brokers {listed(names)} {plural}"
