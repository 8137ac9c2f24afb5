"""An agent of a pair as a process: lease, peers, outbox and HTTP as in the real one; its alerts stand in a file.

``python -m tests.pair.member FILE``: the file is JSON, and is read again and again: which alerts fire, and by how much
its clock is wrong.
"""

import json
import logging
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from streamwatch.agent.state import open_state
from streamwatch.core.clock import SteadyClock, SystemClock
from streamwatch.http.client import HttpConfig
from streamwatch.http.server import Config as ListenConfig
from streamwatch.http.server import PathHandler, Server
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.channels.pagerduty import Config as PagerDuty
from streamwatch.notify.config import Config as NotifyConfig
from streamwatch.notify.service import NotificationService
from streamwatch.pair.build import pair
from streamwatch.pair.config import Config, PeerConfig
from streamwatch.pair.document import PATH
from streamwatch.pair.lease.config import Config as LeaseConfig
from streamwatch.pair.lease.kubernetes import Config as Kubernetes
from streamwatch.pair.outbox import PairOutbox
from streamwatch.rules.config import pack_folder
from streamwatch.settings.types import HostPort, Secret

log = logging.getLogger(__name__)

_STEP_SECONDS = 0.25
_REMEMBERED_SECONDS = 600.0


class WrongClock(SystemClock):
    """The machine's, whose wall clock somebody sets."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class Rules:
    """Alerts that fire for as long as they stand in the file."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._alerts: dict[str, Alert] = {}

    def step(self, firing: list[str]) -> tuple[list[Alert], bool]:
        now, changed = self._clock.now(), False
        for name in firing:
            if name not in self._alerts or self._alerts[name].state != "firing":
                labels = Labels({"alertname": name, "severity": "critical"}.items())
                self._alerts[name] = Alert(labels, "firing", 1.0, now, fired_at=now)
                changed = True
        for name, alert in list(self._alerts.items()):
            if alert.state == "firing" and name not in firing:
                self._alerts[name] = alert.but(state="inactive", resolved_at=now)
                changed = True
            elif alert.resolved_at is not None and now - alert.resolved_at > _REMEMBERED_SECONDS:
                del self._alerts[name]
        return list(self._alerts.values()), changed


def _report(problem: str) -> None:
    log.error("%s", problem)


def main(file: Path) -> None:
    """Run until it is killed."""
    said: dict[str, Any] = json.loads(file.read_text())
    clock = WrongClock()
    clock.ahead = said["ahead"]
    outbox_clock = SteadyClock(clock)
    lease = LeaseConfig(
        kubernetes=Kubernetes(namespace="shop", url=said["home"], token_file=said["token"]), seconds=said["seconds"]
    )
    config = Config(
        lease=lease, peers=(PeerConfig(url=said["peer"]),), name=said["name"], interval=0.5, deaf_after=said["seconds"]
    )
    one = pair(config, (), outbox_clock)
    pager = PagerDuty(name="pager", routing_key=Secret("k"), url=Secret(said["receiver"]))
    notify = NotifyConfig(
        pagerduty=(pager,), group_by=("alertname",), group_interval=0.5, inhibit_pack=False,
        http=HttpConfig(timeout=4.0),
    )  # fmt: skip
    state = open_state(Path(said["state"]), _report, clock)
    service = NotificationService(notify, pack_folder(), state, outbox_clock, "http://agent", gate=one)
    server = Server(
        ListenConfig(address=HostPort("127.0.0.1", said["port"])),
        [PathHandler(PATH, one.answer, ("POST",), is_guarded=True)],
    )
    server.start()
    service.start(lambda: True)
    one.start(PairOutbox(service, state), lambda: True)
    rules, nap = Rules(outbox_clock), threading.Event()
    while True:
        with suppress(ValueError, OSError):
            said = json.loads(file.read_text())
        clock.ahead = said["ahead"]
        alerts, changed = rules.step(said["firing"])
        state.write(partial(service.plan, alerts=alerts, changed=changed))
        service.wake()
        nap.wait(_STEP_SECONDS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    main(Path(sys.argv[1]))
