"""Rules against a real promtool of Prometheus 3.5: templates, lives of alerts, the shipped pack, and verdicts."""

import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import RuleError
from streamwatch.model.labels import NAME
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import load
from streamwatch.rules.unit import run
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.promtool import THRIFTY, World
from tests.real.promtool import fired as theirs
from tests.rules import manifests
from tests.rules.templates import LABELS, TEMPLATES, VALUE
from tests.rules.test_worlds import CASES
from tests.rules.test_worlds import COUNT as WORLDS
from tests.rules.test_worlds import SEED as WORLDS_SEED
from tests.rules.worlds import ALERTS, WAYS, Case, Series, alone, at_random, fired, held, side_by_side

COUNT = int(os.environ.get("STREAMWATCH_FUZZ", "600")) // 6
SEED = int(os.environ.get("STREAMWATCH_SEED", "7"))
PACK = sorted(pack_folder().glob("*.yml"))
PACK_TESTS = sorted((pack_folder() / "tests").glob("*.yml"))
STEP = 15
_SAME = ("an expression", "in the second", "in a list", "a field of a rule", "a field of its spec", "one group twice")
"""Mistakes that are promtool's as well, and not only the operator's."""
MANIFESTS = {
    **{name: (text, True) for name, (text, _) in manifests.GOOD.items()},
    **{name: (manifests.BAD[name][0], False) for name in _SAME},
}


@pytest.fixture(scope="module")
def promtool() -> Path:
    return had(artefacts.promtool_3)


def told(promtool: Path, *command: object) -> tuple[int, str]:
    line, environment = [str(promtool), *map(str, command)], os.environ | THRIFTY
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


def written(folder: Path, rules: Sequence[dict[str, Any]], tests: Sequence[dict[str, Any]]) -> Path:
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    path = folder / "tests.yml"
    path.write_text(json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP}s", "tests": tests}))
    return path


def passes(path: Path) -> bool:
    return not any(verdict.failures for verdict in run(path, SystemClock()))


def test_the_pack_is_fine(promtool: Path) -> None:
    code, said = told(promtool, "check", "rules", *PACK)
    assert code == 0, said


@pytest.mark.parametrize(("text", "is_good"), MANIFESTS.values(), ids=MANIFESTS)
def test_manifests_are_good_where_their_rules_are_to_promtool(
    promtool: Path,
    tmp_path: Path,
    text: str,
    is_good: bool,  # noqa: FBT001 - a case
) -> None:
    """What the operator makes of each, one file an object, is what promtool is asked of."""
    (tmp_path / "manifests.yml").write_text(text)
    objects = [one for one in yaml.safe_load_all(text) if one]
    objects = [one for each in objects for one in each.get("items", [each])]
    counts = []
    for at, one in enumerate(one for one in objects if one["kind"] == "PrometheusRule"):
        for group in one["spec"].get("groups", []):
            group.pop("partial_response_strategy", None)  # the operator hands it to Thanos alone
        (tmp_path / f"{at}.yml").write_text(yaml.safe_dump(one["spec"]))
        code, said = told(promtool, "check", "rules", "--lint=none", tmp_path / f"{at}.yml")
        counts.append((code, sum(map(int, re.findall(r"SUCCESS: (\d+) rules found", said)))))
    assert all(code == 0 for code, _ in counts) is is_good
    if is_good:
        found = load([tmp_path / "manifests.yml"])
        assert sum(len(group.rules) for group in found) == sum(count for _, count in counts)
    else:
        with pytest.raises(RuleError):
            load([tmp_path / "manifests.yml"])


def test_its_tests_pass(promtool: Path) -> None:
    code, said = told(promtool, "test", "rules", *PACK_TESTS)
    assert code == 0, said
    assert said.count("SUCCESS") == len(PACK_TESTS) >= 8


