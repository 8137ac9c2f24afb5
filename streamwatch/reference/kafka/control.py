"""The control endpoint: what the cluster is, what happened, and faults, as JSON over HTTP on loopback."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from streamwatch.reference.faulting import ordered
from streamwatch.reference.http import Asked, HttpAnswer
from streamwatch.reference.kafka.faults import FAULTS, apply
from streamwatch.reference.kafka.partition import NO_LEADER
from streamwatch.reference.kafka.site import Site

_JSON = "application/json"
_USAGE = """\
GET  /state            what the cluster is
GET  /events?after=N   what happened, from the Nth event on
POST /faults/NAME      {"broker": 2, ...}: break something
"""


class ClusterControl:
    """Answers the requests of one cluster's control endpoint."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __call__(self, asked: Asked) -> HttpAnswer:
        """Answer a request, and change the cluster where it asks for that."""
        if asked.method == "GET" and asked.path == "/state":
            return _json(state(self._site))
        if asked.method == "GET" and asked.path == "/events":
            return self._events(asked.query)
        if asked.method == "POST" and asked.path.startswith("/faults/"):
            return ordered(asked.path.removeprefix("/faults/"), asked.body, self._break)
        status = HTTPStatus.OK if asked.path == "/" else HTTPStatus.NOT_FOUND
        return HttpAnswer(_USAGE + f"\nfaults: {', '.join(FAULTS)}\n", status=status)

    def _events(self, query: str) -> HttpAnswer:
        try:
            after = int(parse_qs(query).get("after", ["0"])[0])
        except ValueError:
            return HttpAnswer("after: not a number\n", status=HTTPStatus.BAD_REQUEST)
        events = list(self._site.cluster.events)
        return _json({"next": len(events), "events": [{"at": at, "what": what} for at, what in events[after:]]})

    def _break(self, fault: str, parameters: dict[str, Any]) -> None:
        apply(self._site, self._site.clock(), fault, parameters)


def _json(value: Any) -> HttpAnswer:  # noqa: ANN401 - whatever JSON knows
    return HttpAnswer(json.dumps(value) + "\n", _JSON)


def state(site: Site) -> dict[str, Any]:
    """Return a picture of the cluster: brokers, counts of partitions, groups."""
    cluster = site.cluster
    partitions = list(cluster.partitions())
    return {
        "cluster_id": cluster.spec.cluster_id,
        "release": ".".join(map(str, cluster.spec.release)),
        "controller": cluster.controller.leader,
        "brokers": {
            str(broker.id): {
                "running": broker.is_running,
                "frozen": broker.is_frozen,
                "isolated": broker.is_isolated,
                "fenced": broker.is_fenced,
                "leads": sum(p.state.leader == broker.id for p in broker.partitions),
                "replicas": len(broker.partitions),
            }
            for broker in cluster.brokers.values()
        },
        "topics": len(cluster.topics),
        "partitions": len(partitions),
        "under_replicated": sum(len(p.state.isr) < len(p.state.replicas) for p in partitions),
        "offline": sum(p.state.leader == NO_LEADER for p in partitions),
        "groups": {one.name: one.state for one in site.groups.list()},
    }
