"""The chart, rendered by a real Helm in every combination of what changes its pods, and read by those who will."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from streamwatch.agent.config import Config, parse
from tests.helm.chart import CHART, EXAMPLES, LEAST, ROOT, Document, Refused, container, of, pod, render
from tests.real import artefacts
from tests.real.conftest import had

pytestmark = pytest.mark.real
VERSIONS: Final = tuple(f"1.{minor}" for minor in range(29, 38))
_FOREIGN: Final = ("monitoring.coreos.com/", "grafana.integreatly.org/", "kafka.strimzi.io/")
_TLS: Final = {"cert_file": "/etc/streamwatch/secrets/tls/tls.crt", "key_file": "/etc/streamwatch/secrets/tls/tls.key"}
_LISTENS: Final[Mapping[str, Any]] = {
    "plain": {},
    "tls": {"listen": {"tls": _TLS, "address": "0.0.0.0:9400"}},
    "client certificates": {"listen": {"tls": {**_TLS, "client_ca_file": "/etc/streamwatch/secrets/tls/ca.crt"}}},
}
_LABEL: Final = re.compile(r"(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_MORE: Final[Mapping[str, Any]] = {
    "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "kafka", "key": "password"}}}],
    "envFrom": [{"secretRef": {"name": "more"}}],
    "secretFiles": ["tls", "a-secret.with-a-name-that-is-longer-than-what-the-name-of-a-volume-can-be"],
    "extraVolumes": [{"name": "own", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "own", "mountPath": "/own"}],
    "imagePullSecrets": [{"name": "registry"}],
    "podLabels": {"team": "data"},
    "podAnnotations": {"note": "true"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "priorityClassName": "high",
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/streamwatch"}},
    "networkPolicy": {
        "enabled": True,
        "from": [{"namespaceSelector": {}}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    },
    "podDisruptionBudget": {"enabled": True},
}


@pytest.fixture(scope="module")
def helm() -> Path:
    return had(artefacts.helm)


@pytest.fixture(scope="module")
def promtool() -> Path:
    return had(artefacts.promtool)


def combinations() -> Iterator[dict[str, Any]]:
    """Every combination of what the pods, and who scrapes them, depend on."""
    modes: Sequence[dict[str, Any]] = (
        {"mode": "deployment"},
        {"mode": "statefulset", "replicas": 3},
        {"mode": "pair", "pair": {"tokenSecret": "peer"}},
        {"mode": "sidecar"},
    )
    monitors: Sequence[dict[str, Any]] = ({}, {"serviceMonitor": {"enabled": True}}, {"podMonitor": {"enabled": True}})
    natives: Sequence[dict[str, Any]] = ({}, {"sidecar": {"native": True}})
    persistents = ({"state": {"persistent": one}} for one in (False, True))
    for mode, monitor, native, state, listen, more in product(
        modes, monitors, natives, persistents, _LISTENS.values(), ({}, _MORE)
    ):
        if mode["mode"] == "sidecar" and "serviceMonitor" in monitor:
            continue  # refused, and tested below
        if mode["mode"] == "pair" and listen == _LISTENS["client certificates"]:
            continue
        config = {**LEAST["config"], **listen}
        yield {**mode, **monitor, **native, **state, **more, "config": config}


@pytest.fixture(scope="module")
def rendered(helm: Path) -> list[tuple[dict[str, Any], list[Document]]]:
    every = list(combinations())
    with ThreadPoolExecutor(2) as pool:
        return list(zip(every, pool.map(lambda values: render(helm, values), every), strict=True))


def invalid(documents: Sequence[Document]) -> list[str]:
    """What Kubernetes would not take of its own objects, in any version."""
    python = had(lambda: artefacts.python("kubernetes-validate"))
    own = [one for one in documents if not one["apiVersion"].startswith(_FOREIGN)]
    once = list({json.dumps(one, sort_keys=True): one for one in own}.values())
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("validate.py"))],
        input=json.dumps({"versions": VERSIONS, "documents": once}),
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    found: list[str] = json.loads(done.stdout)
    return found


def test_every_combination_is_what_kubernetes_takes(rendered: list[tuple[dict[str, Any], list[Document]]]) -> None:
    documents = [one for _, some in rendered for one in some]
    assert len(rendered) == 240
    assert {one["kind"] for one in documents} >= {"Deployment", "StatefulSet", "Service", "NetworkPolicy"}
    text = (Path(__file__).parents[2] / "docs" / "autoscaling.md").read_text(encoding="utf-8")
    documents += [
        yaml.safe_load(part) for part in re.findall(r"```yaml\n(apiVersion: autoscaling.*?)```", text, re.DOTALL)
    ]
    assert "HorizontalPodAutoscaler" in {one["kind"] for one in documents}
    assert invalid(documents) == []
    broken = {**of(rendered[0][1], "Service"), "spec": {"ports": "none"}}
    assert len(invalid([broken])) == len(VERSIONS), "what is wrong is seen, in each version"


def test_every_combination_is_whole(rendered: list[tuple[dict[str, Any], list[Document]]], tmp_path: Path) -> None:
    """Selectors find their pods, what is mounted is there, and probes ask where the agent listens."""
    for values, documents in rendered:
        config = config_of(documents, tmp_path)
        port = int(config.listen.address.port)
        if values["mode"] == "sidecar":
            assert not {one["kind"] for one in documents} & {"Deployment", "StatefulSet", "Service", "ServiceAccount"}
            continue
        template = pod(documents)
        spec, own = template["spec"], container(documents)
        assert [one["containerPort"] for one in own["ports"]] == [port]
        volumes = {one["name"] for one in spec["volumes"]}
        assert len(volumes) == len(spec["volumes"])
        assert all(_LABEL.fullmatch(name) for name in volumes), "a Secret's name has dots, a volume's has none"
        workload = next(one for one in documents if one["kind"] in {"Deployment", "StatefulSet"})
        claims = {one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", [])}
        assert {one["name"] for one in own["volumeMounts"]} == volumes | claims
        assert len({one["mountPath"] for one in own["volumeMounts"]}) == len(own["volumeMounts"])
        for one in documents:
            selector = selector_of(one)
            assert selector is None or selector.items() <= template["metadata"]["labels"].items(), one["kind"]
        is_watched = config.listen.tls is not None and config.listen.tls.client_ca_file is not None
        probe = own["livenessProbe"]
        assert ("tcpSocket" in probe) is is_watched
        if not is_watched:
            assert probe["httpGet"]["scheme"] == ("HTTPS" if config.listen.tls else "HTTP")
        assert spec["serviceAccountName"] == of(documents, "ServiceAccount")["metadata"]["name"]


def selector_of(one: Document) -> dict[str, str] | None:
    """The labels by which an object finds pods or services; None where it looks for none."""
    spec = one.get("spec", {})
    if one["kind"] == "NetworkPolicy":
        return dict(spec["podSelector"]["matchLabels"])
    if one["kind"] == "Service":
        return dict(spec["selector"])
    found = spec.get("selector")
    return None if found is None else dict(found["matchLabels"])


def config_of(documents: list[Document], secrets: Path) -> Config:
    """The agent's configuration, as the agent reads it where its secrets are mounted."""
    data = of([one for one in documents if "streamwatch.yaml" in one.get("data", {})], "ConfigMap")["data"]
    text = data["streamwatch.yaml"]
    for name in re.findall(r"/etc/streamwatch/secrets/(\S+)", text):
        (secrets / name).parent.mkdir(exist_ok=True)
        (secrets / name).write_text("0" * 32)
    return parse(text.replace("/etc/streamwatch/secrets", str(secrets)), "chart", Path("/"))