def test_templates_are_rendered_as_promtool_does(promtool: Path, tmp_path: Path) -> None:
    labels = dict(LABELS.without([NAME]))
    rules = [{"alert": f"A{at}", "expr": "x", "annotations": {"text": text}} for at, text in enumerate(TEMPLATES)]
    wanted = [
        {"alertname": f"A{at}", "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"text": shown}}]}
        for at, shown in enumerate(TEMPLATES.values())
    ]
    inputs = [{"series": str(LABELS), "values": str(VALUE)}]
    path = written(tmp_path, rules, [{"input_series": inputs, "alert_rule_test": wanted}])
    code, said = told(promtool, "test", "rules", path)
    assert code == 0, said
    assert passes(path)


def values(dice: random.Random) -> str:
    return " ".join(dice.choices(("0", "3", "_", "stale", "NaN"), (30, 40, 10, 8, 2), k=50))


def rule(dice: random.Random, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {"alert": f"A{number}", "expr": dice.choice(("x > 0", "x == 3", "sum by (a) (x) > 2", "x"))}
    if dice.random() < 0.8:
        found["for"] = dice.choice(("10s", "15s", "30s", "40s", "1m"))
    if dice.random() < 0.5:
        found["keep_firing_for"] = dice.choice(("10s", "30s", "1m"))
    found["labels"] = {"severity": "{{ $labels.b }}"}
    found["annotations"] = {"summary": "{{ $labels.a }} {{ $value }}"}
    return found


def test_random_lives_are_as_promtools(promtool: Path, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    seen = 0
    for _ in range(max(1, COUNT // 20)):
        rules = [rule(dice, number) for number in range(20)]
        inputs = [{"series": f'x{{a="{a}",b="{b}"}}', "values": values(dice)} for a in "12" for b in "34"]
        asked = [(f"A{number}", STEP * dice.randint(0, 55)) for number in range(20) for _ in range(8)]
        tests = [{"alertname": name, "eval_time": f"{at}s", "exp_alerts": []} for name, at in asked]
        path = written(tmp_path, rules, [{"interval": f"{STEP}s", "input_series": inputs, "alert_rule_test": tests}])
        _, said = told(promtool, "test", "rules", path)
        theirs = {
            (name, round(minutes(time))): sorted(re.findall(r"Labels:(\{[^}]*\})", got))
            for name, time, got in re.findall(
                r"alertname: (\w+), time: (\S+),\s+exp:\[\s*\],?\s+got:\[(.*?)\n\s*\]", said, re.DOTALL
            )
        }
        (verdict,) = run(path, SystemClock())
        ours = {}
        for failure in verdict.failures:
            head, *lines = failure.splitlines()
            name, at = re.findall(r"alertname: (\w+), time: (\d+)s", head)[0]
            got = [line.removeprefix("  got: ").partition("} ")[0] + "}" for line in lines if "got" in line]
            ours[name, int(at)] = sorted(got)
        assert ours == theirs, f"seed {SEED}"
        seen += len(ours)
    print(f"seed {SEED}: {COUNT // 20 * 160} looks, {seen} of them at something that fires")  # noqa: T201
    assert seen > 10


def minutes(text: str) -> float:
    """Return Go's duration, such as 1m30s, in seconds."""
    return sum(float(n) * {"h": 3600, "m": 60, "s": 1}[u] for n, u in re.findall(r"([0-9.]+)([hms])", text))


BREAK: dict[str, Callable[[Any], object]] = {
    "right": lambda _: None,
    "another label": lambda test: test["exp_alerts"][0]["exp_labels"].update(a="9"),
    "a label too many": lambda test: test["exp_alerts"][0]["exp_labels"].update(z="9"),
    "another annotation": lambda test: test["exp_alerts"][0]["exp_annotations"].update(summary="x"),
    "an alert too many": lambda test: test["exp_alerts"].append({"exp_labels": {"a": "7"}}),
    "an alert too few": lambda test: test["exp_alerts"].clear(),
    "before its time": lambda test: test.update(eval_time="15s"),
    "another alert": lambda test: test.update(alertname="B"),
}


@pytest.mark.parametrize("broken", BREAK)
def test_the_verdict_is_promtools(promtool: Path, tmp_path: Path, broken: str) -> None:
    rules = [{"alert": "A", "expr": "x > 0", "for": "30s", "annotations": {"summary": "{{ $value }}"}}]
    test = {
        "eval_time": "30s",
        "alertname": "A",
        "exp_alerts": [{"exp_labels": {"a": "1"}, "exp_annotations": {"summary": "3"}}],
    }
    BREAK[broken](test)
    inputs = [{"series": 'x{a="1"}', "values": "3x10"}]
    path = written(tmp_path, rules, [{"interval": f"{STEP}s", "input_series": inputs, "alert_rule_test": [test]}])
    code, said = told(promtool, "test", "rules", path)
    assert (code == 0) is (broken == "right"), said
    assert passes(path) is (broken == "right")


def test_public_packs_load(tmp_path: Path) -> None:
    """The expressions of facts that are known of Strimzi, awesome-prometheus-alerts and Grafana's mixin."""
    texts = (
        "sum(kafka_topic_partition_in_sync_replica) by (topic) < 3",
        "sum(kafka_consumergroup_lag) by (consumergroup) > 10000",
        "sum(kafka_controller_kafkacontroller_activecontrollercount) by (job) < 1",
        "kafka_server_replicamanager_underreplicatedpartitions > 0",
        "absent(kafka_server_replicamanager_leadercount) > 0",
        "count(up{job='kafka'} == 0) by (job) > 0",
        "sum by(instance) (rate(kafka_network_requestmetrics_errors_total{error!='NONE'}[5m])) > 0",
        "histogram_quantile(0.99, sum by (le) (rate(request_seconds_bucket[5m]))) > 1",
        "predict_linear(kubelet_volume_stats_available_bytes[1h], 4 * 3600) < 0",
        "delta(kafka_consumergroup_lag[5m]) > 0 and on (topic) changes(kafka_topic_partition_current_offset[10m]) == 0",
        "kafka_cluster_partition_replicascount - kafka_cluster_partition_insyncreplicascount != 0",
    )
    groups = {"groups": [{"name": "g", "rules": [{"alert": f"A{n}", "expr": e} for n, e in enumerate(texts)]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups))
    assert len(load([tmp_path / "rules.yml"])[0].rules) == len(texts)


def worlds(case: Case) -> list[list[Series]]:
    dice = random.Random(f"{WORLDS_SEED} {case.rule.name}")
    some = [held(at_random(case, dice), dice.choice(list(WAYS))) for _ in range(max(1, WORLDS // 8))]
    return [*(held(side_by_side(case)[0], way) for way in WAYS), *some]


def test_no_rule_fails_or_doubles_over_many_entities_scraped_or_not(promtool: Path, tmp_path: Path) -> None:
    asked = [(case, series) for case in CASES for series in worlds(case)]
    found = theirs(promtool, tmp_path, [World(alone(case.rule), series, case.at_ms) for case, series in asked])
    ours = [fired(case, series) for case, series in asked]
    differ = [
        (case.rule.name, sorted(one), sorted(other))
        for (case, _), one, other in zip(asked, ours, found, strict=True)
        if sorted(one) != sorted(other)
    ]
    assert differ[:3] == []
    assert {case.rule for case, _ in asked} == set(ALERTS)
    assert all(any(one for (of, _), one in zip(asked, ours, strict=True) if of is case) for case in CASES)
