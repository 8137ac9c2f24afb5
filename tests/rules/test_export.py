"""The shipped rules as files: for a Prometheus the same bytes, for its operator the same rules."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from streamwatch.cli.rules import rules
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import load
from streamwatch.rules.rule import Rule, RuleGroup

PACK = sorted(pack_folder().glob("*.yml"))


def exported(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(rules, ["export", str(folder), *options])


def rules_of(groups: tuple[RuleGroup, ...]) -> list[Rule]:
    return [rule for group in groups for rule in group.rules]


def test_for_a_prometheus_they_are_the_same_bytes(tmp_path: Path) -> None:
    done = exported(tmp_path / "new" / "folder")
    assert done.exit_code == 0, done.output
    written = [Path(line) for line in done.output.splitlines()]
    assert {path.name: path.read_bytes() for path in written} == {path.name: path.read_bytes() for path in PACK}


def test_for_the_operator_they_are_the_same_rules(tmp_path: Path) -> None:
    done = exported(tmp_path, "--as", "operator")
    assert done.exit_code == 0, done.output
    written = [Path(line) for line in done.output.splitlines()]
    assert [path.name for path in written] == [f"streamwatch-{path.name}" for path in PACK]
    for path, source in zip(written, PACK, strict=True):
        text, plain = path.read_text(), source.read_text()
        made = yaml.safe_load(text)
        assert made["spec"] == yaml.safe_load(plain)
        assert made["metadata"] == {"name": path.stem, "labels": {"app.kubernetes.io/name": "streamwatch"}}
        assert text.count("#") == plain.count("#"), "comments are there, too"
    checked = CliRunner().invoke(rules, ["check", "--strict", *map(str, written)])
    assert checked.exit_code == 0, checked.output
    assert rules_of(load(written)) == rules_of(load(PACK))


def test_an_operator_finds_them_by_labels_in_a_namespace(tmp_path: Path) -> None:
    options = ("--namespace", "on", "--label", "release=prometheus", "--label", "a.b/c=1")
    assert exported(tmp_path, "--as", "operator", *options).exit_code == 0
    metadata = yaml.safe_load((tmp_path / "streamwatch-kafka.yml").read_text())["metadata"]
    assert metadata["namespace"] == "on", "a text, which YAML would take for true"
    assert metadata["labels"] == {"app.kubernetes.io/name": "streamwatch", "release": "prometheus", "a.b/c": "1"}


@pytest.mark.parametrize("form", ["prometheus", "operator"])
def test_runbooks_get_an_address(tmp_path: Path, form: str) -> None:
    assert exported(tmp_path, "--as", form, "--runbooks", "https://agent.example.com/a/").exit_code == 0
    found = [rule for rule in rules_of(load(sorted(tmp_path.glob("*.yml")))) if rule.alert]
    assert len(found) > 90
    for rule in found:
        assert dict(rule.annotations)["runbook_url"] == f"https://agent.example.com/a/runbooks/{rule.name}"


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    assert exported(tmp_path).exit_code == exported(tmp_path).exit_code == 0
    (tmp_path / "kafka.yml").write_text("mine")
    refused = exported(tmp_path)
    assert refused.exit_code == 1
    assert "differs: kafka.yml: give --overwrite" in refused.output
    assert (tmp_path / "kafka.yml").read_text() == "mine"
    assert exported(tmp_path, "--overwrite").exit_code == 0
    assert (tmp_path / "kafka.yml").read_bytes() == (pack_folder() / "kafka.yml").read_bytes()


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another folder" in exported(tmp_path / "file" / "folder").output
    assert "write NAME=VALUE" in exported(tmp_path, "--label", "x").output
    assert "no address" in exported(tmp_path, "--runbooks", "wiki").output
