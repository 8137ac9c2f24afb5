"""The lease as one of Kubernetes' own, of `coordination.k8s.io`, by the account that the pod runs as.

No client library: two requests on one small object are what it would be used for, and the official one brings 40 MB
of generated models, its own configuration and logging of bodies, and no deadline of a whole request.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from os import environ
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import quote

from streamwatch.core.clock import Clock
from streamwatch.core.errors import LeaseError
from streamwatch.core.files import read_short
from streamwatch.http.transport import Deadline, Transport, TransportError, exchange, tls_context
from streamwatch.pair.lease.record import LeaseRecord, VersionedRecord, from_text, to_text
from streamwatch.settings.types import FilePath, setting

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANNOTATION: Final = "streamwatch/lease"
_SECONDS: Final = 3.0
_MOST_BYTES: Final = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A Lease; the pod's account needs `get`, `create` and `update` of `leases` in its namespace."""

    name: str = setting("the Lease's name", default="streamwatch")
    namespace: str | None = setting("its namespace; the pod's own, where it is left out", default=None)
    url: str | None = setting(
        "address of the API server; left out, what Kubernetes tells each pod in its environment", default=None
    )
    token_file: FilePath | None = setting("file of the account's token; the pod's own by default", default=None)
    ca_file: FilePath | None = setting("PEM file of the API server's authority; the pod's own by default", default=None)


class KubernetesHome:
    """The Lease. What others write into it, and the fields that its users know, are as Kubernetes has them."""

    def __init__(self, config: Config, clock: Clock) -> None:
        """Prepare; token and authority are read when they are needed: Kubernetes renews the first within the hour."""
        self._config, self._clock = config, clock
        self._context: SSLContext | None = None
        self._found: dict[str, Any] = {}
        """The object as it was read last."""

    def read(self) -> VersionedRecord | None:
        """See ``Home``."""
        status, answer = self._ask("GET", self._path(self._config.name))
        if status == HTTPStatus.NOT_FOUND:
            self._found = {}
            return None
        return self._seen(status, answer)

    def write(self, record: LeaseRecord, seen: VersionedRecord | None) -> VersionedRecord | None:
        """See ``Home``."""
        metadata: dict[str, Any] = {"name": self._config.name}
        if seen is not None:
            metadata = {**self._found.get("metadata", {}), "resourceVersion": seen.version}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), ANNOTATION: to_text(record)}
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": self._spec(record),
        }
        method, path = ("POST", self._path()) if seen is None else ("PUT", self._path(self._config.name))
        status, answer = self._ask(method, path, json.dumps(body).encode())
        if status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
            return None
        return self._seen(status, answer)

    def _spec(self, record: LeaseRecord) -> dict[str, Any]:
        """Return what `kubectl get leases` shows; it decides nothing."""
        now = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = self._found.get("spec")
        before = spec if isinstance(spec, dict) else {}
        is_new = before.get("leaseTransitions") != record.term or "acquireTime" not in before
        return {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": math.ceil(record.seconds),
            "acquireTime": now if is_new else before["acquireTime"],
            "renewTime": now,
            "leaseTransitions": record.term,
        }

    def _seen(self, status: int, answer: Mapping[str, Any]) -> VersionedRecord:
        if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            said = str(answer.get("message", ""))[:200]
            remedy = "give the pod's account get, create and update of leases" if status in {401, 403} else "see there"
            raise LeaseError(f"{self._where}: HTTP status {status}: {said}: {remedy}")
        try:
            metadata = answer["metadata"]
            version, text = str(metadata["resourceVersion"]), metadata["annotations"][ANNOTATION]
        except (KeyError, TypeError) as error:
            raise LeaseError(f"{self._where}: is somebody else's: give the agents' lease another `name`") from error
        seen = VersionedRecord(from_text(text, self._where), version)
        self._found = dict(answer)
        return seen

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        base = self._config.url or _server()
        try:
            token = read_short(Path(self._config.token_file or _ACCOUNT / "token")).strip()
        except (OSError, ValueError) as error:
            raise LeaseError(f"{self._where}: the account's token cannot be read: {error}: mount it") from error
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        deadline = Deadline(_SECONDS, self._clock)
        transport = Transport(self._trusting() if base.startswith("https:") else None)
        try:
            with exchange(
                method, base + path, deadline=deadline, transport=transport, headers=headers, body=body
            ) as response:
                return response.status, self._answered(response.read(_MOST_BYTES))
        except TransportError as error:
            raise LeaseError(f"{self._where}: {error}") from error

    def _answered(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise LeaseError(f"{self._where}: the answer is no JSON: is `url` the API server's?") from error
        return answer if isinstance(answer, dict) else {}

    def _trusting(self) -> SSLContext:
        if self._context is None:
            try:
                self._context = tls_context(str(self._config.ca_file or _ACCOUNT / "ca.crt"))
            except OSError as error:
                raise LeaseError(f"{self._where}: its authority: {error}: set `ca_file`") from error
        return self._context

    def _path(self, name: str = "") -> str:
        try:
            namespace = self._config.namespace or read_short(_ACCOUNT / "namespace").strip()
        except (OSError, ValueError) as error:
            raise LeaseError(f"{self._where}: the pod's namespace is not known: set `namespace`") from error
        base = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"
        return f"{base}/{quote(name, safe='')}" if name else base

    @property
    def _where(self) -> str:
        return f"Lease {self._config.name!r}"


def _server() -> str:
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise LeaseError("the API server's address is not known: this is no pod: set `url`")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
