"""One broker on the network: its listeners, its connections, its handler threads."""

import asyncio
import errno
from collections.abc import Callable
from functools import partial

from streamwatch.reference.http import stop
from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.connection import ClientConnection
from streamwatch.reference.kafka.request_channel import RequestChannel
from streamwatch.reference.kafka.site import KafkaListener, Site

_BACKLOG = 128
_RETRIES = 50
_RETRY_SECONDS = 0.1


class Node:
    """A broker's network side. What is running, frozen or dead is the model's to say; this follows."""

    def __init__(self, site: Site, broker: Broker, pulse: Callable[[], None]) -> None:
        self._site = site
        self._broker = broker
        self._channel = RequestChannel(site, broker, pulse)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def listen(self, host: str, ports: dict[str, int]) -> None:
        """Open every listener; port 0 stands for one of the system's choice, which is kept for later starts."""
        for listener in self._site.access.listeners:
            port = self._site.addresses.get((self._broker.id, listener.name), (host, ports.get(listener.name, 0)))[1]
            server = await self._bound(listener, host, port)
            self._servers.append(server)
            self._site.addresses[self._broker.id, listener.name] = (host, server.sockets[0].getsockname()[1])

    async def _bound(self, listener: KafkaListener, host: str, port: int) -> asyncio.Server:
        for attempt in range(_RETRIES):
            try:
                return await asyncio.start_server(
                    partial(self._accept, listener), host, port, ssl=listener.tls, backlog=_BACKLOG
                )
            except OSError as error:
                if error.errno != errno.EADDRINUSE or attempt == _RETRIES - 1 or port == 0:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)  # somebody dialled from this port while the broker was dead
        raise OSError(errno.EADDRINUSE, f"port {port} is taken")

    async def _accept(
        self, listener: KafkaListener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is None or not self._broker.is_running:
            writer.close()
            return
        self._connections[task] = writer
        self._channel.measures.connections[listener.name] += 1
        self._channel.measures.connections_created[listener.name] += 1
        try:
            await ClientConnection(self._channel, listener, reader, writer).serve()
        except asyncio.CancelledError:
            pass  # the broker died, or the cluster ends
        finally:
            self._connections.pop(task, None)
            self._channel.measures.connections[listener.name] -= 1
            self._channel.measures.connections_closed[listener.name] += 1

    async def follow(self, host: str) -> None:
        """Do on the network what happened to the broker in the model."""
        if self._broker.is_frozen:
            self._channel.awake.clear()
        else:
            self._channel.awake.set()
        if not self._broker.is_running and self._servers:
            await self.close()
        elif self._broker.is_running and not self._servers:
            await self.listen(host, {})

    async def close(self) -> None:
        """Close every listener and connection at once, as the death of a process does."""
        servers, self._servers = self._servers, []
        await stop(servers)
        tasks = list(self._connections.items())
        for task, writer in tasks:
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
