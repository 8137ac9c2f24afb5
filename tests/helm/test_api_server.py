"""What the chart and docs/autoscaling.md make, on a real API server of Kubernetes, where one was built."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import LeaseError
from streamwatch.pair.lease.kubernetes import Config, KubernetesHome
from streamwatch.pair.lease.record import RecordLease
from tests.helm.chart import LEAST, ROOT, Document, of, pod, render
from tests.helm.test_chart import combinations
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.kube_apiserver import KubeApiserver, kube_apiserver

pytestmark = pytest.mark.real
_CREATED, _FORBIDDEN = 201, 403
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
_PAIR: Final = {**LEAST, "mode": "pair", "pair": {"tokenSecret": "peer"}}
_OF_OPERATORS: Final = ("monitoring.coreos.com/", "grafana.integreatly.org/")
"""Their kinds are not Kubernetes' own."""


@pytest.fixture(scope="module")
def helm() -> Path:
    return had(artefacts.helm)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApiserver]:
    with kube_apiserver(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


def installed(server: KubeApiserver, documents: list[Document], namespace: str) -> None:
    """Create all of it in a namespace of its own, each field known to the server."""
    server.make_namespace(namespace)
    for one in documents:
        one["metadata"]["namespace"] = namespace
        for subject in one.get("subjects", ()):
            subject["namespace"] = namespace
        status, answer = server.create(one, namespace)
        assert status == _CREATED, (one["kind"], one["metadata"]["name"], answer.get("message"))


def test_it_takes_all_that_the_chart_makes(server: KubeApiserver, helm: Path) -> None:
    server.make_namespace("tried")
    seen: list[Document] = []
    for values in combinations():
        for one in render(helm, values):
            if one in seen or one["apiVersion"].startswith(_OF_OPERATORS):
                continue
            seen.append(one)
            one["metadata"]["namespace"] = "tried"
            status, answer = server.create(one, "tried", is_dry=True)
            assert status == _CREATED, (values, one["kind"], one["metadata"]["name"], answer.get("message"))
    assert {one["kind"] for one in seen} >= {"Deployment", "StatefulSet", "ConfigMap", "Role", "PodDisruptionBudget"}


def test_an_agents_account_may_keep_its_lease_and_nothing_else(
    server: KubeApiserver, helm: Path, tmp_path: Path
) -> None:
    documents = render(helm, _PAIR)
    installed(server, documents, "shop")
    account = pod(documents)["spec"]["serviceAccountName"]
    token = tmp_path / "token"
    token.write_text(server.token("shop", account))
    name = of(documents, "Role")["rules"][1]["resourceNames"][0]
    config = Config(name=name, namespace="shop", url=server.url, token_file=str(token), ca_file=str(server.ca_file))
    clock = SystemClock()
    lease = RecordLease(KubernetesHome(config, clock), "watch-0", "1", 5.0, clock)

    assert lease.step(wants=True).until > clock.monotonic()
    _, found = server.ask("GET", f"{_LEASES.format('shop')}/{name}")
    assert (found["spec"]["holderIdentity"], found["spec"]["leaseDurationSeconds"]) == ("watch-0", 5)

    own, other = token.read_text(), {**found, "metadata": {"name": "another"}}
    assert server.create(other, "shop")[0] == _CREATED
    asked = {
        "another lease": ("GET", f"{_LEASES.format('shop')}/another"),
        "its lease, for good": ("DELETE", f"{_LEASES.format('shop')}/{name}"),
        "all leases": ("GET", _LEASES.format("shop")),
        "a lease of others": ("GET", f"{_LEASES.format('default')}/{name}"),
        "secrets": ("GET", "/api/v1/namespaces/shop/secrets"),
        "pods": ("GET", "/api/v1/namespaces/shop/pods"),
    }
    assert {what: server.ask(*how, token=own)[0] for what, how in asked.items()} == dict.fromkeys(asked, _FORBIDDEN)


def test_an_account_without_the_role_is_said(server: KubeApiserver, tmp_path: Path) -> None:
    server.make_namespace("bare")
    token = tmp_path / "token"
    token.write_text(server.token("bare", "default"))
    config = Config(namespace="bare", url=server.url, token_file=str(token), ca_file=str(server.ca_file))
    clock = SystemClock()
    with pytest.raises(LeaseError, match=r"403.*cannot get resource .leases.*give the pod's account get, create"):
        RecordLease(KubernetesHome(config, clock), "a", "1", 5.0, clock).step(wants=True)


def test_it_takes_the_autoscaler_of_the_document(server: KubeApiserver) -> None:
    text = (ROOT / "docs" / "autoscaling.md").read_text()
    blocks = [yaml.safe_load(one) for one in re.findall(r"(?ms)^```yaml\n(.*?)^```$", text)]
    scalers = [one for one in blocks if isinstance(one, dict) and one.get("kind") == "HorizontalPodAutoscaler"]
    assert scalers
    server.make_namespace("scaled")
    for one in scalers:
        status, answer = server.create(one, "scaled")
        assert status == _CREATED, answer.get("message")
        assert answer["spec"] == {**answer["spec"], **one["spec"], "behavior": answer["spec"]["behavior"]}
