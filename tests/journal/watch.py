"""An agent's life, as far as the journal goes: sources are read when the test says so, and it may end at any time."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Final

from streamwatch.agent.state import open_state
from streamwatch.core.clock import SystemClock
from streamwatch.journal.config import Config
from streamwatch.journal.journal import Journal
from streamwatch.journal.own import SilenceRow
from streamwatch.journal.question import Question
from streamwatch.notify import silence_store
from streamwatch.settings.types import HostPort, Secret
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.aws.config import AwsAccess, CloudWatch
from streamwatch.sources.aws.session import Accounts
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.kafka import KafkaSource
from streamwatch.sources.kinesis.source import KinesisSource

CLUSTER: Final = "shop"
ACCOUNT: Final = "streams"
REGION: Final = "us-east-1"
_AT_ONCE: Final = 1e-6
"""What is asked for now and then is asked for at every read."""
_AWS_SECONDS: Final = 0.25
"""Between two reads of streams: listing them has a rate."""


class Watch:
    """From a start to an end."""

    def __init__(self, path: Path, bootstrap: str, endpoint: str, configuration: Mapping[str, str]) -> None:
        self.clock = SystemClock()
        self.problems: list[str] = []
        self.state = open_state(path, self.problems.append, self.clock)
        self.journal = Journal(Config(join=0.0), self.clock)
        self.journal.take(self.state)
        self.journal.start("1.0", configuration)
        hosts = tuple(HostPort(host, int(port)) for host, port in (one.split(":") for one in bootstrap.split(",")))
        kafka = ClusterConfig(name=CLUSTER, bootstrap=hosts, topic_settings_interval=_AT_ONCE)
        self.kafka = KafkaSource(kafka, self.clock, lambda: None)
        access = AwsAccess(access_key_id="A" * 20, secret_access_key=Secret("s" * 20), endpoint_url=endpoint)
        streams = AccountConfig(
            name=ACCOUNT, regions=(REGION,), access=access, describe_interval=_AT_ONCE,
            cloudwatch=CloudWatch(enabled=False),
        )  # fmt: skip
        self.streams = KinesisSource(streams, self.clock, Accounts(self.clock), ())
        self._nap = Event()

    def read(self, *, streams: bool = True) -> None:
        """Read everything once; streams if they are wanted, for calls of AWS have a rate."""
        self.journal.look(CLUSTER, "all", 0.0, self.kafka.read())
        if streams:
            self._nap.wait(_AWS_SECONDS)
            self.journal.look(ACCOUNT, "all", 0.0, self.streams.read())
        rows = self.state.read(lambda connection: silence_store.ended_after(connection, 0.0))
        self.journal.look_at_silences(
            SilenceRow(str(each.number), ", ".join(each.matchers), each.until, each.by, each.comment, each.updated)
            for each in rows
        )

    def entries(self) -> Counter[tuple[str, str]]:
        """Return what is in the journal, by kind and subject, but for its own starts."""
        self.state.write(lambda _: None)  # all is written
        found = self.journal.changes(Question(limit=100_000))
        return Counter((each.kind, each.subject) for each in found if each.kind != "agent.started")

    def end(self, *, kill: bool) -> None:
        """End: as when it is stopped, or as when its process is killed, which writes nothing more."""
        if not kill:
            self.journal.close()
        self.kafka.close()
        self.streams.close()
        with suppress(Exception):
            self.state.close()
