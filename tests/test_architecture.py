"""The rules of the house, read from the imports and the files themselves."""

import ast
import importlib
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "streamwatch"
MODULES = sorted(PACKAGE.rglob("*.py"))
LIMIT = 400

# Third-party libraries, and the only places that may import them.
THIRD = {
    "numpy": {
        "model",
        "journal",
        "archive",
        "audit",
        "advice",
        "samples/latest",
        "samples/column",
        "samples/ticks",
        "samples/history",
        "samples/shared_keys",
        "agent/alerting",
        "agent/incident_figures",
        "agent/pacing",
        "incidents/pace",
        "notify/service",
        "promql",
        "collectors",
        "sources/kafka",
        "export/web_page/partitions",
        "export/web_page/charts",
        "sources/msk/topics",
        "export/exposition",
        "export/remote_write/encode",
        "export/remote_write/queue_packing",
        "export/remote_write/service",
        "agent/self_target",
        "agent/status",
        "pair/figures",
        "samples/precedence",
    },
    "kafka": {"sources/kafka", "pair/lease/kafka_group", "probe", "reference/kafka/wire", "reference/load"},
    "promql_parser": {"promql/parse"},
    "re2": {"core/patterns", "rules/go_template", "notify/go_template"},
    "gotpl": {"rules/go_template", "notify/go_template"},
    "apprise": {"notify/channels/apprise"},
    "cramjam": {"export/remote_write/sender"},
    "jinja2": {"export/web_page/render"},
    "markupsafe": {"export/web_page/render"},
    "crc32c": {"reference/kafka/crc"},
    "pytest": {"reference/pytest_plugin"},  # installed where the plugin is used
    "botocore": {
        "pair/lease/aws",
        "notify/channels/sns",
        "sources/kafka/auth",
        "sources/aws",
        "reference/aws",
        "reference/streams_load",
    },
    "boto3": {"sources/aws", "reference/streams_load"},
    "yaml": {
        "settings/document",
        "settings/reader",
        "settings/scalars",
        "settings/variables",
        "agent/config",
        "rules/load",
        "rules/unit",
        "dashboards/export",
    },
    "apscheduler": {"core/cron"},
    "prometheus_client": {"export/process", "demo/agent"},
    "grafana_api": {"dashboards/push"},
    "requests": {"dashboards/push"},
    "click": {
        "cli",
        "cli/dashboards",
        "cli/doctor_report",
        "cli/notify",
        "cli/agent_client",
        "cli/advise",
        "cli/alerts",
        "cli/audit",
        "cli/completion",
        "cli/events",
        "cli/may_restart",
        "cli/silences",
        "cli/rules",
        "cli/top",
        "reference/commands",
        "demo/commands",
        "tools/manual",
    },
    "rich": {"cli/tables", "cli/connect_tables", "cli/top", "demo"},
    "textual": {"cli/top/screen"},
    "packaging": {"tools/bill"},
}


def path_of(module: Path) -> str:
    """Return a module's place in the package, as in ``sources/kafka/wire``."""
    return module.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__")


@cache
def nodes(module: Path) -> Sequence[ast.AST]:
    """Return everything that is written in a module."""
    return tuple(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))


