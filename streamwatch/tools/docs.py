"""Writes docs/metrics.md, configuration.md, alerts.md, parts of msk.md and audit.md from the code and alerts/.

``python -m streamwatch.tools.docs`` writes them, ``--check`` says which are old and exits with 1.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from streamwatch.agent.config import Config
from streamwatch.agent.environment import VARIABLES
from streamwatch.catalogue import METRICS
from streamwatch.catalogue.cloudwatch_names import cloudwatch_names
from streamwatch.core.times import duration
from streamwatch.model.metric import Metric, Tier
from streamwatch.settings.types import HostPort, Secret, Setting, key_of
from streamwatch.tools import docs_alerts, docs_audit, docs_msk

SOURCE: Final = Path(__file__).parents[2] / "docs"
"""Where documents stand that are made in part only."""
FOLDER: Final = SOURCE

EXAMPLE: Final = """\
kafka:
  - name: orders
    bootstrap: ["broker-1.example:9092", "broker-2.example:9092"]
    interval: 15s
  - name: payments
    bootstrap: ["payments.example:9096"]
    tls: {}
    sasl:
      mechanism: SCRAM-SHA-512
      username: streamwatch
      password: ${KAFKA_PASSWORD}
    topics:
      deny: ["test-.*"]
kinesis:
  - name: shop
    regions: [eu-west-1, us-east-1]
    access:
      role_arn: arn:aws:iam::123456789012:role/streamwatch
    streams:
      deny: ["test-.*"]
listen:
  address: "0.0.0.0:9308"
"""

_TIERS: Final = {
    Tier.CLUSTER: "Clusters and accounts",
    Tier.BROKER: "Brokers",
    Tier.TOPIC: "Topics",
    Tier.GROUP: "Groups",
    Tier.GROUP_TOPIC: "Groups by topic",
    Tier.PARTITION: "Partitions (with `granularity: partition`)",
    Tier.STREAM: "Kinesis streams",
    Tier.CONSUMER: "Registered consumers, and readers of streams and topics",
    Tier.SHARD: "Kinesis: shards (where enhanced monitoring is on)",
    Tier.CONNECT: "Kafka Connect",
    Tier.CONNECTOR: "Kafka Connect: connectors",
    Tier.TASK: "Kafka Connect: tasks",
    Tier.AGENT: "The agent itself",
}


_EVERYWHERE: Final = {"kafka_cluster", "connect_cluster", "aws_account", "aws_region"}
"""Labels that everything of a cluster, or of an account, has."""


def metrics() -> str:
    """Return docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Written by `make docs` from `streamwatch/catalogue/`. How to read them: [kafka.md](kafka.md) and",
        "[kinesis.md](kinesis.md).",
        "",
        "Everything of a Kafka cluster has the label `kafka_cluster`, of Kafka Connect `connect_cluster` as well, of",
        "streams `aws_account` and `aws_region`. Readers (`reader_...`) have all but `connect_cluster`: the labels of",
        "what a reader does not read are absent.",
        "A series is there only while its value is known to be true. Alert on absence too, or on",
        "`streamwatch_source_up` and `streamwatch_source_problems`. prometheus-client adds `process_*` and `python_*`.",
    ]
    for tier, title in _TIERS.items():
        lines += ["", f"## {title}", "", "| metric | labels | what it is | CloudWatch |", "|---|---|---|---|"]
        lines += [_metric(metric) for metric in METRICS if metric.tier is tier]
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """Return docs/configuration.md."""
    lines = [
        "# Configuration",
        "",
        "Written by `make docs` from the declarations in the code. `streamwatch check-config FILE` checks a file and",
        "tells every mistake with its line. `SIGHUP` reads it again, all or nothing.",
        "",
        "```yaml",
        *EXAMPLE.splitlines(),
        "```",
        "",
        "Durations have a unit (`ms`, `s`, `m`, `h`, `d`), sizes too (`kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`). Patterns",
        "match whole names. Relative paths count from the file's folder. A secret is text, `${VARIABLE}`, or given by",
        "its `_file` form: `password_file: PATH`.",
        *_environment(),
    ]
    for path, cls in _sections(Config, ""):
        title = f"`{path}`" if path else "The file"
        text = " ".join((cls.__doc__ or "").split())
        lines += ["", f"## {title}", "", text, "", "| key | type | default | what it is |", "|---|---|---|---|"]
        hints = get_type_hints(cls, include_extras=True)
        required_first = sorted(fields(cls), key=lambda field: not _is_required(field))
        lines += [_field(field, hints[field.name]) for field in required_first]
    return "\n".join(lines) + "\n"


