"""What clients may ask of Kinesis: a function for each operation, of account, parameters and time."""

from collections.abc import Callable, Mapping
from typing import Final

from streamwatch.reference.kinesis.account import Answer, Kinesis, Parameters
from streamwatch.reference.kinesis.operations import capacity, consumers, records, settings, shards, streams

Operation = Callable[[Kinesis, Parameters, float], Answer]

OPERATIONS: Final[Mapping[str, Operation]] = {
    **streams.OPERATIONS,
    **shards.OPERATIONS,
    **records.OPERATIONS,
    **consumers.OPERATIONS,
    **settings.OPERATIONS,
    **capacity.OPERATIONS,
}
