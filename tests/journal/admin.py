"""kafka-python's admin client, of brokers that come and go."""

from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, NoError
from kafka.structs import OffsetAndMetadata

from tests.waiting import wait_for


class Admin:
    """Asks until it is done; a client goes on asking the broker, and the coordinators, that it asked before."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap.split(",")
        self._client = KafkaAdminClient(bootstrap_servers=self._bootstrap)

    def close(self) -> None:
        self._client.close()

    def ask(self, call: str, *params: Any) -> Any:
        """Ask for something; a broker that is down is asked of another one."""

        def attempt() -> tuple[Any, ...]:
            try:
                return (getattr(self._client, call)(*params),)
            except KafkaError as error:
                if not error.retriable:
                    raise
                self._reconnect()
                return ()

        return wait_for(attempt, 60, call)[0]

    def delete_group(self, name: str) -> None:
        """Delete a group; who is its coordinator no more says so in the answer, and nothing is raised."""

        def is_deleted() -> bool:
            if self.ask("delete_groups", [name]) == {name: "OK"}:
                return True
            self._reconnect()
            return False

        wait_for(is_deleted, 60, "the coordinator deletes a group")

    def commit(self, group: str, positions: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Set a group's positions."""

        def is_taken() -> bool:
            if all(found is NoError for found in self.ask("alter_group_offsets", group, positions).values()):
                return True
            self._reconnect()
            return False

        wait_for(is_taken, 60, "the coordinator takes a position")

    def _reconnect(self) -> None:
        self._client.close()
        self._client = KafkaAdminClient(bootstrap_servers=self._bootstrap)
