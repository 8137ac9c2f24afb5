"""Two agents of one chart: each finds, knows and outlives the other, and may write one Lease."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.agent.config import Config
from tests.helm.chart import CHART, LEAST, Document, Refused, container, of, pod, render
from tests.helm.test_chart import config_of, invalid
from tests.real import artefacts
from tests.real.conftest import had

pytestmark = pytest.mark.real
PAIR: Final = {**LEAST, "mode": "pair", "pair": {"tokenSecret": "peer"}}
OWN: Final = {"app.kubernetes.io/name": "streamwatch", "app.kubernetes.io/instance": "watch"}


@pytest.fixture(scope="module")
def helm() -> Path:
    return had(artefacts.helm)


@pytest.fixture(scope="module")
def documents(helm: Path) -> list[Document]:
    return render(helm, PAIR)


def test_each_agent_finds_the_others_and_all_read_everything(documents: list[Document], tmp_path: Path) -> None:
    found = config_of(documents, tmp_path).ha
    assert found is not None
    agents = of(documents, "StatefulSet")
    headless = agents["spec"]["serviceName"]
    names = [f"{agents['metadata']['name']}-{number}" for number in range(agents["spec"]["replicas"])]
    assert len(names) == 2
    assert [one.url for one in found.peers] == [f"http://{name}.{headless}.kafka.svc:9308" for name in names]
    (service,) = (one["spec"] for one in documents if one["metadata"]["name"] == headless)
    assert (service["clusterIP"], service["publishNotReadyAddresses"]) == ("None", True), (
        "one that begins is found, too"
    )
    assert not any(argument.startswith("--share") for argument in container(documents)["args"])
    assert invalid(documents) == []


def test_three_agents_are_three_peers(helm: Path, tmp_path: Path) -> None:
    found = config_of(render(helm, {**PAIR, "replicas": 3}), tmp_path).ha
    assert found is not None
    assert len(found.peers) == 3


def test_the_token_is_in_a_secret_and_nowhere_else(documents: list[Document], tmp_path: Path) -> None:
    found = config_of(documents, tmp_path).ha
    assert found is not None
    assert found.token is not None
    (mount,) = (one for one in container(documents)["volumeMounts"] if "secrets" in one["mountPath"])
    assert found.token.file == str(tmp_path / Path(mount["mountPath"]).name / "token")
    (secret,) = (one["secret"]["secretName"] for one in pod(documents)["spec"]["volumes"] if "secret" in one)
    assert secret == "peer"
    assert "Secret" not in {one["kind"] for one in documents}


def test_they_may_write_their_one_lease_and_no_more(documents: list[Document], tmp_path: Path) -> None:
    found = config_of(documents, tmp_path).ha
    assert found is not None
    assert found.lease.kubernetes is not None
    lease = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    role = of(documents, "Role")
    rights = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    assert sorted(one["kind"] for one in documents if one["kind"] in rights) == ["Role", "RoleBinding"]
    assert role["rules"] == [
        {**lease, "verbs": ["create"]},
        {**lease, "resourceNames": [found.lease.kubernetes.name], "verbs": ["get", "update"]},
    ]
    binding = of(documents, "RoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    (subject,) = binding["subjects"]
    assert subject["name"] == pod(documents)["spec"]["serviceAccountName"]
    assert {one["metadata"]["namespace"] for one in (role, binding)} == {"kafka"}
    assert pod(documents)["spec"]["automountServiceAccountToken"] is True


def test_where_the_lease_is_kept_elsewhere_they_have_no_right_in_kubernetes(helm: Path, tmp_path: Path) -> None:
    ha = {"lease": {"kafka_group": {"kafka_cluster": "orders"}}}
    documents = render(helm, {**PAIR, "config": {**LEAST["config"], "ha": ha}})
    found = config_of(documents, tmp_path).ha
    assert found is not None
    assert found.lease.kafka_group is not None
    assert (found.lease.kubernetes, len(found.peers)) == (None, 2)
    assert not {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} & {one["kind"] for one in documents}
    assert pod(documents)["spec"]["automountServiceAccountToken"] is False


def test_no_machine_and_no_eviction_takes_both(helm: Path, documents: list[Document]) -> None:
    (apart,) = pod(documents)["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart == {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": OWN}}
    budget = of(documents, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["selector"]) == (1, {"matchLabels": OWN})
    affinity: dict[str, Any] = {"nodeAffinity": {}}
    assert pod(render(helm, {**PAIR, "affinity": affinity}))["spec"]["affinity"] == affinity, "what is given counts"


def test_the_others_may_come_wherever_a_policy_says_who_may(helm: Path) -> None:
    others = [{"namespaceSelector": {"matchLabels": {"team": "metrics"}}}]
    policy = {"from": others, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}
    spec = of(render(helm, {**PAIR, "networkPolicy": policy}), "NetworkPolicy")["spec"]
    peers = {"podSelector": {"matchLabels": OWN}}
    assert spec["ingress"][0]["from"] == [*others, peers]
    assert {"ports": [{"port": "metrics", "protocol": "TCP"}], "to": [peers]} in spec["egress"]


_CLIENTS: Final = {"cert_file": "c", "key_file": "k", "client_ca_file": "a"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"pair": {}}, "give pair.tokenSecret, a Secret with the key `token`"),
        (
            {"config": {**LEAST["config"], "listen": {"tls": _CLIENTS}}},
            "take config.listen.tls.client_ca_file away",
        ),
    ],
)
def test_agents_that_could_not_know_each_other_are_refused(helm: Path, values: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        render(helm, {**PAIR, **values})
    assert told in str(refused.value)


def test_all_of_the_configuration_can_be_given() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"]["config"]["properties"].keys() == {one.name for one in fields(Config)}
