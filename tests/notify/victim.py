"""An agent that is killed: decides, keeps and sends as the real one, over HTTP."""

import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from streamwatch.agent.state import open_state
from streamwatch.core.clock import SystemClock
from streamwatch.http.client import HttpClient, HttpConfig
from streamwatch.model.alert import Alert
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, Tools
from streamwatch.notify.channels.webhook import Config as WebhookConfig
from streamwatch.notify.channels.webhook import Webhook
from streamwatch.notify.config import Config
from streamwatch.notify.delivery import Delivery
from streamwatch.notify.dispatch import Dispatcher
from streamwatch.notify.text import Links
from streamwatch.settings.types import Secret
from tests.notify.alerts import alert

STEPS = ("before the decision", "after the decision", "before the request", "after the answer", "nowhere")


def main(path: Path, url: str, firing: int, step: str) -> None:
    """Do one decision, and deliver it.

    Args:
        path: the state file.
        url: the receiver's address.
        firing: how many alerts fire; 0: they are over.
        step: where to die, of ``STEPS``.

    """

    def die(here: str) -> None:
        if here == step:
            os.kill(os.getpid(), signal.SIGKILL)

    class Mortal:
        def __init__(self, inner: Webhook) -> None:
            self._inner = inner

        def send(self, some: Sequence[Notification]) -> None:
            die("before the request")
            self._inner.send(some)
            die("after the answer")

    clock = SystemClock()
    config = WebhookConfig(name="hook", url=Secret(url))
    settings = Config(webhook=(config,), group_interval=0.0, inhibit_pack=False)
    tools = Tools(HttpClient(HttpConfig(), clock), clock, Links(), "http://agent")
    targets = [Integration("hook", "hook", Mortal(Webhook(config, tools)), rate=1000.0, burst=100)]
    state = open_state(path, sys.exit, clock)
    dispatcher = Dispatcher(settings, targets, (), clock)
    state.write(dispatcher.begin)
    alerts: list[Alert] = [alert(broker=str(number)) for number in range(firing)]
    die("before the decision")
    state.write(lambda connection: dispatcher.plan(connection, alerts, changed=True))
    die("after the decision")
    delivery = Delivery(targets[0], state, clock, random.Random(1))
    while delivery.step() == 0.0:
        pass
