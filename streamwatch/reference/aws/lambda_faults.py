"""Functions of Lambda in the stories of streams: one that reads, a record that it cannot process, and its repair."""

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.lambda_poller import POISON, Poller
from streamwatch.reference.aws.lambdas import FOR_EVER, Function
from streamwatch.reference.faulting import BadFault
from streamwatch.reference.kinesis.operations import OPERATIONS

_POLL_SECONDS = 1.0


def map_function(cloud: Cloud, now: float, *, stream: str, function: str = "ship", attempts: int = FOR_EVER) -> None:
    """Let a function of Lambda read a stream from now on, and try so often what fails; -1 for ever."""
    kinesis = cloud.kinesis()
    _check(cloud, stream)
    house = cloud.lambdas()
    source = {"EventSourceArn": kinesis.streams[stream].arn}
    mapping = house.add(function, source, now, attempts=attempts, measured=("EventCount",))
    poller = Poller(cloud, mapping, house.functions.setdefault(function, Function()), stream, now)

    def live(then: float) -> None:
        if mapping.uuid in house.mappings and stream in kinesis.streams:
            poller.live(then)
            cloud.timers.at(then + _POLL_SECONDS, live)

    live(now)


def poison(cloud: Cloud, now: float, *, stream: str, key: str = "poison") -> None:
    """Write a record into a stream that no function can process which is not repaired."""
    _check(cloud, stream)
    record = {"StreamName": stream, "Data": POISON, "PartitionKey": key}
    OPERATIONS["PutRecord"](cloud.kinesis(), record, now)


def repair_function(cloud: Cloud, _: float, *, function: str = "ship") -> None:
    """Let a function process whatever comes."""
    found = cloud.lambdas().functions.get(function)
    if found is None:
        raise BadFault(f"function: there is no {function!r}: map it first")
    found.takes_poison, found.fails = True, False


def _check(cloud: Cloud, stream: str) -> None:
    if stream not in cloud.kinesis().streams:
        known = ", ".join(sorted(cloud.kinesis().streams)) or "none"
        raise BadFault(f"stream: there is no {stream!r}: the streams are {known}")
