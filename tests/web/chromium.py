"""A real browser for tests: headless Chromium, spoken to over its DevTools protocol.

`page = await browser.open(url)` returns when the page has loaded, with all that went wrong in it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

DEADLINE = 30.0
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root, which Chromium refuses otherwise; only our own pages are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
    "--window-size=1600,1000",
    "--remote-debugging-port=0",
)
# Whatever a hostile text would call; a call is reported to the test.
ALARM = "xss"
_DEFINE_ALARM = f"window.{ALARM} = (what) => window.reportAlarm(String(what) + ' on ' + location.href);"


@dataclass
class Trouble:
    """What happened since the last page was opened, and should not have."""

    alarms: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def found(self) -> dict[str, list[str]]:
        return {name: entries for name, entries in vars(self).items() if entries}


class Browser:
    """One tab. Use `chromium()` to get it."""

    def __init__(self, socket: ClientConnection, origin: str) -> None:
        self._socket = socket
        self._origin = origin
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._quiet = asyncio.Event()
        self.trouble = Trouble()

    async def listen(self) -> None:
        """Take in what the browser says, until it is gone."""
        with suppress(ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                if (answer := self._answers.pop(message.get("id", 0), None)) is not None:
                    answer.set_result(message)
                elif "method" in message:
                    await self._note(message["method"], message["params"])

    async def _note(self, event: str, facts: dict[str, Any]) -> None:
        trouble = self.trouble
        match event:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Page.lifecycleEvent" if facts["name"] == "networkIdle":
                self._quiet.set()
            case "Page.javascriptDialogOpening":
                trouble.dialogs.append(facts["message"])
                await self._send("Page.handleJavaScriptDialog", {"accept": False})
            case "Runtime.bindingCalled":
                trouble.alarms.append(facts["payload"])
            case "Runtime.exceptionThrown":
                trouble.errors.append(_exception(facts["exceptionDetails"]))
            case "Log.entryAdded" if facts["entry"]["level"] == "error":
                trouble.errors.append(f"{facts['entry']['text']} {facts['entry'].get('url', '')}")
            case "Network.requestWillBeSent" if not facts["request"]["url"].startswith((self._origin, "data:")):
                trouble.elsewhere.append(facts["request"]["url"])

    async def _send(self, method: str, parameters: dict[str, Any] | None = None) -> int:
        message_id = next(self._ids)
        await self._socket.send(json.dumps({"id": message_id, "method": method, "params": parameters or {}}))
        return message_id

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the browser's answer to one command of its protocol."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        # Nothing is awaited between taking the id and noting who waits for it.
        message_id = next(self._ids)
        self._answers[message_id] = answer
        await self._socket.send(json.dumps({"id": message_id, "method": method, "params": parameters}))
        async with asyncio.timeout(DEADLINE):
            message = await answer
        assert "error" not in message, f"{method}: {message['error']}"
        result: dict[str, Any] = message["result"]
        return result

    async def prepare(self) -> None:
        """Watch the tab, and put the alarm in every page of it before its own scripts run."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.setLifecycleEventsEnabled", enabled=True)
        await self.ask("Runtime.addBinding", name="reportAlarm")
        await self.ask("Page.addScriptToEvaluateOnNewDocument", source=_DEFINE_ALARM)

    async def cookie(self, name: str, value: str) -> None:
        """Give the browser a cookie of the origin."""
        await self.ask("Network.setCookie", name=name, value=value, url=self._origin)

    async def open(self, path: str, *, quiet: bool = True) -> Trouble:
        """Open a page, wait until it has loaded (and asked for all it wants later), and return what went wrong."""
        self.trouble = Trouble()
        self._loaded.clear()
        self._quiet.clear()
        await self.ask("Page.navigate", url=path if ":" in path else self._origin + path)
        async with asyncio.timeout(DEADLINE):
            await self._loaded.wait()
            if quiet:
                await self._quiet.wait()
        return self.trouble

    async def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, _exception(answer["exceptionDetails"])
        return answer["result"].get("value")


def _exception(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details["text"])


@asynccontextmanager
async def chromium(directory: Path, origin: str) -> AsyncIterator[Browser]:
    """Start a browser with a profile of its own in `directory`; what leaves `origin` counts as trouble."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is not installed: apt-get install chromium"
    process = await asyncio.create_subprocess_exec(
        program, *_OPTIONS, f"--user-data-dir={directory}", "about:blank", stderr=asyncio.subprocess.PIPE
    )
    try:
        port = await _port(process)
        async with connect(await _tab(port), max_size=None, compression=None, ping_interval=None) as socket:
            browser = Browser(socket, origin)
            # No task group: pytest begins and ends a fixture in different tasks.
            tasks = [asyncio.create_task(_drain(process)), asyncio.create_task(browser.listen())]
            await browser.prepare()
            yield browser
            await browser.ask("Browser.close")
            await asyncio.gather(*tasks)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _port(process: asyncio.subprocess.Process) -> int:
    """Return the port on which the browser takes commands; it says so when it is ready."""
    said: list[str] = []
    async with asyncio.timeout(DEADLINE):
        while line := (await _errors(process).readline()).decode(errors="replace"):
            said.append(line)
            if line.startswith("DevTools listening on "):
                return int(line.split(":")[2].split("/")[0])
    raise AssertionError(f"chromium has ended: {said}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read what nobody needs, so that the browser never waits for it to be read."""
    while await _errors(process).read(65536):
        pass


def _errors(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert process.stderr is not None
    return process.stderr


async def _tab(port: int) -> str:
    async with httpx.AsyncClient(timeout=DEADLINE) as client:
        tabs = (await client.get(f"http://127.0.0.1:{port}/json/list")).json()
    return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