_OTHERS: Final = [{"namespaceSelector": {"matchLabels": {"team": "metrics"}}}]


@pytest.mark.parametrize(
    ("listen", "policy", "may_come"),
    [
        ({}, {}, [{"podSelector": {}}]),
        ({}, {"from": _OTHERS}, _OTHERS),
        ({}, {"enabled": True}, "everybody"),
        ({}, {"enabled": False}, None),
        ({"basic_auth": {"username": "me", "password": "${P}"}}, {}, None),
        ({"tls": {"cert_file": "c", "key_file": "k", "client_ca_file": "a"}}, {}, None),
        ({"tls": {"cert_file": "c", "key_file": "k"}}, {}, [{"podSelector": {}}]),
    ],
)
def test_who_reaches_an_agent_that_asks_nobody_who_he_is(
    helm: Path, listen: dict[str, Any], policy: dict[str, Any], may_come: object
) -> None:
    values = {"config": {**LEAST["config"], "listen": listen}, "networkPolicy": policy}
    documents = render(helm, values)
    policies = [one["spec"] for one in documents if one["kind"] == "NetworkPolicy"]
    assert [one["ingress"][0].get("from", "everybody") for one in policies] == ([] if may_come is None else [may_come])
    assert policies == [] or policies[0]["ingress"][0]["ports"] == [{"port": "metrics", "protocol": "TCP"}]
    assert "NetworkPolicy" not in {one["kind"] for one in render(helm, {**values, "mode": "sidecar"})}


