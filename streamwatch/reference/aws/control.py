"""The control endpoint of the reference AWS: what there is, and faults, as JSON over HTTP on loopback."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.faults import FAULTS, apply
from streamwatch.reference.faulting import BadFault
from streamwatch.reference.http import Asked, Page
from streamwatch.reference.kinesis.errors import Refused

_JSON = "application/json"
_USAGE = """\
GET  /state        what there is
POST /faults/NAME  {"stream": "orders", ...}: break something
"""


class Control:
    """Answers the requests of one cloud's control endpoint."""

    def __init__(self, cloud: Cloud, clock: Callable[[], float]) -> None:
        self._cloud = cloud
        self._clock = clock

    def __call__(self, asked: Asked) -> Page:
        """Answer a request, and change the cloud where it asks for that."""
        if asked.method == "GET" and asked.path == "/state":
            return Page(json.dumps(state(self._cloud)) + "\n", _JSON)
        if asked.method == "POST" and asked.path.startswith("/faults/"):
            return self._fault(asked.path.removeprefix("/faults/"), asked.body)
        status = HTTPStatus.OK if asked.path == "/" else HTTPStatus.NOT_FOUND
        return Page(_USAGE + f"\nfaults: {', '.join(FAULTS)}\n", status=status)

    def _fault(self, name: str, body: bytes) -> Page:
        try:
            given = json.loads(body or b"{}")
            if not isinstance(given, dict):
                return Page("a JSON object is wanted\n", status=HTTPStatus.BAD_REQUEST)
            apply(self._cloud, self._clock(), name, given)
        except (BadFault, Refused, ValueError) as error:
            return Page(f"{error}\n", status=HTTPStatus.BAD_REQUEST)
        return Page(json.dumps({"done": name}) + "\n", _JSON)


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
        for kinesis in cloud.houses()
    }