def imports(module: Path) -> Iterator[str]:
    """Yield every name that a module imports, inside functions too."""
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide the arrows"
            if node.module == "streamwatch":
                yield from (f"streamwatch.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def test_who_imports_whom_is_as_the_contracts_in_pyproject_say() -> None:
    """Import-linter prints which contract is broken, and by which line.

    Its command would configure logging, and so switch off every logger that other tests of this process listen to.
    """
    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def test_a_library_is_imported_where_it_belongs_only() -> None:
    for path, name in ((path_of(module), name) for module in MODULES for name in imports(module)):
        top = name.partition(".")[0]
        if top != "streamwatch" and top not in sys.stdlib_module_names:
            assert top in THIRD, f"{path} imports {top}: argue for it, and say in THIRD where"
            homes = THIRD[top]
            assert any(path == home or path.startswith(home + "/") for home in homes), f"{path}: {top} is for {homes}"


def test_no_circle_of_imports() -> None:
    """Whoever reads a module can read what it stands on first; an import for types only counts as well."""
    known = {dotted(module): module for module in MODULES}
    arrows = {name: {one for one in imported_modules(module, known) if one != name} for name, module in known.items()}
    while arrows:
        free = {name for name, targets in arrows.items() if not targets & arrows.keys()}
        assert free, f"these import each other: {sorted(circle(arrows))}"
        arrows = {name: targets for name, targets in arrows.items() if name not in free}


def dotted(module: Path) -> str:
    return f"streamwatch/{path_of(module)}".removesuffix("/__init__").replace("/", ".")


def imported_modules(module: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that a module imports: ``from a import b`` is module ``a.b`` if there is one."""
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names & known.keys() or {node.module or ""} & known.keys()
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & known.keys()


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return a circle, where everything imports something of the rest."""
    path = [next(iter(arrows))]
    while path[-1] not in path[:-1]:
        path.append(min(arrows[path[-1]] & arrows.keys()))
    return path[path.index(path[-1]) + 1 :]


# The catalogue is their home; the reference serves Kafka's own names, of MBeans.
RECORDS = re.compile(r"Produce(Request|Response)|Fetch(Request|Response)|Kafka(Producer|Consumer)|record|producer")
"""What of kafka-python writes or reads records; ``DescribeProducersRequest`` and ``OffsetFetchRequest`` do not."""
MAY_WRITE = ("probe/", "reference/")


def test_records_are_written_and_read_by_the_probe_only() -> None:
    others = (module for module in MODULES if not path_of(module).startswith(MAY_WRITE))
    assert {path_of(module): found for module in others if (found := set(of_records(module)))} == {}


def of_records(module: Path) -> Iterator[str]:
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kafka":
            words = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (word for word in words if RECORDS.fullmatch(word))
        if isinstance(node, ast.Constant) and node.value in {"PutRecord", "PutRecords"}:
            yield str(node.value)


NAMELESS = [module for module in MODULES if not {"catalogue", "reference"} & set(module.parts)]


def test_metric_names_stand_in_the_catalogue_only() -> None:
    name = re.compile(r"(kafka|kinesis|streamwatch)_[a-z0-9_]+")
    labels = {"kafka_cluster", "kafka_cluster_id", "kafka_config", "kafka_connect", "kafka_groups", "kafka_exporter"}
    texts = [
        (path_of(module), node.value)
        for module in NAMELESS
        for node in nodes(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(texts) > 1000
    assert [each for each in texts if name.fullmatch(each[1]) and each[1] not in labels] == []


def test_a_file_is_no_longer_than_it_can_be_read() -> None:
    modules = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
    lines = {str(module.relative_to(ROOT)): len(module.read_text(encoding="utf-8").splitlines()) for module in modules}
    assert {name: count for name, count in lines.items() if count > LIMIT} == {}


def test_importing_everything_starts_nothing() -> None:
    """No thread, no logger's handler, no listening socket comes from an import."""
    threads, handlers = threading.active_count(), list(logging.getLogger().handlers)
    for module in MODULES:
        importlib.import_module("streamwatch." + path_of(module).replace("/", "."))

    assert threading.active_count() == threads
    assert logging.getLogger().handlers == handlers


def test_no_committed_text_names_a_registry_or_a_machine() -> None:
    pattern = re.compile(r"pypi\.org|pythonhosted|maven\.org|repo1\.|npmjs|/root/|/work/")
    suffixes = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json"}
    files = [f for f in ROOT.rglob("*") if f.suffix in suffixes or f.name in {"Makefile", "run"}]
    checked = [f for f in files if not {".venv", ".cache", ".git"} & set(f.relative_to(ROOT).parts)]

    assert len(checked) > 20
    guilty = [f.name for f in checked if f != Path(__file__) and pattern.search(f.read_text(encoding="utf-8"))]
    assert guilty == []


def test_who_watches_kafka_only_does_not_pay_for_boto3() -> None:
    told = "import sys, streamwatch.agent.app; sys.exit(bool({'boto3', 'botocore'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", told], check=False, cwd=ROOT).returncode == 0
