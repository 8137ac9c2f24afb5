"""What is fed: each parser, what it is fed with to begin with, and the only errors that it may raise."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from streamwatch.agent import environment
from streamwatch.agent.config import parse as parse_config
from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import ConfigError, QueryError, SourceMisread
from streamwatch.promql.parse import parse as parse_promql
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import load
from streamwatch.rules.load import read as read_rules
from streamwatch.sources.kafka.apis import APIS, METADATA
from streamwatch.sources.kafka.metadata import MetadataReader
from streamwatch.sources.open_monitoring.parse import ExpositionParser, Unreadable, wanted
from tests.fuzz import aws, connect, files, listener, pair
from tests.fuzz.parser import Parser

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = """
kafka:
  - {name: orders, bootstrap: ["broker-1:9092"], interval: 15s, tls: {check_hostname: false}, groups: {allow: [a.*]}}
  - {name: shop, bootstrap: ["[::1]:9098"], sasl: {mechanism: PLAIN, username: me, password: "${P:-x}"}}
  - {name: far, msk: {cluster: far, region: eu-west-1}, trust: [{metric: kafka_cluster_info, sources: [kafka]}]}
kinesis:
  - {name: mine, regions: [eu-west-1], streams: {tags: [a=b]}, readers: {kcl: {enabled: true}}}
  - {name: others, regions: [us-east-1], access: {role_arn: "arn:aws:iam::1:role/r"}}
connect: [{name: c, kafka_cluster: shop, urls: ["http://worker:8083"], username: u, password: p, clusters: {east: far}}]
remote_write: [{name: mimir, url: "http://a/", external_labels: {a: b}}]
rules: {files: [], severities: {critical: page}, evaluation_interval: 15s, history: 1h}
notify:
  pagerduty: [{name: pager, routing_key: k}]
  webhook: [{name: hook, url: "http://a/"}]
  group_by: [alertname]
  routes: [{matchers: ["severity=critical"], channels: [pager], mute_time_intervals: [night]}]
  inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], equal: [kafka_cluster]}]
  time_intervals: [{name: night, time_intervals: [{months: [may], weekdays: [monday]}]}]
listen: {address: "0.0.0.0:9308", basic_auth: {username: u, password: p}}
audit: {ignore: [{finding: no-reader, target: b, reason: c, until: 2027-01-31}]}
ha: {peers: [{url: "http://a:9308"}], lease: {kubernetes: {}}}
"""
PAGE: Final = b'# HELP a b\n# TYPE a gauge\na{topic="or\\"ders",x="\xc3\xa4"} 1.5e3 1700000000\nb 2\na NaN\na{} +Inf\n'


def _kafka(data: bytes) -> None:
    """The first two bytes say which API answers, in which version."""
    api = APIS[data[0] % len(APIS)] if data else METADATA
    version = api.lowest + (data[1] if len(data) > 1 else 0) % (api.highest - api.lowest + 1)
    api.decode(version, data[2:])


def _exposition(data: bytes) -> None:
    parser = ExpositionParser(wanted(["a", "b"]))
    parser.feed(data)
    parser.end()


def _config(data: bytes) -> None:
    parse_config(data.decode("utf-8", "replace"), "fuzz", ROOT / "tests" / "fuzz" / "seeds")


def _environment(data: bytes) -> None:
    """Each line is a variable."""
    lines = data.decode("utf-8", "replace").split("\n")
    environment.load(dict(line.split("=", 1) for line in lines if "=" in line))


def _variables() -> bytes:
    """Return all that there are, in the words of the documentation; no file is named."""
    named = [one for one in environment.VARIABLES if not one.name.endswith("_FILE")]
    values = {one.name: "http://a/" if one.kind == "secret" else one.example for one in named}
    values["STREAMWATCH_SNS_TOPIC_ARN"] = "arn:aws:sns:eu-west-1:123456789012:pages"
    return "\n".join(f"{name}={value}" for name, value in values.items()).encode()


def _state(data: bytes) -> None:
    """A state file, whatever it holds; one that cannot be read is set aside."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        path.write_bytes(data)
        open_state(path, lambda _: None, ManualClock(0.0)).close()


def _fresh_state() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        open_state(path, lambda _: None, ManualClock(0.0)).close()
        return path.read_bytes()


def _answers() -> tuple[bytes, ...]:
    """Answers of every API, of nothing but zeros: whoever changes a byte of them changes a length."""
    return tuple(bytes([number, 255]) + bytes(64) for number in range(len(APIS)))


def _metadata() -> Parser:
    reader = MetadataReader()
    return Parser((bytes(64),), lambda data: reader.read(data, METADATA.highest), (SourceMisread,))


def _promql() -> Parser:
    files = sorted(pack_folder().glob("*.yml"))
    expressions = tuple(rule.text.encode() for group in load(files) for rule in group.rules)
    return Parser(expressions, lambda data: parse_promql(data.decode("utf-8", "replace")), (QueryError,))


def _rules() -> Parser:
    files = sorted(pack_folder().glob("*.yml"))
    seeds = tuple(file.read_bytes()[:1500] for file in files)
    return Parser(seeds, lambda data: read_rules(data.decode("utf-8", "replace"), "fuzz"), ())


PARSERS: Final[Mapping[str, Callable[[], Parser]]] = {
    "kafka": lambda: Parser(_answers(), _kafka, (SourceMisread,)),
    "metadata": _metadata,
    "promql": _promql,
    "exposition": lambda: Parser((PAGE,), _exposition, (Unreadable,)),
    "config": lambda: Parser((CONFIG.encode(),), _config, (ConfigError,)),
    "environment": lambda: Parser((_variables(),), _environment, (ConfigError,)),
    "rules": _rules,
    "peer": pair.peer,
    "state": lambda: Parser((_fresh_state(),), _state, ()),
    "aws": aws.parser,
    "listener": listener.parser,
    "connect": connect.parser,
    "lease": pair.lease,
    "archive": files.archive,
    "queue": files.queue,
}
"""What makes each, by name: some begin with a recording."""
