"""A real Kafka cluster on 127.0.0.1, to be killed, paused and asked by tests."""

import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.real.access import Login, python_settings, tool_settings
from tests.real.certificates import Authority
from tests.real.classes import archive
from tests.real.clients import Clients, brokers_seen_by
from tests.real.java import Exporter, Java, Parts
from tests.real.jmx import Page, read_page, write_rules
from tests.real.processes import Server
from tests.real.spec import Ports, Spec, Trust, node_properties, zookeeper_properties
from tests.real.storage import (
    data_of,
    format_broker,
    format_controllers,
    new_cluster_id,
    properties_of,
    write_properties,
)
from tests.real.tools import Tools
from tests.real.zookeeper import zookeeper_answers, zookeeper_knows
from tests.waiting import wait_for

_START_SECONDS: Final = 90.0
_SESSION_SECONDS: Final = 30.0
_JOIN_SECONDS: Final = 30.0
_END_SECONDS: Final = 30.0
_ZOOKEEPER_HEAP: Final = 128
_ZOOKEEPER: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


_IN_USE: Final = "Address already in use"
_MOST_STARTS: Final = 20
"""Of nodes that found their port taken, in a cluster's life."""


class StartFailed(Exception):
    """A node did not come up; shows the end of its log."""


class KafkaCluster(Tools, Clients):
    """A cluster as a context manager; its options are the fields of Spec.

    Nodes are named by their ids: brokers count from 1, controllers of their own (or ZooKeeper) from 100.
    """

    def __init__(self, **options: Any) -> None:
        self.spec = Spec(**options)
        # Before there is anything to clean up.
        parts, classes = Parts.of(self.spec.version), archive(self.spec.version)
        self.folder = Path(tempfile.mkdtemp(prefix="streamwatch-kafka-"))
        self.authority = Authority(self.folder) if self.spec.tls else None
        self.trust = (
            Trust(self.authority.file, self.authority.issue("broker"), self.authority.issue("agent"))
            if self.authority
            else None
        )
        self._cluster_id = new_cluster_id()
        self._ports = Ports.chosen_for(self.spec)
        self._rules = write_rules(self.folder, self.spec.jmx_objects)
        self._java = Java(parts, self.folder, classes)
        self.restarts: Counter[str] = Counter()
        """Of nodes that found their port taken, by name."""
        self._servers = {node: self._server(node) for node in self.spec.node_ids}

    # Its life

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every node, and remove all files."""
        for server in self._servers.values():
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self, node: int) -> None:
        """Kill -9. The others notice after broker.session.timeout.ms: 6 s, if not set otherwise."""
        self._servers[node].kill()

    def end(self, node: int) -> None:
        """Ask it to end (SIGTERM), as a restart in order does: leaders move away first."""
        self._servers[node].stop(_END_SECONDS)

    def pause(self, node: int) -> None:
        """Freeze it (SIGSTOP): connections stay open, nobody answers."""
        self._servers[node].pause()

    def resume(self, node: int) -> None:
        """Let it go on (SIGCONT)."""
        self._servers[node].resume()

    def restart(self, node: int) -> None:
        """Start it again, killed before if need be, on its old data and ports; returns once it serves."""
        self.kill(node)
        self._bring_up([node])

    def kill_controller(self) -> None:
        """Kill -9 of every controller that is not a broker; in ZooKeeper mode, of ZooKeeper."""
        for node in self._pure_controllers:
            self.kill(node)

    def restart_controller(self) -> None:
        """Start those controllers again; returns once one is active."""
        for node in self._pure_controllers:
            self.kill(node)
        self._bring_up(self._pure_controllers)

    def heal(self) -> None:
        """Resume and restart whatever is paused or dead; returns once all nodes serve."""
        for node, server in self._servers.items():
            if server.paused:
                self.resume(node)
        self._bring_up([node for node, server in self._servers.items() if not server.running])
        self._wait_until_ready(self.spec.node_ids)

    def _server(self, node: int) -> Server:
        name = f"{self._role(node)} {node}"
        properties, log = properties_of(self.folder, node), self.folder / f"{node}.log"
        if self._is_zookeeper(node):
            return Server(name, self._java.node(_ZOOKEEPER, properties, _ZOOKEEPER_HEAP), log)
        exporter = Exporter(self._ports.jmx[node], self._rules)
        return Server(name, self._java.node("kafka.Kafka", properties, self.spec.heap_mb, exporter), log)

    def _role(self, node: int) -> str:
        return "zookeeper" if self._is_zookeeper(node) else "broker" if node in self.broker_ids else "controller"

    def _is_zookeeper(self, node: int) -> bool:
        return not self.spec.kraft and node in self.spec.controller_ids

    @property
    def _pure_controllers(self) -> tuple[int, ...]:
        return tuple(node for node in self.spec.controller_ids if node not in self.broker_ids)

    def _start(self) -> None:
        for node in self.spec.node_ids:
            self._prepare(node)
        if self.spec.kraft:
            format_controllers(self.spec, self.folder, self._cluster_id, self._java)
        self._bring_up(self.spec.node_ids)
        if not self.spec.kraft:
            self._add_scram_users()

    def _bring_up(self, nodes: Collection[int]) -> None:
        """Start the controllers, then the brokers: together they take longer, for brokers that wait keep asking.

        A controller leads before it opens its port: one that finds the port taken ends when its brokers start.
        """
        controllers = [node for node in nodes if node in self.controller_ids]
        for group in (controllers, [node for node in nodes if node not in controllers]):
            for node in group:
                if not self.spec.kraft:
                    self._outlive_session(node)
                self._servers[node].start()
            self._wait_until_ready([*controllers, *group])

    def _outlive_session(self, node: int) -> None:
        """Wait for ZooKeeper to forget a killed broker: it may not register before."""
        port = self._ports.controller[self.spec.controller_ids[0]]
        wait_for(lambda: not zookeeper_knows(port, node), _SESSION_SECONDS, f"the session of broker {node} is over")

    def _prepare(self, node: int) -> None:
        if self._is_zookeeper(node):
            properties = zookeeper_properties(data_of(self.folder, node), self._ports.controller[node])
        else:
            properties = node_properties(self.spec, node, data_of(self.folder, node), self._ports, self.trust)
        write_properties(properties_of(self.folder, node), properties)
        if self.spec.kraft and node not in self.spec.controller_ids:
            format_broker(self.folder, node, self._cluster_id)

    def _add_scram_users(self) -> None:
        """After the start, since ZooKeeper mode cannot do it before."""
        for mechanism, user, password in self.spec.scram:
            change = ("--alter", "--add-config", f"{mechanism}=[password={password}]")
            self.tool("ConfigCommand", *change, "--entity-type", "users", "--entity-name", user)

    def _wait_until_ready(self, nodes: Collection[int]) -> None:
        """Wait until these nodes serve; one that ends meanwhile is an error, with its log."""

        def ready() -> bool:
            self._check_alive(nodes)
            return all(self._serves(node) for node in nodes)

        try:
            wait_for(ready, _START_SECONDS, f"{', '.join(self._servers[node].name for node in nodes)} ready")
        except TimeoutError as late:
            tails = "\n".join(self._servers[node].tail() for node in nodes if not self._serves(node))
            raise StartFailed(f"{late}\n{tails}") from None

    def _check_alive(self, nodes: Collection[int]) -> None:
        """Start a node again whose port somebody dialled from in the meantime; any other that ended is an error."""
        for server in (self._servers[node] for node in dict.fromkeys(nodes)):
            if server.running:
                continue
            if _IN_USE not in server.tail() or self.restarts[server.name] >= _MOST_STARTS:
                raise StartFailed(f"{server.name} ended\n{server.tail()}")
            self.restarts[server.name] += 1
            server.start()

    def _serves(self, node: int) -> bool:
        """Whether a broker is registered, unfenced, and knows every other that runs; whether a controller is led."""
        if self._is_zookeeper(node):
            return zookeeper_answers(self._ports.controller[node])
        if node in self.broker_ids:
            return brokers_seen_by(self._ports.internal[node]) >= set(self.live_broker_ids)
        return self.active_controller() is not None

    # What it is

    @property
    def broker_ids(self) -> tuple[int, ...]:
        return self.spec.broker_ids

    @property
    def controller_ids(self) -> tuple[int, ...]:
        """Who votes: brokers where combined, nodes of their own otherwise; in ZooKeeper mode, ZooKeeper."""
        return self.spec.controller_ids

    @property
    def live_broker_ids(self) -> tuple[int, ...]:
        """Of the processes that run and are not paused."""
        return tuple(node for node in self.broker_ids if self._servers[node].answering)

    @property
    def bootstrap(self) -> str:
        """The address of every broker's listener for clients."""
        return ",".join(self.address(node) for node in self.broker_ids)

    @property
    def internal_bootstrap(self) -> str:
        """The live brokers' addresses for the harness itself: no password, all rights."""
        return ",".join(f"127.0.0.1:{self._ports.internal[node]}" for node in self.live_broker_ids)

    def address(self, node: int) -> str:
        """A broker's listener for clients, as it is advertised."""
        ports = {**self._ports.client, **self._ports.advertised} if self.spec.secured else self._ports.internal
        return f"127.0.0.1:{ports[node]}"

    def advertise(self, ports: Mapping[int, int]) -> None:
        """Send clients to these ports, by broker; before it starts, and where clients have a listener of their own."""
        self._ports = replace(self._ports, advertised=ports)

    def controller_address(self, node: int) -> str:
        """Where a controller listens, for brokers and other controllers."""
        return f"127.0.0.1:{self._ports.controller[node]}"

    def pid(self, node: int) -> int:
        """The id of a node's process."""
        return self._servers[node].pid

    def log(self, node: int) -> str:
        """The end of a node's log."""
        return self._servers[node].tail()

    # What its nodes say

    def jmx_port(self, node: int) -> int:
        """Where the JMX exporter of a node listens, on /metrics."""
        return self._ports.jmx[node]

    def jmx(self, node: int) -> Page:
        """The page of a node's JMX exporter."""
        return read_page(self.jmx_port(node))

    def jmx_value(self, node: int, metric: str, **labels: str) -> float | None:
        """One value of that page; None if it is not there."""
        return self.jmx(node).get((metric, frozenset(labels.items())))

    def requests_per_api(self) -> Counter[str]:
        """How many requests the live brokers have had since they started, each other's and the harness's too.

        Fetch is the sum of FetchConsumer and FetchFollower, which are there as well.
        """
        requests: Counter[str] = Counter()
        for (metric, labels), value in chain.from_iterable(self.jmx(node).items() for node in self.live_broker_ids):
            if metric == "kafka_network_RequestMetrics_Count":
                requests[dict(labels)["request"]] += int(value)
        return requests

    def active_controller(self) -> int | None:
        """The node that says of itself that it is the active controller."""
        nodes = self.controller_ids if self.spec.kraft else self.broker_ids
        return next((node for node in nodes if self._servers[node].answering and self._is_active(node)), None)

    def _is_active(self, node: int) -> bool:
        try:
            return self.jmx_value(node, "kafka_controller_KafkaController_Value", name="ActiveControllerCount") == 1
        except (OSError, HTTPException):
            return False

    # How to get in

    def login(self, user: str = "agent", password: str | None = None, mechanism: str | None = None) -> Login:
        """A user with the right password, if none is given, and the first mechanism of the cluster."""
        known = self.spec.users.get(user, "") if password is None else password
        return Login(user, known, mechanism or self.spec.mechanisms[0])

    def client_settings(self, login: Login | None = None) -> dict[str, Any]:
        """The arguments of a kafka-python client of the listener for clients."""
        settings = python_settings(self.spec, self.trust, login or self.login())
        return {"bootstrap_servers": self.bootstrap.split(","), **settings}

    def client_config(self, login: Login | None = None) -> Path:
        """The same as a properties file for Kafka's own tools."""
        login = login or self.login()
        file = self.folder / f"client-{login.mechanism}-{login.user}-{secrets.token_hex(4)}.properties"
        return write_properties(file, tool_settings(self.spec, self.trust, login))

    def run_tool(self, main_class: str, *args: str) -> str:
        """Run any tool of this Kafka version with just these arguments."""
        return self._java.run_tool(main_class, *args)

    def tool(self, main_class: str, *args: str) -> str:
        """Run a tool against the live brokers, with all rights; a name such as TopicCommand will do."""
        return self.run_tool(main_class, "--bootstrap-server", self.internal_bootstrap, *args)

    def tool_as(self, login: Login, main_class: str, *args: str) -> str:
        """Run a tool as a user, by the listener for clients."""
        way_in = ("--bootstrap-server", self.bootstrap, "--command-config", str(self.client_config(login)))
        return self.run_tool(main_class, *way_in, *args)

    @contextmanager
    def modern_consumer(self, group: str, topic: str) -> Iterator[Server]:
        """A live member of a group of the new protocol (KIP-848): Kafka's console consumer."""
        way_in = ("--bootstrap-server", self.internal_bootstrap, "--consumer-property", "group.protocol=consumer")
        command = self._java.tool("ConsoleConsumer", *way_in, "--group", group, "--topic", topic, "--from-beginning")
        server = Server(f"consumer {group}", command, self.folder / f"consumer-{secrets.token_hex(4)}.log")
        server.start()
        try:
            wait_for(lambda: self.group_states().get(group) == "Stable", _JOIN_SECONDS, f"{group} stable")
            yield server
        finally:
            server.stop()