def _environment() -> Iterator[str]:
    """Yield the section about the configuration in environment variables."""
    yield from (
        "",
        "## Without a file",
        "",
        "`streamwatch run` without `--config` takes one Kafka cluster, the streams of some regions and who is notified",
        "from environment variables; so do `check-config`, `doctor`, `snapshot`, `compare` and `notify test`. They",
        "mean what a file means that has these keys: `streamwatch check-config` without a file prints that file, to go",
        "on from where more is wanted. Whatever has no variable has its default.",
        "",
        "| variable | key | what it is | example |",
        "|---|---|---|---|",
        *(f"| `{one.name}` | `{one.path.replace('[0]', '[]')}` | {one.help} | `{one.example}` |" for one in VARIABLES),
        "",
        "Who inspects the container or the process sees its environment: give secrets by their `_FILE` form. `SIGHUP`",
        "reads those files again. A variable that is set and empty is a mistake, as is one that looks like these and",
        "is none (`STREAMWATCH_KAFKA_BOOTSTRAPS`). Beside `--config`, `--kafka` or `--kinesis`, `run` refuses these",
        "variables, but for those that the file names as `${STREAMWATCH_...}`: nothing is set that nobody reads. Other",
        "commands go by their command line alone.",
    )


def msk() -> str:
    """Return docs/msk.md: as it stands, with the parts between marks made anew."""
    parts = {
        "policy": f"```json\n{docs_msk.policy()}\n```",
        "calls": docs_msk.calls(),
        "metrics": docs_msk.metrics(),
        "costs": docs_msk.costs(),
    }
    return _with_parts("msk.md", parts)


def audit() -> str:
    """Return docs/audit.md: the same."""
    return _with_parts("audit.md", {"table": docs_audit.table(), "findings": docs_audit.findings()})


def _with_parts(file: str, parts: Mapping[str, str]) -> str:
    """Return a document as it stands, with the parts between marks made anew."""
    text = (SOURCE / file).read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- made: {name} -->\n", "\n<!-- end -->"
        before, _, after = text.partition(begin)
        text = before + begin + part + end + after.partition(end)[2]
    return text


def main() -> None:
    """Write the documents, or check them."""
    old = []
    made = {
        "metrics.md": metrics(),
        "configuration.md": configuration(),
        "msk.md": msk(),
        "alerts.md": docs_alerts.alerts(),
        "audit.md": audit(),
    }
    for name, text in made.items():
        file = FOLDER / name
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            old.append(name)
    if old:
        sys.exit(f"docs: {', '.join(old)}: not what the code says: run 'make docs'")


def _metric(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels if label not in _EVERYWHERE)
    mappings = "<br>".join(map(str, cloudwatch_names(metric)))
    kind = "Counter. " if metric.kind == "counter" else ""
    return f"| `{metric.name}` | {labels} | {kind}{metric.help} *{metric.question}* | {mappings} |"


def _sections(cls: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a dataclass
    """Yield every dataclass of the configuration, with the path at which it stands."""
    yield path, cls
    for field in fields(cls):
        kind = get_type_hints(cls, include_extras=True)[field.name]
        inner = _inner(kind)
        if is_dataclass(inner) and inner is not HostPort:
            at = f"{path}.{key_of(field)}" if path else key_of(field)
            yield from _sections(inner, f"{at}[]" if get_origin(_present(kind)) is tuple else at)


def _inner(kind: Any) -> Any:  # noqa: ANN401
    """Return what a list or an optional value is made of."""
    kind = _present(kind)
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


def _present(kind: Any) -> Any:  # noqa: ANN401
    """Return what an optional value is where it is there."""
    if get_origin(kind) in {Union, UnionType}:
        return next(each for each in get_args(kind) if each is not NoneType)
    return kind


def _field(field: Field[Any], kind: Any) -> str:  # noqa: ANN401
    setting: Setting = field.metadata["setting"]
    bounds = [f"at least {setting.minimum:g}"] if setting.minimum is not None else []
    bounds += [f"at most {setting.maximum:g}"] if setting.maximum is not None else []
    text = setting.help + (f" ({', '.join(bounds)})" if bounds else "")
    return f"| `{key_of(field)}` | {_type(kind)} | {_default(field, kind)} | {text} |"


def _type(kind: Any) -> str:  # noqa: ANN401
    if get_origin(kind) in {Union, UnionType}:
        return _type(_present(kind))
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is Annotated:
        return "text" if callable(get_args(kind)[1]) else str(get_args(kind)[1])
    if is_dataclass(kind) and kind is not HostPort:
        return "section"
    return {
        HostPort: "host:port",
        bool: "true or false",
        int: "number",
        str: "text",
        Secret: "secret",
        Mapping: "text by text",
    }[get_origin(kind) or kind]


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _default(field: Field[Any], kind: Any) -> str:  # noqa: ANN401
    if field.default is MISSING:
        return "required" if _is_required(field) else ""
    if field.default is None or field.default == ():
        return ""
    if get_origin(kind) is Annotated and get_args(kind)[1] == "duration":
        return f"`{duration(field.default)}`"
    if get_origin(kind) is Annotated and get_args(kind)[1] == "size":
        return f"`{field.default // 2**20}MiB`"
    if isinstance(field.default, tuple):
        return f"`[{', '.join(map(str, field.default))}]`"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


if __name__ == "__main__":
    main()
