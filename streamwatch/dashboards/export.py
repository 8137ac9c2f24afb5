"""Dashboards as files for whoever reads files: Grafana's provisioning, its sidecar on Kubernetes, its operator."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from streamwatch.core.errors import GrafanaError
from streamwatch.dashboards.files import files

_PROVIDER: Final = "streamwatch-provider.yaml"


def export(folder: Path, form: str, title: str, namespace: str | None, *, overwrite: bool) -> list[Path]:
    """Write the dashboards into a folder, and return what was written.

    Args:
        folder: made where it is not there.
        form: one of ``FORMS``.
        title: the folder's in Grafana.
        namespace: of the Kubernetes objects; None leaves it to ``kubectl``.
        overwrite: whether files that are there and say something else may be replaced.

    Raises:
        GrafanaError: a file is there already, or cannot be written.

    """
    wanted = {folder / name: text for name, text in FORMS[form](folder, title, namespace).items()}
    try:
        other = [path for path, text in wanted.items() if path.exists() and path.read_text(encoding="utf-8") != text]
        if other and not overwrite:
            names = ", ".join(path.name for path in other)
            raise GrafanaError(f"{folder}: is there already, and differs: {names}: give --overwrite to replace them")
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GrafanaError(f"{folder}: cannot be written: {error.strerror}: choose another folder") from error
    return list(wanted)


def _provisioning(folder: Path, title: str, _: str | None) -> dict[str, str]:
    """Return the files, and one that tells Grafana where they are."""
    provider = {
        "apiVersion": 1,
        "providers": [
            {
                "name": "streamwatch",
                "folder": title,
                "type": "file",
                "allowUiUpdates": False,
                "options": {"path": str(folder.absolute())},
            }
        ],
    }
    return {**files(), _PROVIDER: yaml.safe_dump(provider, sort_keys=False)}


def _sidecar(_: Path, title: str, namespace: str | None) -> dict[str, str]:
    """Return a ConfigMap each, with the label and the annotation that Grafana's sidecar looks for."""

    def manifest(name: str, text: str) -> dict[str, Any]:
        metadata = _metadata(name, namespace) | {"annotations": {"grafana_folder": title}}
        metadata["labels"]["grafana_dashboard"] = "1"
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {name: text}}

    return _manifests(manifest)


def _operator(_: Path, title: str, namespace: str | None) -> dict[str, str]:
    """Return a GrafanaDashboard each, for every Grafana that the operator looks after."""

    def manifest(name: str, text: str) -> dict[str, Any]:
        spec = {"instanceSelector": {"matchLabels": {}}, "folder": title, "json": text}
        kind = {"apiVersion": "grafana.integreatly.org/v1beta1", "kind": "GrafanaDashboard"}
        return {**kind, "metadata": _metadata(name, namespace), "spec": spec}

    return _manifests(manifest)


def _metadata(name: str, namespace: str | None) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "streamwatch"}
    found: dict[str, Any] = {"name": f"streamwatch-{name.removesuffix('.json')}", "labels": labels}
    return found if namespace is None else {**found, "namespace": namespace}


def _manifests(manifest: Callable[[str, str], Mapping[str, Any]]) -> dict[str, str]:
    # JSON is YAML, and needs no care with what a long text holds.
    return {
        f"streamwatch-{name}": json.dumps(manifest(name, text), indent=1, ensure_ascii=False) + "\n"
        for name, text in files().items()
    }


FORMS: Final[Mapping[str, Callable[[Path, str, str | None], dict[str, str]]]] = {
    "files": _provisioning,
    "sidecar": _sidecar,
    "operator": _operator,
}
