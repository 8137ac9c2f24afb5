"""What may become of a call of AWS: refused, throttled, answered with nonsense, or in pages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from streamwatch.sources.aws.session import Account

Ask = Callable[[str, str, str, Mapping[str, Any]], Any]
FAULTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "refused": ("deny", {}),
    "throttled": ("throttle", {}),
    "garbage": ("spoil", {"answers": "garbage"}),
    "truncated": ("spoil", {"answers": "truncated"}),
    "empty": ("spoil", {"answers": "empty"}),
    "error": ("spoil", {"answers": "error"}),
}
"""Faults of the reference, with their keywords."""
REASONS: Final = {"refused": "denied", "throttled": "throttled", "error": "unreachable"}
"""What the agent calls them; the others are misread."""
_PAGES: Final = 3
_TOKEN: Final = ("NextToken", "NextToken")
_MARKER: Final = ("Marker", "Marker")
PAGES: Final[Mapping[str, tuple[str, str, str]]] = {
    "ListTables": ("TableNames", "LastEvaluatedTableName", "ExclusiveStartTableName"),
    "Scan": ("Items", "LastEvaluatedKey", "ExclusiveStartKey"),
    "ListEventSourceMappings": ("EventSourceMappings", "NextMarker", "Marker"),
    "ListDeliveryStreams": ("DeliveryStreamNames", "HasMoreDeliveryStreams", "ExclusiveStartDeliveryStreamName"),
    "ListConnectors": ("connectors", "nextToken", "nextToken"),
    "DescribeEndpoints": ("Endpoints", *_MARKER),
    "DescribeReplicationTasks": ("ReplicationTasks", *_MARKER),
    "DescribeReplications": ("Replications", *_MARKER),
    "DescribeReplicationInstances": ("ReplicationInstances", *_MARKER),
    "ListPipes": ("Pipes", *_TOKEN),
    "ListApplications": ("ApplicationSummaries", *_TOKEN),
    "ListReplicators": ("Replicators", *_TOKEN),
    "GetStatementResult": ("Records", *_TOKEN),
    "GetMetricData": ("MetricDataResults", *_TOKEN),
}
"""Operations whose answers have pages: what they list, what says that a page follows, and what asks for it."""


def twisted(of: Any) -> Any:
    """An answer of the same form in which nothing is what it should be."""
    if isinstance(of, Mapping):
        return {name: value if name == "ResponseMetadata" else twisted(value) for name, value in of.items()}
    if isinstance(of, list):
        return [twisted(one) for one in of]
    return of if isinstance(of, bool) else 7 if isinstance(of, str) else "nonsense"


def hollow(of: Any) -> Any:
    """An answer whose lists have as many members, in which nothing is."""
    if isinstance(of, Mapping):
        return {name: value if name == "ResponseMetadata" else hollow(value) for name, value in of.items()}
    return [{} for _ in of] if isinstance(of, list) else of


NONSENSE: Final[Mapping[str, Callable[[Any], Any]]] = {"twisted": twisted, "hollow": hollow}


@contextmanager
def _asking(account: Account, how: Callable[[Ask], Ask]) -> Iterator[None]:
    account.ask = how(account.ask)  # type: ignore[method-assign, assignment]  # as AWS would answer
    try:
        yield
    finally:
        del account.ask


@contextmanager
def answering(account: Account, operation: str, how: Callable[[Any], Any]) -> Iterator[None]:
    """Let an operation answer what only looks like an answer."""

    def odd(ask: Ask) -> Ask:
        def answered(service: str, region: str, called: str, parameters: Mapping[str, Any]) -> Any:
            answer = ask(service, region, called, parameters)
            return how(answer) if called == operation else answer

        return answered

    with _asking(account, odd):
        yield


@contextmanager
def in_three_pages(account: Account) -> Iterator[None]:
    """Let everything that is listed come in three pages, of which some may be empty, as AWS's may."""
    tokens = map(str, count())
    waiting: dict[str, Any] = {}

    def paging(ask: Ask) -> Ask:
        def answered(service: str, region: str, called: str, parameters: Mapping[str, Any]) -> Any:
            listed, follows, asks = PAGES.get(called, ("", "", ""))
            page = waiting.pop(repr(parameters.get(asks)), None)
            if page is not None:
                return page
            whole = ask(service, region, called, parameters)
            is_short = called == "ListDeliveryStreams" and len(whole[listed]) < _PAGES  # its pages are never empty
            if not listed or whole.get(follows) or is_short:
                return whole
            first, *others = _thirds(whole, listed)
            before = first
            for other in others:
                before[follows], token = _link(called, before[listed], next(tokens))
                waiting[repr(token)] = before = other
            return first

        return answered

    with _asking(account, paging):
        yield


def _thirds(whole: Mapping[str, Any], listed: str) -> list[dict[str, Any]]:
    """Return three answers that hold what one holds; what they cost is the first one's."""
    third = -(-len(whole[listed]) // _PAGES)
    parts = [whole[listed][at * third : (at + 1) * third] for at in range(_PAGES)]
    free = {"ConsumedCapacity": {"CapacityUnits": 0.0}} if "ConsumedCapacity" in whole else {}
    return [{**whole, **(free if at else {}), listed: part} for at, part in enumerate(parts)]


def _link(operation: str, names: list[Any], token: str) -> tuple[Any, Any]:
    """Return what an answer says of the next page, and what asks for it."""
    if operation == "ListDeliveryStreams":
        return True, names[-1]
    found = {"leaseKey": {"S": token}} if operation == "Scan" else token
    return found, found
