"""Plays the stories on the reference, and records what a real agent answers: `python -m tests.cli.top.record`.

It takes five minutes, and asks only what ``top`` asks: whoever changes a query records again.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, Final
from urllib.parse import urlencode

import click

from streamwatch.cli.agent_client import AgentClient
from streamwatch.cli.top.agents import RunningAgent
from streamwatch.cli.top.picture import Liveness, picture
from streamwatch.cli.top.poll import Agent, poll
from streamwatch.cli.top.state import TopState
from streamwatch.demo.hurried import hurried
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.reference.aws.beside import add
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import LoadProcess
from tests.agent_process import agent
from tests.cli.top.stories import DRIVEN, FOLDER, STORIES, VIEWS, path_of
from tests.waiting import wait_for

CONFIG: Final = """
kafka: [{{name: shop, bootstrap: [{kafka}], interval: 5s, log_dirs_interval: 10s, stalled_after: 20s,
         pulse: {{interval: 2s, deadline: 8s}},
         open_monitoring: {{interval: 5s, targets: [{pages}]}}}}]
kinesis:
  - name: streams
    regions: [us-east-1]
    interval: 10s
    access: {{endpoint_url: '{aws}', access_key_id: a, secret_access_key: b}}
    readers: {{{readers}}}
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s}}
"""
KINDS: Final = ("kcl", "functions", "firehose", "dms")
HURRY: Final = 6
HIDDEN: Final = frozenset({"job", "instance"})


class Recording:
    """An agent whose answers are kept."""

    def __init__(self, asked: Agent) -> None:
        self._asked = asked
        self.answers: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._asked.name

    def get(self, path: str) -> Any:
        self.answers[path] = _without(wait_for(lambda: _tried(self._asked, path), 60, path))
        return self.answers[path]


def _tried(asked: Agent, path: str) -> Any:
    """Return an answer; none where a machine that is loaded could not make it in time."""
    with suppress(click.ClickException):
        return asked.get(path)
    return None


def _without(answer: Any) -> Any:
    """Return an answer without the labels that only say where it comes from."""
    for series in answer["data"].get("result", []) if "data" in answer else ():
        if isinstance(series, dict):
            series["metric"] = {name: text for name, text in series["metric"].items() if name not in HIDDEN}
    return answer


@contextmanager
def stage(folder: Path) -> Iterator[tuple[ReferenceKafka, RunningAgent]]:
    """Run a cluster, streams with readers, load on both, and the agent."""
    rules = folder / "rules"
    rules.mkdir()
    hurried(rules, HURRY)
    with ExitStack() as stack:
        kafka = stack.enter_context(ReferenceKafka(Spec(brokers=3, settings=HURRIED_SETTINGS)))
        aws = stack.enter_context(ReferenceAws())
        pages = [f"{{broker: {id_}, jmx: '{jmx}', node: '{node}'}}" for id_, (jmx, node) in kafka.serve_pages().items()]
        stack.enter_context(LoadProcess(kafka.bootstrap, 20))
        stack.enter_context(LoadProcess(aws.url, 20, "streams_load"))
        wait_for(lambda: aws.do(_is_there), 60, "the stream is there")
        aws.do(lambda cloud, now: add(cloud, now, KINDS, "purchases"))
        readers = ", ".join(f"{kind}: {{enabled: true, interval: 10s}}" for kind in KINDS)
        servers = ", ".join(map(repr, kafka.bootstrap.split(",")))
        config = {
            "kafka": servers, "aws": aws.url, "pages": ", ".join(pages), "readers": readers, "rules": rules,
        }  # fmt: skip
        file = folder / "agent.yaml"
        file.write_text(CONFIG.format(**config), encoding="utf-8")
        running = stack.enter_context(agent("--config", str(file)))
        yield kafka, RunningAgent(AgentClient(f"http://{running.address}", None, None), "agent")


def _is_there(cloud: Cloud, _: float) -> bool:
    stream = cloud.kinesis().streams.get("purchases")
    return stream is not None and stream.status == "ACTIVE"


def visit(story: str, asked: Agent) -> None:
    """Look at what the tests look at, and keep what the agent answers."""
    recording = Recording(asked)
    for view in VIEWS[story]:
        poll(recording, TopState(view).place.wanted)
    for keys in DRIVEN.get(story, ()):
        state = TopState("overview")
        state.take(poll(recording, state.place.wanted))
        for key in keys:
            picture(state, Liveness("agent", 2.0), 80, 24)
            if state.press(key, key if len(key) == 1 else None) == "poll":
                state.take(poll(recording, state.place.wanted))
    text = json.dumps(recording.answers, indent=0, sort_keys=True)
    path_of(story).write_text(f"{text}\n", encoding="utf-8")
    sys.stdout.write(f"{story}: {len(text)} bytes, {len(recording.answers)} answers\n")


def main() -> None:
    """Play all stories, one after the other."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, stage(Path(folder)) as (kafka, asked):

        def waits(query: str, what: str, seconds: float) -> None:
            def holds() -> bool:
                answer = _tried(asked, f"/api/v1/query?{urlencode({'query': query})}")
                return answer is not None and bool(answer["data"]["result"])

            wait_for(holds, seconds, what)

        # CloudWatch's minutes, and a rate over five of them.
        waits("kinesis_stream_being_read == 1 and on () (count(reader_lag_seconds) > 0)", "streams are read", 400)
        waits("rate(kinesis_stream_incoming_records_total[5m]) > 0", "a rate", 400)
        visit(STORIES[0], asked)
        kafka.do(lambda site, now: faults.stop(site, now, broker=2))
        waits("kafka_topic_under_replicated_partitions > 0", "the session has ended", 60)
        waits('ALERTS{alertname="KafkaUnderReplicated", alertstate="firing"} or streamwatch_alerts > 0', "alerts", 60)
        Event().wait(20)
        visit(STORIES[1], asked)
        kafka.do(faults.heal)
        waits("sum(kafka_broker_under_replicated_partitions) == 0", "all is well", 120)
        kafka.do(lambda site, now: faults.stall_group(site, now, group="orders-readers"))
        waits('kafka_group_topic_state_partitions{state="stalled"} > 0', "the group stands", 200)
        Event().wait(20)
        visit(STORIES[2], asked)


if __name__ == "__main__":
    main()
