"""Links that can be cut: small TCP proxies, all on one thread's event loop."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

_CHUNK = 65536


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def stop(self) -> None:
        self.run(self._cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _cancel(self) -> None:
        for server in self.servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(3):  # a transport closes in the loop's next turns
            await asyncio.sleep(0)


class Link:
    """From a port to another one. What is cut swallows what is sent, and says nothing; or it refuses."""

    def __init__(self, loop: Loop, to: int) -> None:
        self._loop, self._to = loop, to
        self.is_cut = self.refuses = False
        self._server: asyncio.Server = loop.run(self._serve())
        loop.servers.append(self._server)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._pass, "127.0.0.1", 0)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if self.refuses and self.is_cut:
                return writer.transport.abort()
            try:
                theirs, ours = await asyncio.open_connection("127.0.0.1", self._to)
            except OSError:
                return writer.transport.abort()
            await asyncio.gather(self._copy(reader, ours), self._copy(theirs, writer), return_exceptions=True)
        return None

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(_CHUNK):
                if not self.is_cut:
                    sink.write(data)
                    await sink.drain()
        finally:
            with suppress(OSError, RuntimeError):
                sink.close()
