"""A check-up of one cluster: each step from the name to the last right that the agent needs, with its own verdict."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

from streamwatch.core.errors import SourceDenied, SourceError, SourceForeign
from streamwatch.core.tasks import next_turns
from streamwatch.model.finding import Finding, Verdict
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import METADATA
from streamwatch.sources.kafka.auth import NoRole
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import BrokerSession, ControllerPort, Dialer, as_source_errors
from streamwatch.sources.kafka.metadata import Registered, decode
from streamwatch.sources.kafka.rights import Right, check_rights
from streamwatch.sources.kafka.wire import KafkaConnection, open_connection


async def examine(config: Config) -> AsyncIterator[Finding]:
    """Check every bootstrap server and broker, then what the agent may ask of the cluster."""
    dialer = Dialer(config)
    brokers: dict[tuple[str, int], Registered] = {}
    seen: set[tuple[str, int]] = set()
    checked = False
    addresses = [(server.host, server.port) for server in config.bootstrap]
    while addresses:
        address = addresses.pop(0)
        if address in seen:
            continue
        seen.add(address)
        known_as = f"broker {brokers[address].id} " if address in brokers else ""
        target = f"{known_as}{address[0]}:{address[1]}"
        session: BrokerSession | None = None
        async for finding, session in _reach(dialer, config, target, *address):  # noqa: B007 - the last one is kept
            yield finding
        if session is None:
            continue
        if not checked:
            checked = True
            dialer.identity.learn(session.cluster_id)
            async for right in check_rights(session, config):
                yield _as_finding(config.name, right)
            for broker in await _brokers(session, config):
                brokers[broker.host, broker.port] = broker
            addresses += [known for known in brokers if known not in seen]
        session.connection.close(SourceError("the check-up is over"))
    await next_turns()


async def _reach(
    dialer: Dialer, config: Config, target: str, host: str, port: int
) -> AsyncIterator[tuple[Finding, BrokerSession | None]]:
    """Go step by step as far as it goes; the session comes with the last step."""
    timeout = config.connect_timeout
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield Finding(target, "name", "failed", str(error.strerror or error), "check the name and the resolver"), None
        return
    ips = sorted({str(entry[4][0]) for entry in found})
    yield Finding(target, "name", "ok", ", ".join(ips)), None
    try:
        async with asyncio.timeout(timeout):
            plain = await open_connection(
                host, port, tls=None, client_id=config.client_id, max_frame=config.max_frame, budget=dialer.budget
            )
    except TimeoutError:
        remedy = "packets are dropped: check the firewall, the security group and the route to this port"
        yield Finding(target, "tcp", "failed", f"no connection within {timeout:g}s", remedy), None
        return
    except SourceError as error:
        yield Finding(target, "tcp", "failed", str(error), "is a broker running there, on this port?"), None
        return
    plain.close(SourceError("the check-up goes on with a new connection"))
    yield Finding(target, "tcp", "ok", "connected"), None
    step = "tls" if config.tls else "kafka"
    connection: KafkaConnection | None = None
    try:
        with as_source_errors():
            async with asyncio.timeout(timeout):
                connection = await dialer.connect(host, port)
            if config.tls:
                yield Finding(target, "tls", "ok", _peer(connection.tls)), None
            step = "kafka"
            async with asyncio.timeout(timeout):
                session = await dialer.negotiate(connection)
            yield Finding(target, "kafka", "ok", f"{len(session.versions)} APIs in common"), None
            step = "login"
            await dialer.prepare()
            async with asyncio.timeout(timeout):
                await dialer.authenticate(session, host)
                await dialer.prove(session)
    except (TimeoutError, SourceError) as error:
        if connection is not None:
            connection.close(SourceError("the check-up goes on elsewhere"))
        yield _broken(target, step, error, timeout), None
        return
    who = f"{config.sasl.mechanism}: accepted" if config.sasl else "no SASL: the listener lets anyone in"
    yield Finding(target, "login", "ok", f"{who}; from {dialer.provider}" if dialer.provider else who), None
    try:
        dialer.identity.check(session.cluster_id, f"{host}:{port}")
    except SourceForeign as error:
        session.connection.close(error)
        remedy = "take the address out of `bootstrap`, or set `cluster_id` to the id of the cluster that is meant"
        yield Finding(target, "cluster", "failed", str(error), remedy), None
        return
    yield Finding(target, "cluster", "ok", f"id {session.cluster_id}" if session.cluster_id else "gives no id"), session


def _broken(target: str, step: str, error: Exception, timeout: float) -> Finding:
    detail = str(error) or f"no answer within {timeout:g}s"
    remedies = {
        "tls": "give the CA that signed the brokers' certificates as `tls.ca_file`, and the names that they carry",
        "kafka": "is this a Kafka listener, and does it want TLS or a client certificate?",
        "login": "check `sasl`: mechanism, user name, password or token",
    }
    if isinstance(error, ControllerPort):
        remedies["kafka"] = "give the port of a broker's listener, not of `controller.listener.names`"
    if isinstance(error, NoRole):
        remedies["login"] = "check the agent's role, or `sasl.aws_profile`, and its right kafka-cluster:Connect"
    if step == "login" and not isinstance(error, SourceDenied):
        remedies["login"] = "does this listener want `sasl`? Look into the broker's log for this connection"
    return Finding(target, step, "failed", detail, remedies[step])


async def _brokers(session: BrokerSession, config: Config) -> tuple[Registered, ...]:
    version = session.versions[METADATA.key]
    async with asyncio.timeout(config.request_timeout):
        answer = await session.connection.send(METADATA, version, METADATA.encode(version, topics=[])).answer
    return decode(answer, version).brokers


def _as_finding(cluster: str, right: Right) -> Finding:
    verdict: Verdict = "ok"
    remedy = ""
    if right.code in codes.DENIED and right.optional:
        detail = f"not allowed, and not needed: {right.needs} would name the transactions that hold readers back"
        return Finding(f"cluster {cluster}", right.api, "skipped", detail)
    if right.code in codes.DENIED:
        verdict, remedy = "failed", f"grant {right.needs}"
    elif right.code or right.problem:
        verdict, remedy = "warning", right.remedy
    detail = right.problem or (codes.explain(right.code) if right.code else right.detail)
    return Finding(f"cluster {cluster}", right.api, verdict, detail, remedy)


def _peer(tls: ssl.SSLObject | None) -> str:
    if tls is None:
        return "in the clear"
    cipher = tls.cipher()
    return f"{tls.version()}, {cipher[0]}" if cipher else str(tls.version())
