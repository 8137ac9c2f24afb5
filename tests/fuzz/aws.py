"""What AWS answers: recorded of the reference AWS, spoilt, and parsed by botocore as if it had come by the network."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from botocore.model import OperationModel
from botocore.parsers import create_parser

from streamwatch.agent.config import parse
from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.core.clock import Clock
from streamwatch.model.snapshot import Problem
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.aws.botocore_sessions import new_session
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.session import Account, Accounts
from streamwatch.sources.aws.soundness import Form
from streamwatch.sources.cluster_config import ClusterConfig
from tests.fuzz.parser import Parser
from tests.fuzz.spoiling import spoilt_json
from tests.real.reference_clients import KafkaPython
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config
from tests.sources.readers.every_kind import KINDS, AgentClock, everything

Exchange = tuple[str, str]
"""An operation, and what it was asked, as text."""
_STREAMS: Final = "kinesis"
_MSK: Final = "msk"
_MSK_CONFIG: Final = """
kafka:
  - name: k
    protocol: false
    msk:
      {cluster: shop, region: us-east-1, metrics: all, topics: {},
       access: {endpoint_url: 'URL', access_key_id: a, secret_access_key: b}}
"""
READ: Final = (_STREAMS, *(one.name for one in KINDS), _MSK)
"""The kinds of what is read of AWS."""
_NOWHERE: Final = "http://127.0.0.1:1"
_SECONDS: Final = 400.0
"""Between two reads: all that is known is due again."""
_FLEETING: Final = frozenset({"StartTime", "EndTime", "ClientToken"})
"""Parameters that are others at another moment."""


def _exchange(operation: str, parameters: Mapping[str, Any]) -> Exchange:
    return operation, json.dumps({k: v for k, v in parameters.items() if k not in _FLEETING}, sort_keys=True)


class Recording(Account):
    """An account that keeps the bodies of all answers."""

    def __init__(self, access: AwsAccess, clock: Clock) -> None:
        super().__init__(access, clock, 1)
        self.bodies: dict[Exchange, bytes] = {}
        self._here = threading.local()

    def ask(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().ask(service, region, operation, parameters)
        self.bodies[_exchange(operation, parameters)] = self._here.body
        return answer

    def _client(self, service: str, region: str) -> Any:
        client, login = super()._client(service, region)
        client.meta.events.register("before-parse", self._keep, unique_id="fuzz")
        return client, login

    def _keep(self, response_dict: Mapping[str, Any], **_: object) -> None:
        self._here.body = response_dict["body"]


class Replay(Account):
    """An account whose answers are recorded ones, but for those of one operation."""

    def __init__(self, access: AwsAccess, clock: Clock, bodies: Mapping[Exchange, bytes]) -> None:
        super().__init__(access, clock)
        self._bodies = bodies
        self.spoilt: tuple[str, bytes] = "", b""
        """The operation, and what answers it whatever it is asked."""

    def ask(self, service: str, _region: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        body = self.spoilt[1] if operation == self.spoilt[0] else self._recorded(_exchange(operation, parameters))
        model = _model(service, operation)
        parser = create_parser(model.service_model.resolved_protocol)
        answer: dict[str, Any] = parser.parse({"status_code": 200, "headers": {}, "body": body}, model.output_shape)
        return answer

    def _recorded(self, exchange: Exchange) -> bytes:
        """Return what the most similar question was answered: a statement may name an instant."""
        operation, asked = exchange
        of_it = {question: body for (name, question), body in self._bodies.items() if name == operation}
        words = frozenset(asked.split())
        return of_it[max(of_it, key=lambda question: len(words.intersection(question.split())))] if of_it else b"{}"

    def form(self, service: str, _region: str, operation: str) -> Form | None:
        return _form(service, operation)

    def pace(self, *_: object) -> None:
        return None


@cache
def _model(service: str, operation: str) -> OperationModel:
    return new_session().get_service_model(service).operation_model(operation)


@cache
def _form(service: str, operation: str) -> Form | None:
    shape = _model(service, operation).output_shape
    return None if shape is None else Form(shape)


def _wanted(kind: str, url: str) -> AccountConfig | ClusterConfig:
    """Return what is configured: an MSK cluster, or streams, with one kind of readers where one is named."""
    if kind == _MSK:
        return parse(_MSK_CONFIG.replace("URL", url), "fuzz", Path()).kafka[0]
    settings = "".join(f"{one.setting}: {{enabled: true{one.more}}}" for one in KINDS if one.name == kind)
    return config(url, f"readers: {{{settings}}}")


class Watcher:
    """The sources of one kind, with their collectors."""

    def __init__(self, kind: str, account: Account, clock: AgentClock, url: str) -> None:
        wanted = _wanted(kind, url)
        factory = TargetFactory(clock)
        factory._accounts = Accounts(clock)
        factory._accounts._known[account._access] = account
        self._targets = factory.targets(wanted, lambda: None)
        for each in self._targets:
            source: Any = each.source
            if hasattr(source, "_caller"):
                source._caller.wait = clock.wait

    def read(self) -> list[Problem]:
        """Read all, and collect, as the agent does; return what could not be learnt."""
        problems: list[Problem] = []
        for each in self._targets:
            snapshot = each.source.read()
            collect(each, snapshot)
            problems += snapshot.problems
        return problems

    def close(self) -> None:
        """End all."""
        for each in self._targets:
            each.source.close()


def collect(target: Target, snapshot: Any) -> None:
    """Make samples of a snapshot: what a collector raises costs all of its series."""
    for each in (*target.collectors.values(), *target.about):
        each.collect(snapshot)


@dataclass(frozen=True, slots=True)
class Tape:
    """The answers of two reads, and when the second was."""

    bodies: Mapping[Exchange, bytes]
    at: float


@cache
def tapes() -> Mapping[str, Tape]:
    """Return what is recorded of each kind."""
    with everything() as there:
        found = {kind: _tape(kind, there.aws.url, there.time, there.live) for kind in READ if kind != _MSK}
    time = Time()
    with ReferenceKafka(Spec()) as kafka, cloud(time) as aws:
        KafkaPython(kafka.bootstrap).produce("orders", ["a"])
        aws.add_msk(kafka, "shop", "PER_BROKER")

        def live() -> None:
            aws.measure_msk()
            time.advance(60)

        return {**found, _MSK: _tape(_MSK, aws.url, time, live)}


def _tape(kind: str, url: str, time: Time, live: Callable[[], None]) -> Tape:
    """Record two reads, a minute after each other."""
    clock = AgentClock(time)
    account = Recording(config(url).access, clock)
    watcher = Watcher(kind, account, clock, url)
    try:
        for _ in range(2):
            live()
            clock.begin()
            watcher.read()
    finally:
        watcher.close()
    return Tape(account.bodies, time.now())


def _seeds() -> Iterator[bytes]:
    """Yield every answer once, below a line that says of which kind, and of which operation."""
    of_streams = {operation for operation, _ in tapes()[_STREAMS].bodies} - {"GetMetricData"}
    for kind, tape in tapes().items():
        for (operation, _), body in tape.bodies.items():
            if kind == _STREAMS or operation not in of_streams:
                yield f"{kind} {operation}\n".encode() + body


@contextmanager
def watching(kind: str) -> Iterator[Callable[[str, bytes], list[Problem]]]:
    """Return what reads a kind anew: as recorded, but for the answers of an operation, where one is named."""
    tape = tapes()[kind]
    time = Time(tape.at)
    clock = AgentClock(time)
    account = Replay(config(_NOWHERE).access, clock, tape.bodies)
    watcher = Watcher(kind, account, clock, _NOWHERE)

    def read(operation: str, body: bytes) -> list[Problem]:
        account.spoilt = operation, body
        clock.begin()
        found = watcher.read()
        time.advance(_SECONDS)
        return found

    try:
        yield read
    finally:
        watcher.close()


def _feed(data: bytes) -> None:
    """Read what was recorded, then with what is fed in the place of an operation's answers, then as before."""
    head, _, body = data.partition(b"\n")
    kind, _, operation = head.decode("utf-8", "replace").partition(" ")
    if kind in tapes():
        with watching(kind) as read:
            read("", b"")
            read(operation, body)
            read("", b"")


def parser() -> Parser:
    """Return it."""
    return Parser(tuple(_seeds()), _feed, (), spoilt_json)
