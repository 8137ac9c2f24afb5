"""Debian's Chromium, driven by its own protocol over two pipes: no driver, no port, nothing from the network."""

import base64
import json
import os
import select
import subprocess
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.real import artefacts

_FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip
_TO_BROWSER, _FROM_BROWSER = 3, 4
_PIECE: Final = 1 << 16
_SECONDS: Final = 60


class Browser:
    """One browser with one page, as a context manager."""

    def __init__(self) -> None:
        self._program = artefacts.program("chromium")
        self._stack = ExitStack()
        self._session = ""
        self._last = 0
        self._left = b""
        self._is_loaded = False
        self.said: list[str] = []
        """What went to the console, exceptions and refused requests too."""

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        its_in, self._out = os.pipe()
        self._in, its_out = os.pipe()

        def plumb() -> None:
            # Duplicates first: one of the ends may itself be number 3 or 4.
            first, second = os.dup(its_in), os.dup(its_out)
            os.dup2(first, _TO_BROWSER)
            os.dup2(second, _FROM_BROWSER)

        self._process = subprocess.Popen(
            [self._program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=plumb,  # noqa: PLW1509 - the only way to give a child these numbers
            pass_fds=(_TO_BROWSER, _FROM_BROWSER, its_in, its_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(self._end)
        os.close(its_in)
        os.close(its_out)
        target = self._send("Target.createTarget", {"url": "about:blank"}, at_page=False)["targetId"]
        attach = {"targetId": target, "flatten": True}
        self._session = self._send("Target.attachToTarget", attach, at_page=False)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.do(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def do(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to the page, and return its result."""
        return self._send(method, params, at_page=True)

    def _send(self, method: str, params: dict[str, Any], *, at_page: bool) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if at_page:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._last:
                assert "error" not in told, f"{method}: {told['error']}"
                found: dict[str, Any] = told["result"]
                return found

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            assert select.select([self._in], [], [], _SECONDS)[0], f"the browser has said nothing for {_SECONDS} s"
            piece = os.read(self._in, _PIECE)
            assert piece, "the browser has ended"
            self._left += piece
        one, _, self._left = self._left.partition(b"\0")
        told: dict[str, Any] = json.loads(one)
        self._hear(told)
        return told

    def _hear(self, told: dict[str, Any]) -> None:
        match told.get("method"):
            case "Page.loadEventFired":  # perhaps before the answer to what made it load
                self._is_loaded = True
            case "Runtime.consoleAPICalled":
                self.said.append(f"console: {told['params']['args']}")
            case "Runtime.exceptionThrown":
                self.said.append(f"exception: {told['params']['exceptionDetails']}")
            case "Log.entryAdded":
                self.said.append(f"log: {told['params']['entry']['text']}")

    def open(self, url: str, *, width: int, height: int = 900, dark: bool = False, scripts: bool = True) -> None:
        """Go to a page, and wait until it is loaded."""
        self.do("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self._is_loaded = False
        self.do("Page.navigate", url=url)
        while not self._is_loaded:
            self._next()

    def resize(self, width: int, height: int) -> None:
        """Give the window a size; a narrow one is a phone's."""
        self.do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def evaluate(self, expression: str) -> Any:
        """Return what JavaScript says."""
        told = self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        codes = {"Tab": 9, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.do("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Take a screenshot."""
        told = self.do("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with closing(file.open("wb")) as out:
            out.write(base64.b64decode(told["data"]))
