"""REST, as the control planes of MSK, Lambda and others speak it: an operation is a method and a path."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from streamwatch.reference.aws import lambdas, msk, msk_nodes, msk_topics, msk_upgrade, shapes
from streamwatch.reference.aws.cloud import CallerIdentity, Cloud
from streamwatch.reference.http import Asked

Operation = Callable[[msk.Msk, Mapping[str, Any]], dict[str, Any]]

_ANSWERED: Final[Mapping[str, Operation]] = {
    "ListClustersV2": msk.listed,
    "DescribeClusterV2": msk.describe,
    "ListNodes": msk_nodes.listed,
    "GetBootstrapBrokers": msk.bootstrap,
    "ListClusterOperationsV2": msk.operations,
    "ListTopics": msk_topics.listed,
    "DescribeTopic": msk_topics.describe,
    "DescribeTopicPartitions": msk_topics.partitions,
    "ListTopicReassignments": msk_upgrade.reassignments,
    "DescribeTopicReassignment": msk_upgrade.reassignment,
    "ListAssessments": msk_upgrade.assessments,
    "DescribeAssessment": msk_upgrade.assessment,
    "ListAssessmentFindings": msk_upgrade.findings,
}

SERVICES: Final = ("kafka", "lambda")
"""Answered here; as botocore names them."""
_ROUTED: Final = ("kafka", "kafkaconnect", "pipes", "lambda")
"""Where two have the same path, that of the first is answered."""


def answer(
    cloud: Cloud, caller: CallerIdentity, service: str, operation: str, parameters: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the answer of an operation; None for one that is left out."""
    if service == "lambda":
        is_list = operation == "ListEventSourceMappings"
        return lambdas.listed(cloud.lambdas(caller.account, caller.region), parameters) if is_list else None
    do = _ANSWERED.get(operation)
    return None if do is None else do(cloud.msk(caller.account, caller.region), parameters)


@cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str, str], ...]:
    """Return (method, path, service, operation) of all that botocore knows of them; ARNs in paths are quoted."""
    found = []
    for service in _ROUTED:
        model = shapes.service(service)
        for name in model.operation_names:
            http = model.operation_model(name).http
            path = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(http["requestUri"].partition("?")[0]))
            found.append((http["method"], re.compile(path), service, name))
    return tuple(found)


def route(asked: Asked) -> tuple[str, str, dict[str, Any]] | None:
    """Return the service and operation that a request asks for, and what it gives; or None."""
    for method, path, service, name in _routes():
        found = path.fullmatch(asked.path)
        if found is not None and method == asked.method:
            parameters: dict[str, Any] = {key: unquote(value) for key, value in found.groupdict().items()}
            return service, name, parameters | dict(parse_qsl(asked.query))
    return None
