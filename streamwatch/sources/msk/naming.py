"""What names a cluster of Amazon MSK: its ARN, or its brokers' addresses. A name alone is unique in a region only."""

import re
from dataclasses import dataclass
from typing import Final

_ARN: Final = re.compile(r"arn:[^:]+:kafka:([^:]+):[^:]*:cluster/([^/]+)(?:/.*)?")
_HOST: Final = re.compile(
    r"b-\d+(?:-public)?\.([^.]+)\.[^.]+\.c\d+\.kafka(?:-serverless)?\.([^.]+)\.amazonaws\.com(?:\.cn)?"
)
"""Of a broker of MSK: it holds the cluster's name, which AWS does not promise."""


@dataclass(frozen=True, slots=True)
class MskName:
    """A cluster as AWS names it."""

    name: str
    region: str = ""
    """Empty of a Kafka that is not MSK's, which AWS knows by its id."""


def named_by_arn(arn: str) -> MskName | None:
    """Return the cluster of an ARN; None where it is no cluster."""
    match = _ARN.fullmatch(arn)
    return None if match is None else MskName(match[2], match[1])


def named_by_servers(servers: str) -> MskName | None:
    """Return the cluster of bootstrap servers, with commas between them; None where they name none, or several."""
    hosts = (server.strip().partition(":")[0] for server in servers.split(","))
    found = {MskName(match[1], match[2]) for host in hosts if (match := _HOST.fullmatch(host))}
    return found.pop() if len(found) == 1 else None
