"""A real API server of Kubernetes on 127.0.0.1 with its etcd, both built here from their published Go modules.

    python -m tests.real.kube_apiserver

builds them into the cache (Go 1.26; a quarter of an hour on two cores, and 3 GB of disk): too long for every run of the
tests, which use them where they are there already (tests/helm/test_api_server.py, tests/pair/lease/test_contract.py).
"""

import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.real.artefacts import Unavailable, cache, program
from tests.real.certificates import Authority
from tests.real.processes import Server, free_ports
from tests.waiting import wait_for

VERSION: Final = "1.36.3"
_ETCD: Final = Path(__file__).parent / "go" / "etcd" / "main.go"
_ADMIN: Final = "of-the-admin"
_ISSUER: Final = "https://kubernetes.default.svc"
_PROGRAMS: Final = ("etcd", "kube-apiserver")
_START_SECONDS: Final = 120.0
_SECONDS: Final = 30.0
_AUDIENCE: Final = {
    "apiVersion": "authentication.k8s.io/v1",
    "kind": "TokenRequest",
    "spec": {"expirationSeconds": 3600},
}


def programs() -> Path:
    """The folder with both; raises Unavailable where nobody has built them."""
    folder = cache() / f"kubernetes-{VERSION}"
    if not folder.is_dir():
        raise Unavailable(
            f"Kubernetes {VERSION} was not built: python -m tests.real.kube_apiserver, a quarter of an hour"
        )
    return folder


def build() -> Path:
    """Build both, unless they are there."""
    folder = cache() / f"kubernetes-{VERSION}"
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(prefix="kubernetes.", dir=cache()) as scratch:
        module, fresh = Path(scratch) / "module", Path(scratch) / "complete"
        for each in (module / "etcd", fresh):
            each.mkdir(parents=True)
        shutil.copy(_ETCD, module / "etcd")
        _go(module, "mod", "init", "built.local/kubernetes")
        found = json.loads(_go(module, "mod", "download", "-json", f"k8s.io/kubernetes@v{VERSION}"))
        for own in _staged(json.loads(_go(module, "mod", "edit", "-json", found["GoMod"]))):
            _go(module, "mod", "edit", "-replace", f"{own}={own}@v0{VERSION[1:]}")
        _go(module, "get", f"k8s.io/kubernetes@v{VERSION}")
        for name, package in zip(
            _PROGRAMS, ("built.local/kubernetes/etcd", "k8s.io/kubernetes/cmd/kube-apiserver"), strict=True
        ):
            print(f"{name} is being built", flush=True)
            _go(module, "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", str(fresh / name), package)
        fresh.rename(folder)
    return folder


def _staged(module: dict[str, Any]) -> list[str]:
    """The modules of Kubernetes' own that its source has beside it: they are published with a version of their own."""
    return [one["Old"]["Path"] for one in module["Replace"] if one["New"]["Path"].startswith("./staging/")]


def _go(folder: Path, *arguments: str) -> str:
    done = subprocess.run([program("go"), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"go {arguments[0]}: {done.stderr[-2000:]}")
    return done.stdout


class KubeApiserver:
    """One of each; nobody schedules, so that no pod ever runs."""

    def __init__(self, folder: Path) -> None:
        binaries = programs()
        authority = Authority(folder, "kubernetes")
        serving, accounts = authority.issue("kube-apiserver"), authority.issue("accounts")
        tokens = folder / "tokens.csv"
        tokens.write_text(f'{_ADMIN},admin,admin,"system:masters"\n')
        client, peer, self.port = free_ports(3)
        self.ca_file = authority.file
        self.admin = _ADMIN
        """The token of who may do everything."""
        self.url = f"https://127.0.0.1:{self.port}"
        self._context = ssl.create_default_context(cafile=str(authority.file))
        etcd = {
            "data-dir": folder / "etcd",
            "listen-client-urls": f"http://127.0.0.1:{client}",
            "advertise-client-urls": f"http://127.0.0.1:{client}",
            "listen-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-cluster": f"default=http://127.0.0.1:{peer}",
        }
        apiserver = {
            "etcd-servers": f"http://127.0.0.1:{client}",
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": self.port,
            "cert-dir": folder,
            "tls-cert-file": serving.certificate,
            "tls-private-key-file": serving.key,
            "token-auth-file": tokens,
            "authorization-mode": "RBAC",
            "service-account-issuer": _ISSUER,
            "service-account-key-file": accounts.certificate,
            "service-account-signing-key-file": accounts.key,
            "service-cluster-ip-range": "10.96.0.0/16",
        }
        self._servers = [
            Server(
                name,
                [str(binaries / name), *(f"--{key}={value}" for key, value in flags.items())],
                folder / f"{name}.log",
            )
            for name, flags in zip(_PROGRAMS, (etcd, apiserver), strict=True)
        ]

    def start(self) -> None:
        """Start both, and wait until requests are answered."""
        try:
            for server in self._servers:
                server.start()
            wait_for(self._is_ready, _START_SECONDS, "the API server is ready")
        except Exception as error:
            error.add_note("\n".join(server.tail() for server in self._servers))
            raise

    def close(self) -> None:
        """Kill both."""
        for server in reversed(self._servers):
            server.kill()

    def ask(self, method: str, path: str, body: Any = None, token: str = _ADMIN) -> tuple[int, dict[str, Any]]:
        """Ask it something; returns the status and the answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - https
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._context) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def create(self, document: dict[str, Any], namespace: str, *, is_dry: bool = False) -> tuple[int, dict[str, Any]]:
        """Create an object where its kind lives, or say whether it could be; a field that is none is refused."""
        version = document["apiVersion"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        _, found = self.ask("GET", base)
        plural = next(
            one["name"] for one in found["resources"] if one["kind"] == document["kind"] and "/" not in one["name"]
        )
        how = "fieldValidation=Strict" + ("&dryRun=All" if is_dry else "")
        return self.ask("POST", f"{base}/namespaces/{namespace}/{plural}?{how}", document)

    def make_namespace(self, name: str) -> None:
        """Make a namespace, and its account, which no controller makes here."""
        for path, kind, own in (
            ("namespaces", "Namespace", name),
            (f"namespaces/{name}/serviceaccounts", "ServiceAccount", "default"),
        ):
            status, answer = self.ask(
                "POST", f"/api/v1/{path}", {"apiVersion": "v1", "kind": kind, "metadata": {"name": own}}
            )
            assert status == 201, answer

    def token(self, namespace: str, account: str) -> str:
        """A token of an account, as its pods get it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        status, answer = self.ask("POST", path, _AUDIENCE)
        assert status == 201, answer
        token: str = answer["status"]["token"]
        return token

    def _is_ready(self) -> bool:
        if not all(server.running for server in self._servers):
            raise RuntimeError("it ended")
        try:
            status, _ = self.ask("GET", "/api/v1/namespaces/default")
        except (OSError, ValueError):
            return False
        return status == 200


@contextmanager
def kube_apiserver(folder: Path) -> Iterator[KubeApiserver]:
    """Run one; where nobody has built it, the test is skipped, also where real parts are mandatory."""
    try:
        programs()
    except Unavailable as reason:
        pytest.skip(str(reason))
    server = KubeApiserver(folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


if __name__ == "__main__":
    print(build())
