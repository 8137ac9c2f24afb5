"""What a test asks of a Kafka cluster, and the properties of the nodes that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.real.certificates import Identity, java_stores
from tests.real.processes import free_ports

CONTROLLER_IDS: Final = 100
"""Controllers of their own are numbered from here; brokers from 1."""
_MODULES: Final = "org.apache.kafka.common.security"
_AUTHORIZERS: Final = {
    True: "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    False: "kafka.security.authorizer.AclAuthorizer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The options of a cluster."""

    version: str = "4.3.0"
    brokers: int = 3
    controllers: int = 1
    """KRaft controllers of their own; from version 3 on, and not when combined."""
    combined: bool = False
    """Whether every broker is a controller too."""
    racks: tuple[str, ...] = ()
    """One for each broker; none if empty."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Laid over the properties of every node."""
    listen_at: Mapping[int, int] = field(default_factory=dict)
    """Ports that brokers must listen at, by their ids, instead of free ones."""
    heap_mb: int = 320
    security: str = "PLAINTEXT"
    """Of the listener for clients: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    clients_apart: bool = False
    """Whether clients have a listener of their own where it is PLAINTEXT, too: it can be advertised elsewhere."""
    mechanisms: tuple[str, ...] = ("SCRAM-SHA-512",)
    """Where the clients' listener speaks SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER."""
    users: Mapping[str, str] = field(default_factory=lambda: {"agent": "agent-secret"})
    """Names and passwords for PLAIN and SCRAM."""
    mtls: bool = False
    """Whether clients must show a certificate (SSL)."""
    authorizer: bool = False
    """Whether ACLs are enforced. The brokers, and the harness itself, are super users."""
    super_users: tuple[str, ...] = ()
    """More of them, such as User:admin."""
    reauth_ms: int = 0
    """connections.max.reauth.ms, if not 0."""
    jmx_objects: tuple[str, ...] = ()
    """More MBeans for the exporter's page, such as kafka.log:type=Log,* (long pages)."""

    @property
    def kraft(self) -> bool:
        """Whether the cluster runs without ZooKeeper."""
        return not self.version.startswith("2.")

    @property
    def secured(self) -> bool:
        """Whether clients have a listener of their own, next to the plaintext one of the brokers and the harness."""
        return self.clients_apart or self.security != "PLAINTEXT"

    @property
    def sasl(self) -> bool:
        return self.security.startswith("SASL_")

    @property
    def tls(self) -> bool:
        return self.security.endswith("SSL")

    @property
    def broker_ids(self) -> tuple[int, ...]:
        return tuple(range(1, self.brokers + 1))

    @property
    def controller_ids(self) -> tuple[int, ...]:
        """Who votes in the quorum; in ZooKeeper mode, ZooKeeper."""
        if self.combined:
            return self.broker_ids
        return tuple(CONTROLLER_IDS + n for n in range(self.controllers if self.kraft else 1))

    @property
    def scram(self) -> tuple[tuple[str, str, str], ...]:
        """Mechanism, user and password of whom the cluster itself must remember."""
        kept = [each for each in self.mechanisms if self.sasl and each.startswith("SCRAM-")]
        return tuple((mechanism, user, password) for mechanism in kept for user, password in self.users.items())

    @property
    def node_ids(self) -> tuple[int, ...]:
        return tuple(sorted({*self.broker_ids, *self.controller_ids}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of a cluster, by node."""

    controller: Mapping[int, int]
    internal: Mapping[int, int]
    client: Mapping[int, int]
    jmx: Mapping[int, int]
    advertised: Mapping[int, int] = field(default_factory=dict)
    """Where clients are sent instead of the clients' listener; to that itself where empty."""

    @classmethod
    def chosen_for(cls, spec: Spec) -> Self:
        """Free ones, all at once so that they differ."""
        client = spec.broker_ids if spec.secured else ()
        users = {"controller": spec.controller_ids, "internal": spec.broker_ids, "client": client, "jmx": spec.node_ids}
        ports = iter(free_ports(sum(map(len, users.values()))))
        chosen = {name: dict(zip(nodes, ports, strict=False)) for name, nodes in users.items()}
        chosen["internal"] |= spec.listen_at
        return cls(**chosen)


@dataclass(frozen=True, slots=True)
class Trust:
    """The certificates of a cluster."""

    authority: Path
    server: Identity
    client: Identity


def zookeeper_properties(folder: Path, port: int) -> dict[str, str]:
    """A ZooKeeper that notices quickly that a broker is gone."""
    return {
        "dataDir": str(folder),
        "clientPort": str(port),
        "clientPortAddress": "127.0.0.1",
        "tickTime": "500",
        "maxSessionTimeout": "30000",
        "admin.enableServer": "false",
        "4lw.commands.whitelist": "*",
    }


def node_properties(spec: Spec, node: int, folder: Path, ports: Ports, trust: Trust | None) -> dict[str, str]:
    """All of server.properties for one node."""
    return {
        **_quick(spec),
        "log.dirs": str(folder),
        **(_kraft(spec, node, ports) if spec.kraft else _zookeeper(spec, node, ports)),
        **_listeners(spec, node, ports),
        **(_broker(spec, node) if node in spec.broker_ids else {}),
        **(_tls(spec, trust) if trust and node in spec.broker_ids else {}),
        **(_sasl(spec) if spec.sasl and node in spec.broker_ids else {}),
        **(_authorizer(spec) if spec.authorizer else {}),
        **spec.properties,
    }


def _quick(spec: Spec) -> dict[str, str]:
    """A small node that notices failures soon."""
    copies = str(min(3, spec.brokers))
    return {
        "num.network.threads": "2",
        "num.io.threads": "4",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "10",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "5",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": "1",
        "log.index.size.max.bytes": "65536",
        "replica.lag.time.max.ms": "5000",
        "auto.leader.rebalance.enable": "false",
        "auto.create.topics.enable": "false",
    }


def _kraft(spec: Spec, node: int, ports: Ports) -> dict[str, str]:
    roles = {"broker": spec.broker_ids, "controller": spec.controller_ids}
    return {
        "process.roles": ",".join(role for role, nodes in roles.items() if node in nodes),
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{id_}@127.0.0.1:{port}" for id_, port in ports.controller.items()),
        "controller.listener.names": "CONTROLLER",
        "broker.session.timeout.ms": "6000",
    }


def _zookeeper(spec: Spec, node: int, ports: Ports) -> dict[str, str]:
    (quorum,) = spec.controller_ids
    return {
        "broker.id": str(node),
        "zookeeper.connect": f"127.0.0.1:{ports.controller[quorum]}",
        "zookeeper.session.timeout.ms": "6000",
    }


def _listeners(spec: Spec, node: int, ports: Ports) -> dict[str, str]:
    names = {"PLAINTEXT": ports.internal, "CLIENT": ports.client}
    protocols = {"PLAINTEXT": "PLAINTEXT", "CLIENT": spec.security}
    if spec.kraft:
        names["CONTROLLER"], protocols["CONTROLLER"] = ports.controller, "PLAINTEXT"
    own = {name: f"{name}://127.0.0.1:{of[node]}" for name, of in names.items() if node in of}
    told = {name: where for name, where in own.items() if name != "CONTROLLER"}
    if node in ports.advertised:
        told["CLIENT"] = f"CLIENT://127.0.0.1:{ports.advertised[node]}"
    return {
        "listeners": ",".join(own.values()),
        **({"advertised.listeners": ",".join(told.values())} if node in ports.advertised else {}),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
    }


def _broker(spec: Spec, node: int) -> dict[str, str]:
    rack = {"broker.rack": spec.racks[spec.broker_ids.index(node)]} if spec.racks else {}
    return {"inter.broker.listener.name": "PLAINTEXT", **rack}


def _tls(spec: Spec, trust: Trust) -> dict[str, str]:
    settings = java_stores(trust.authority, trust.server)
    settings["ssl.client.auth"] = "required" if spec.mtls else "none"
    return {f"listener.name.client.{name}": value for name, value in settings.items()}


def _sasl(spec: Spec) -> dict[str, str]:
    reauth = {"connections.max.reauth.ms": str(spec.reauth_ms)} if spec.reauth_ms else {}
    jaas = {
        f"listener.name.client.{mechanism.lower()}.sasl.jaas.config": _server_jaas(spec, mechanism)
        for mechanism in spec.mechanisms
    }
    return {"listener.name.client.sasl.enabled.mechanisms": ",".join(spec.mechanisms), **jaas, **reauth}


def _server_jaas(spec: Spec, mechanism: str) -> str:
    if mechanism == "PLAIN":
        users = " ".join(f'user_{name}="{password}"' for name, password in spec.users.items())
        return f"{_MODULES}.plain.PlainLoginModule required {users};"
    if mechanism == "OAUTHBEARER":
        # Without a validator of our own the broker takes unsecured tokens ("alg": "none").
        return f'{_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
    return f"{_MODULES}.scram.ScramLoginModule required;"


def _authorizer(spec: Spec) -> dict[str, str]:
    return {
        "authorizer.class.name": _AUTHORIZERS[spec.kraft],
        "super.users": ";".join(("User:ANONYMOUS", *spec.super_users)),
    }
