"""docs/alerts.md, made from the shipped rules."""

import re
from collections.abc import Sequence
from typing import Final

from streamwatch.core.times import duration
from streamwatch.rules.config import Config, pack_folder
from streamwatch.rules.load import load
from streamwatch.rules.rule import Rule, RuleGroup

_TITLES: Final = {
    "streamwatch.kafka": "Kafka clusters",
    "streamwatch.forecast": "What the last hours say of the next ones",
    "streamwatch.groups": "Consumer groups",
    "streamwatch.transactions": "Transactions",
    "streamwatch.probe": "The probes by records, of Kafka clusters and streams",
    "streamwatch.connect": "Kafka Connect",
    "streamwatch.brokers": "Brokers (exporters or CloudWatch)",
    "streamwatch.msk": "Amazon MSK",
    "streamwatch.kinesis": "Kinesis",
    "streamwatch.readers": "Readers of Kinesis streams",
    "streamwatch.functions": "Functions of AWS Lambda",
    "streamwatch.attached": "What AWS runs beside streams and topics",
    "streamwatch.agent": "The agent itself",
}
_HEAD: Final = """\
# Alerts

Written by `make docs` from `alerts/`. The agent decides these rules by itself, as soon as the data that they read have
arrived; the same files load into any Prometheus, Mimir, Thanos or VictoriaMetrics. How they are decided:
[rules.md](rules.md). Each has a page in [runbooks/](runbooks/).

`critical` wakes somebody up, `warning` is for the working day, `info` is for whoever looks, `none` fires to show that
the way to people is open. A rolling restart pages nobody; a second broker that fails in the middle of one does
(`alerts/tests/rolling-restart.yml`). What is not known is no number, and so no alert: `StreamWatchBlind`,
`StreamWatchStale` and `StreamWatchPartlyBlind` say so.
"""
_PARAMETERS: Final = """\
## Parameters

Every number that is a matter of taste is recorded once, in `alerts/parameters.yml`, with where it comes from. Copy the
file, change it, and give your copy and the other files as `rules.files`, with `rules.pack: false`.

| parameter | value | where from |
|---|---|---|
"""
_EITHER: Final = re.compile(r"\{\{ if [^}]*\}\}.*?\{\{ else \}\}(.*?)\{\{ end \}\}")
_WHERE_THERE: Final = re.compile(r"\{\{ with \$labels\.(\w+) \}\}(.*?)\{\{ \. \}\}(.*?)\{\{ end \}\}")
_SHOWN: Final = re.compile(r'\{\{ (?:printf "[^"]*" )?\$(?:labels\.)?(\w+)[^}]*\}\}')
_RECORD: Final = re.compile(r"((?:      # .*\n)+)      - record: (\S+)\n        expr: vector\((\S+)\)")


def alerts() -> str:
    """Return docs/alerts.md."""
    groups = {group.name: group for group in load(Config().paths())}
    parts = [_HEAD]
    for name, title in _TITLES.items():
        parts.append(_group(title, groups[name]))
    return "\n".join([*parts, _PARAMETERS + "\n".join(_parameters())]) + "\n"


def _group(title: str, group: RuleGroup) -> str:
    head = [f"## {title}", "", "| alert | severity | for | what it says |", "|---|---|---|---|"]
    return "\n".join([*head, *(_alert(rule) for rule in group.rules if rule.alert), ""])


def _alert(rule: Rule) -> str:
    summary = dict(rule.annotations)["summary"]
    shown = _SHOWN.sub(r"*\1*", _WHERE_THERE.sub(r"\2*\1*\3", _EITHER.sub(r"\1", summary)))
    severity = dict(rule.labels)["severity"]
    return f"| [{rule.name}](runbooks/{rule.name}.md) | {severity} | {duration(rule.for_seconds)} | {shown} |"


def _parameters() -> Sequence[str]:
    text = (pack_folder() / "parameters.yml").read_text(encoding="utf-8")
    return [
        f"| `{name}` | {value} | {' '.join(line.strip(' #') for line in comment.splitlines()).rstrip('.')} |"
        for comment, name, value in _RECORD.findall(text)
    ]
