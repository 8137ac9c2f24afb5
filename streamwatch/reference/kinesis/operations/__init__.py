"""What clients may ask of Kinesis: a function for each operation, of the house, what was given, and the time."""

from collections.abc import Callable, Mapping
from typing import Final

from streamwatch.reference.kinesis.house import Answer, Given, Kinesis
from streamwatch.reference.kinesis.operations import capacity, consumers, records, settings, shards, streams

Operation = Callable[[Kinesis, Given, float], Answer]

OPERATIONS: Final[Mapping[str, Operation]] = {
    **streams.OPERATIONS,
    **shards.OPERATIONS,
    **records.OPERATIONS,
    **consumers.OPERATIONS,
    **settings.OPERATIONS,
    **capacity.OPERATIONS,
}
