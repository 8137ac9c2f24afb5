"""How brokers are put into sentences."""

from collections.abc import Sequence

from streamwatch.core.words import listed


def of_brokers(names: Sequence[str], singular: str, plural: str) -> str:
    """Return brokers as the subject of a sentence, with its verb in the right number."""
    return f"Broker {names[0]} {singular}" if len(names) == 1 else f"Brokers {listed(names)} {plural}"
