"""Brokers whose processes can be killed: the reference cluster's, or real ones."""

from types import TracebackType
from typing import Protocol, Self

from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.waiting import wait_for


class Brokers(Protocol):
    """Three brokers."""

    @property
    def bootstrap(self) -> str:
        """Their addresses."""

    def kill(self, node: int) -> None:
        """Kill a broker."""

    def restart(self, node: int) -> None:
        """Start it again."""


class ReferenceBrokers:
    """Those of a reference cluster, whose controllers can be killed, too."""

    def __init__(self) -> None:
        self._kafka = ReferenceKafka(Spec(settings={"broker.session.timeout.ms": "1000"}))

    def __enter__(self) -> Self:
        self._kafka.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kafka.close()

    @property
    def bootstrap(self) -> str:
        return self._kafka.bootstrap

    def kill(self, node: int) -> None:
        self._kafka.do(lambda site, now: faults.stop(site, now, broker=node))

    def restart(self, node: int) -> None:
        self._kafka.do(lambda site, now: faults.start(site, now, broker=node))

    def lose_controller(self) -> None:
        """Kill the active controller, and start it again when there is another one."""
        kafka = self._kafka
        kafka.do(lambda site, now: site.cluster.controller.stop_voter(site.cluster.controller.leader or 0, now))
        wait_for(lambda: kafka.do(lambda site, _: site.cluster.controller.is_active), 60, "another controller")
        kafka.do(faults.restore_controller)
