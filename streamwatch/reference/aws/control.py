"""The control endpoint of the reference AWS: what there is, and faults, as JSON over HTTP on loopback."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.faults import FAULTS, apply
from streamwatch.reference.faulting import BadFault, ordered
from streamwatch.reference.http import Asked, HttpAnswer
from streamwatch.reference.kinesis.errors import ServiceError

_JSON = "application/json"
_USAGE = """\
GET  /state        what there is
POST /faults/NAME  {"stream": "orders", ...}: break something
"""


class CloudControl:
    """Answers the requests of one cloud's control endpoint."""

    def __init__(self, cloud: Cloud, clock: Callable[[], float]) -> None:
        self._cloud = cloud
        self._clock = clock

    def __call__(self, asked: Asked) -> HttpAnswer:
        """Answer a request, and change the cloud where it asks for that."""
        if asked.method == "GET" and asked.path == "/state":
            return HttpAnswer(json.dumps(state(self._cloud)) + "\n", _JSON)
        if asked.method == "POST" and asked.path.startswith("/faults/"):
            return ordered(asked.path.removeprefix("/faults/"), asked.body, self._break)
        status = HTTPStatus.OK if asked.path == "/" else HTTPStatus.NOT_FOUND
        return HttpAnswer(_USAGE + f"\nfaults: {', '.join(FAULTS)}\n", status=status)

    def _break(self, fault: str, parameters: dict[str, Any]) -> None:
        try:
            apply(self._cloud, self._clock(), fault, parameters)
        except ServiceError as error:  # a stream that is being changed, for example
            raise BadFault(str(error)) from error


def state(cloud: Cloud) -> dict[str, Any]:
    """Return a picture of the streams."""
    return {
        f"{kinesis.account}/{kinesis.region}": {
            stream.name: {
                "status": stream.status,
                "mode": stream.mode,
                "retention_hours": stream.retention_hours,
                "consumers": sorted(stream.consumers),
                "shards": {
                    one.id: {"open": one.is_open, "records": len(one.records), "parents": list(one.parents)}
                    for one in stream.shards.values()
                },
            }
            for stream in kinesis.streams.values()
        }
        for kinesis in cloud.kinesis_accounts()
    }