def test_secrets_are_for_the_agents_group_alone(helm: Path) -> None:
    documents = render(helm, {**LEAST, "secretFiles": ["kafka"]})
    (secret,) = [one["secret"] for one in pod(documents)["spec"]["volumes"] if "secret" in one]
    assert secret == {"secretName": "kafka", "defaultMode": 0o440}
    assert pod(documents)["spec"]["securityContext"]["fsGroup"] == 65532


def test_every_pod_is_hardened(rendered: list[tuple[dict[str, Any], list[Document]]]) -> None:
    for values, documents in rendered:
        if values["mode"] == "sidecar":
            continue
        spec, own = pod(documents)["spec"], container(documents)
        security = own["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is (values["mode"] == "pair"), "a pair has a Lease"
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert own["resources"]["limits"]["memory"]


def test_replicas_share_the_sources(helm: Path) -> None:
    own = container(render(helm, {**LEAST, "mode": "statefulset", "replicas": 3}))
    assert own["args"] == ["run", "--config=/etc/streamwatch/config/streamwatch.yaml", "--share=$(POD_INDEX)/3"]
    (index,) = own["env"]
    assert index["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"


def test_one_agent_may_become_several_and_each_is_scraped_once(helm: Path) -> None:
    """What Kubernetes does not let change stays: a Service with an address of its own cannot become headless."""
    one = render(helm, LEAST)
    several = render(helm, {**LEAST, "mode": "statefulset", "replicas": 3, "serviceMonitor": {"enabled": True}})
    before = of(one, "Service")
    after = {each["metadata"]["name"]: each for each in several if each["kind"] == "Service"}
    assert after.pop(before["metadata"]["name"])["spec"] == before["spec"]
    ((name, headless),) = after.items()
    assert of(several, "StatefulSet")["spec"]["serviceName"] == name
    assert headless["spec"]["clusterIP"] == "None"
    wanted = of(several, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert not wanted.items() <= headless["metadata"].get("labels", {}).items()


def test_the_charts_own_test_asks_the_agent_and_is_never_taken_for_it(helm: Path) -> None:
    documents = render(helm, {**LEAST, "service": {"port": 80}})
    asking = of(documents, "Pod")
    assert asking["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (own,) = asking["spec"]["containers"]
    service = of(documents, "Service")
    host, port = urlsplit(own["args"][-1]).netloc.split(":")
    assert (host, int(port)) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert own["image"] == container(documents)["image"]
    assert own["securityContext"] == container(documents)["securityContext"]
    assert not asking["metadata"].get("labels"), "or the Service would find it"
    compile(own["args"][0], "helm test", "exec")
    with_tls = render(helm, {"config": {**LEAST["config"], **_LISTENS["tls"]}})
    assert "Pod" not in {one["kind"] for one in with_tls}


def test_a_change_of_the_configuration_starts_new_pods(helm: Path) -> None:
    other = {"config": {**LEAST["config"], "log": {"level": "debug"}}}
    first, second = (pod(render(helm, values))["metadata"]["annotations"] for values in (LEAST, other))
    assert first["checksum/config"] != second["checksum/config"]


def test_rules_are_those_of_the_pack_to_the_byte(helm: Path, tmp_path: Path, promtool: Path) -> None:
    command = [str(helm), "template", "watch", str(CHART), "--set", "prometheusRule.enabled=true", "--values", "-"]
    text = subprocess.run(command, input=json.dumps(LEAST), capture_output=True, text=True, check=True).stdout
    documents = [one for one in yaml.safe_load_all(text) if one and one["kind"] == "PrometheusRule"]
    pack = sorted((ROOT / "alerts").glob("*.yml"))
    assert len(documents) == len(pack)
    for file in pack:
        told = file.read_text(encoding="utf-8")
        assert "".join(f"  {line}\n" if line else "\n" for line in told.splitlines()).rstrip() in "\n".join(
            line.rstrip() for line in text.splitlines()
        )
        found = next(one for one in documents if one["metadata"]["name"] == f"watch-streamwatch-{file.stem}")
        assert found["spec"] == yaml.safe_load(told)
        (tmp_path / file.name).write_text(yaml.safe_dump(found["spec"]))
    files = [str(one) for one in tmp_path.iterdir()]
    done = subprocess.run([str(promtool), "check", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_runbooks_of_rules_have_the_address_that_is_given(helm: Path) -> None:
    rule = {"enabled": True, "runbooks": "https://agent.example.com/a/"}
    documents = [one for one in render(helm, {**LEAST, "prometheusRule": rule}) if one["kind"] == "PrometheusRule"]
    alerts = [
        rule for one in documents for group in one["spec"]["groups"] for rule in group["rules"] if "alert" in rule
    ]
    assert len(alerts) > 90
    for one in alerts:
        assert one["annotations"]["runbook_url"] == f"https://agent.example.com/a/runbooks/{one['alert']}"
    with pytest.raises(Refused, match="runbooks"):
        render(helm, {**LEAST, "prometheusRule": {"enabled": True, "runbooks": "wiki"}})


@pytest.mark.parametrize("operator", [False, True])
def test_dashboards_come_as_grafana_finds_them(helm: Path, operator: bool) -> None:  # noqa: FBT001 - a case
    documents = render(helm, {**LEAST, "dashboards": {"enabled": True, "operator": operator}})
    kind = "GrafanaDashboard" if operator else "ConfigMap"
    found = [one for one in documents if one["kind"] == kind and "streamwatch.yaml" not in one.get("data", {})]
    texts = [one["spec"]["json"] if operator else next(iter(one["data"].values())) for one in found]
    wanted = [json.loads(one.read_text(encoding="utf-8")) for one in sorted((ROOT / "dashboards").glob("*.json"))]
    assert sorted((json.loads(one) for one in texts), key=lambda one: one["uid"]) == sorted(
        wanted, key=lambda one: one["uid"]
    )
    if not operator:
        assert {one["metadata"]["labels"]["grafana_dashboard"] for one in found} == {"1"}
        assert max(len(one) for one in texts) < 1_000_000, "what a ConfigMap holds"
    assert invalid(documents) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "config: nothing to watch: give config.kafka or config.kinesis"),
        ({**LEAST, "replicas": 2}, "a deployment has one agent: set mode to statefulset"),
        ({**LEAST, "serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "enable one"),
        ({**LEAST, "mode": "sidecar", "serviceMonitor": {"enabled": True}}, "enable podMonitor"),
        ({**LEAST, "mode": "daemonset"}, "value must be one of 'deployment', 'statefulset', 'pair', 'sidecar'"),
        ({**LEAST, "replicaCount": 2}, "'replicaCount' not allowed"),
        ({**LEAST, "image": {"registry": "x"}}, "'registry' not allowed"),
        ({**LEAST, "serviceMonitor": {"interval": 15}}, "got number, want string"),
        ({"config": {"kafka": {"name": "orders"}}}, "got object, want array"),
        ({"config": {"kafkas": []}}, "'kafkas' not allowed"),
    ],
)
def test_what_is_wrong_is_said(helm: Path, values: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused, match=r"(?s)Error: .+") as refused:
        render(helm, values)
    assert told in str(refused.value)


def test_helm_finds_nothing_to_complain_of(helm: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.json"
    values.write_text(json.dumps(LEAST))
    done = subprocess.run(
        [str(helm), "lint", "--strict", str(CHART), "--values", str(values)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout


def test_the_packed_chart_has_all_that_it_needs(helm: Path, tmp_path: Path) -> None:
    command = [str(helm), "package", str(CHART), "--destination", str(tmp_path)]
    subprocess.run(command, capture_output=True, check=True)
    (packed,) = tmp_path.glob("*.tgz")
    values = {**LEAST, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}
    assert render(helm, values, chart=packed) == render(helm, values)
    assert packed.stat().st_size < 200_000


@pytest.mark.parametrize("native", [False, True])
def test_another_chart_adds_it_to_its_pods(helm: Path, tmp_path: Path, native: bool) -> None:  # noqa: FBT001 - a case
    """The example, with the chart where its dependency is looked for."""
    example = tmp_path / "kafka-with-sidecar"
    shutil.copytree(EXAMPLES / "kafka-with-sidecar", example)
    shutil.copytree(CHART, example / "charts" / "streamwatch")
    documents = render(helm, {"streamwatch": {"sidecar": {"native": native}}}, chart=example)
    spec, own = pod(documents)["spec"], container(documents)
    assert own.get("restartPolicy") == ("Always" if native else None)
    assert "readinessProbe" not in own, "somebody else's pod does not wait for it"
    assert {one["name"] for one in own["volumeMounts"]} == {one["name"] for one in spec["volumes"]}
    maps = {one["metadata"]["name"] for one in documents if one["kind"] == "ConfigMap"}
    assert {one["configMap"]["name"] for one in spec["volumes"] if "configMap" in one} <= maps
    monitor = of(documents, "PodMonitor")["spec"]["selector"]["matchLabels"]
    assert monitor.items() <= pod(documents)["metadata"]["labels"].items()
    assert config_of(documents, tmp_path).kafka[0].bootstrap
    assert invalid(documents) == []


@pytest.mark.parametrize("name", ["strimzi/values.yaml", "msk.yaml"])
def test_the_examples_are_what_they_say(helm: Path, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PAGERDUTY_KEY", "0" * 32)
    documents = render(helm, {}, EXAMPLES / name)
    assert invalid(documents) == []
    config = config_of(documents, tmp_path)
    assert config.sources
    mounts = {Path(one["mountPath"]).name for one in container(documents)["volumeMounts"]}
    files = [one.tls.ca_file for one in config.kafka if one.tls is not None and one.tls.ca_file is not None]
    assert {Path(one).parent.name for one in files} <= mounts


def test_strimzis_user_may_describe_and_no_more() -> None:
    user = yaml.safe_load((EXAMPLES / "strimzi" / "user.yaml").read_text())
    rights = {right for one in user["spec"]["authorization"]["acls"] for right in one["operations"]}
    assert rights == {"Describe", "DescribeConfigs"}


def test_the_chart_is_of_this_version() -> None:
    from streamwatch import __version__  # noqa: PLC0415 - of the package

    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
