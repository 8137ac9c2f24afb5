"""The documents say what the code says."""

import re
from pathlib import Path

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.tools import docs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "written"),
    [("metrics.md", docs.metrics()), ("configuration.md", docs.configuration()), ("msk.md", docs.msk())],
)
def test_a_generated_document_is_current(name: str, written: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == written, "run 'make docs'"


def test_old_documents_are_named_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "FOLDER", tmp_path)
    (tmp_path / "configuration.md").write_text("old")

    monkeypatch.setattr("sys.argv", ["docs", "--check"])
    with pytest.raises(SystemExit, match=r"metrics.md, configuration.md, msk.md"):
        docs.main()
    monkeypatch.setattr("sys.argv", ["docs"])
    docs.main()
    monkeypatch.setattr("sys.argv", ["docs", "--check"])
    docs.main()

    assert (tmp_path / "metrics.md").read_text(encoding="utf-8") == docs.metrics()


def test_every_metric_is_documented() -> None:
    told = docs.metrics()

    assert all(f"`{metric.name}`" in told for metric in METRICS)


@pytest.mark.parametrize(
    "file", ["README.md", "CONTRIBUTING.md", "docs/kafka.md", "docs/kinesis.md", "docs/msk.md", "docs/architecture.md"]
)
def test_what_a_document_names_exists(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    names = {metric.name for metric in METRICS}
    metrics = set(re.findall(r"`((?:kafka|kinesis|streamwatch)_[a-z_]+)`", text))
    paths = set(re.findall(r"`((?:streamwatch|tests|docs|sources|collectors|export|model)/[\w./]*\.\w+)`", text))

    assert metrics - {"kafka_cluster"} <= names
    assert all((ROOT / path).exists() or (ROOT / "streamwatch" / path).exists() for path in paths), paths


def test_the_readme_counts_the_alerts_that_ship() -> None:
    shipped = sum(path.read_text(encoding="utf-8").count("- alert:") for path in (ROOT / "alerts").glob("*.yml"))

    assert f"{shipped} Prometheus alerts" in (ROOT / "README.md").read_text(encoding="utf-8")
