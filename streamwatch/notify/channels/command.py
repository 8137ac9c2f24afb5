"""A command, that reads the notification on standard input: JSON in the shape of Alertmanager's webhook."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Channel, Integration, Tools
from streamwatch.notify.channels.webhook import payload
from streamwatch.settings.types import Duration, setting

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""Of the agent's environment; secrets may be in the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Channel):
    """A command on the machine of the agent."""

    run: tuple[str, ...] = setting("the command and its arguments; no shell reads them")
    timeout: Duration = setting("how long it may take before it is killed", default=10.0, minimum=0.1, maximum=300.0)

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        if not self.run:
            yield "run: a command is wanted, as in ['/usr/local/bin/page', '--loud']"

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Command(self, tools), rate=5.0, burst=20),)


class Command:
    """Runs it."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools

    def send(self, notifications: Sequence[Notification]) -> None:
        """Run it for each notification; an exit code other than 0 means that it is to be tried again."""
        for notification in notifications:
            self._run(payload(notification, self._config.name, self._tools.agent))

    def _run(self, body: bytes) -> None:
        config = self._config
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            process = subprocess.Popen(  # noqa: S603 - what the configuration says
                config.run, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=passed,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise NotifyRefused(f"{config.run[0]}: cannot be run: {error.strerror}") from error
        with process:
            try:
                process.communicate(body, timeout=config.timeout)
            except subprocess.TimeoutExpired:
                raise NotifyUnavailable(f"{config.run[0]}: not done within {config.timeout:g}s", reached=True) from None
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            raise NotifyUnavailable(f"{config.run[0]}: exit code {process.returncode}", reached=True)
