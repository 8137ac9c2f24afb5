"""One story of the reference, under the eyes of an agent with the shipped rules: ``python -m tests.rules.story NAME``.

Prints what was seen as JSON. Stories are shorter than incidents: what a rule waits for, and looks back over, is divided
by a scale, and so are the promises in seconds.
"""

import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from streamwatch.demo.hurried import hurried
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import ALL, LoadProcess, on_aws, on_kafka, play
from tests.incidents.outcome import Outcome
from tests.waiting import wait_for

_KAFKA = """
kafka:
  - {{name: shop, bootstrap: [{at}], interval: 1s, deadline: 900ms, log_dirs_interval: 1s,
     stalled_after: {stalled:g}s}}
"""
_KINESIS = """
kinesis:
  - name: streams
    regions: [us-east-1]
    interval: 5s
    describe_interval: 10s
    access: {{endpoint_url: '{at}', access_key_id: agent, secret_access_key: agent}}
    cloudwatch: {{detail_interval: 60s}}
    readers: {{functions: {{enabled: true, interval: 10s}}}}
"""
_REST = """
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s, history: 10m, state: '{rules}/state.db'}}
"""
CALM = {"StreamWatchWatchdog"}
"""What always fires."""


class Seen:
    """Alerts, as the agent's API tells them while the story goes on."""

    def __init__(self, address: str) -> None:
        self._url, self._incidents = f"http://{address}/api/v1/alerts", f"http://{address}/api/v1/incidents"
        self._query = f"http://{address}/api/v1/query?query="
        self.outcome = Outcome()
        """What the decision list said of it."""
        self.began = time.monotonic()
        self.fired: dict[str, dict[str, str]] = {}
        """Those that fired at any time, by name, with the labels of the first."""

    def look(self) -> set[str]:
        """Return the names of what fires now."""
        alerts: list[dict[str, Any]] = _asked(self._url)["alerts"]
        for one in alerts:
            if one["state"] == "firing":
                self.fired.setdefault(one["labels"]["alertname"], one["labels"])
        firing = [(one["cause"] or "", one["sentence"]) for one in self.incidents() if one["state"] == "firing"]
        self.outcome.see(firing, time.monotonic() - self.began)
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def incidents(self) -> list[dict[str, Any]]:
        """Return what is the matter now."""
        found: list[dict[str, Any]] = _asked(self._incidents)["incidents"]
        return found

    def number(self, expression: str) -> float | None:
        """Return the only value of an expression; None where there is none."""
        result = _asked(f"{self._query}{quote(expression)}")["result"]
        return float(result[0]["value"][1]) if result else None

    def active(self) -> set[str]:
        """Return the names of what fires or waits to fire now."""
        return {one["labels"]["alertname"] for one in _asked(self._url)["alerts"]}

    def begin(self) -> None:
        """Forget what was seen before the story."""
        self.fired.clear()
        self.outcome, self.began = Outcome(), time.monotonic()


def main(name: str, scale: float) -> None:
    """Play a story, and print what fired, and what still fires when all has been calm for a while."""
    story, clock, ended = ALL[name], SystemClock(), threading.Event()
    on_streams = any(step.on in {"cloud", "streams"} for step in story.steps)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hurried(folder, scale)
        if on_streams:
            aws = stack.enter_context(ReferenceAws())
            load = stack.enter_context(LoadProcess(aws.url, 50, "streams_load"))
            performers = {"cloud": on_aws(aws), "streams": load.order}
            config = _KINESIS.format(at=aws.url)
        else:
            kafka = stack.enter_context(ReferenceKafka(Spec(brokers=story.brokers, settings=HURRIED_SETTINGS)))
            load = stack.enter_context(LoadProcess(kafka.bootstrap, 50))
            performers = {"cluster": on_kafka(kafka), "load": load.order}
            config = _KAFKA.format(at=kafka.bootstrap, stalled=600 / scale)
        app = App(parse(config + _REST.format(rules=folder), "story", folder), clock)
        app.start()
        stack.callback(app.stop)
        seen = Seen(app.address)
        wait_for(lambda: seen.active() == CALM and _settled(seen, on_streams), 90, "all is well")
        seen.begin()
        actor = threading.Thread(target=play, args=(story, performers, clock.monotonic, lambda _: None, ended))
        actor.start()
        while actor.is_alive():
            seen.look()
            ended.wait(0.2)
        left = seen.look()
        try:
            wait_for(lambda: seen.look() <= CALM, 400 if on_streams else 60, "all has resolved")
        except TimeoutError:
            left = seen.look()
        else:
            left = set()
    result = {"fired": seen.fired, "left": sorted(left), "outcome": seen.outcome.as_json()}
    sys.stdout.write(json.dumps(result) + "\n")


def _asked(url: str) -> Any:
    with closing(urlopen(url, timeout=60)) as answer:  # noqa: S310 - the agent's
        return json.load(answer)["data"]


def _settled(seen: Seen, on_streams: bool) -> bool:  # noqa: FBT001 - of one story
    """Say whether groups are at work, or streams are read."""
    wanted = "kinesis_stream_open_shards" if on_streams else 'kafka_group_state{state="Stable"}'
    return (seen.number(f"count({wanted})") or 0.0) >= (2 if on_streams else 3)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
