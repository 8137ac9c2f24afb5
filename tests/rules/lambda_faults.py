"""What goes wrong with functions and is easily overlooked: each makes one that is well, and returns what breaks it."""

from typing import Any

from streamwatch.reference.aws.lambda_poller import POISON, Poller
from streamwatch.reference.aws.lambdas import Function
from tests.rules.reader_account import ARN, Account
from tests.rules.reader_faults import Break, mapped

FAILED = "PROBLEM: Function call failed"


def poison_pill_of_two_streams(account: Account, stream: str, **given: Any) -> Break:
    """A function that reads two streams of four shards, and a record in one of them that it cannot process."""
    function = Function()
    for name in (stream, f"{stream}-calm"):
        account.stream(name, 4)

        def make(cloud: Any, now: float, name: str = name) -> Poller:
            mapping = cloud.lambdas().add(stream, {"EventSourceArn": ARN + name}, now, **given)
            return Poller(cloud, mapping, function, name, now)

        account.lives(account.do(make))
    return lambda: account.call("PutRecord", StreamName=stream, Data=POISON, PartitionKey="k3")


def counted_poison_pill_of_two_streams(account: Account, stream: str) -> Break:
    """The same, where each mapping counts its own events."""
    return poison_pill_of_two_streams(account, stream, measured=("EventCount",))


def poller_dies(account: Account, stream: str) -> Break:
    """A poller that dies after a call that failed."""
    poller = mapped(account, stream)

    def break_() -> None:
        poller.is_dead, poller.mapping.result = True, FAILED

    return break_


def disabled_without_reason(account: Account, stream: str) -> Break:
    """A mapping that is disabled after a call that failed, and nobody says why."""
    poller = mapped(account, stream)

    def break_() -> None:
        poller.mapping.state, poller.mapping.reason, poller.mapping.result = "Disabled", "", FAILED

    return break_
