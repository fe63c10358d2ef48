"""The pytest plugin that looks, when a run has ended, whether a secret stands where it must not.

It reads the logs of every process that a test has started, every document of every database, everything that came over
MQTT, and every answer with a status of 400 or more that a test has seen. What it finds fails the run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as mqtt
import pytest
from bson.raw_bson import RawBSONDocument
from paho.mqtt.enums import CallbackAPIVersion
from pymongo import MongoClient

from csms.embedded.stack import Stack
from tests.embedded.plugin import STACK
from tests.leaks import Leak, leaks_in

OUTPUT = "leaks"
# MongoDB's own; and what must know them: the key that a station is being given, until it has answered; the URL that a
# station is told, for which there is no other place until it has connected.
_NO_SECRETS_IN = {"admin", "local", "config"}
_MAY_KEEP = {"commands.secret", "commands.payload"}


class Watch:
    """What one process of the run has seen."""

    def __init__(self, config: pytest.Config, stack: Stack) -> None:
        self._config = config
        self._stack = stack
        self._lock = threading.Lock()
        self._found: list[Leak] = []
        self._broker = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._broker.on_connect = lambda client, *_: client.subscribe("#", qos=0)
        self._broker.on_message = lambda _client, _data, message: self.see(
            bytes(message.payload), f"MQTT {message.topic}"
        )

    def start(self) -> None:
        """Listen to the broker and to the answers of every HTTP client."""
        address = urlsplit(self._stack.urls()["mqtt"])
        self._broker.connect(str(address.hostname), address.port or 1883)
        self._broker.loop_start()
        _tap(self)

    def see(self, data: bytes, where: str) -> None:
        """Look through something that was written or sent."""
        found = list(leaks_in(data, where))
        with self._lock:
            self._found += found

    def finish(self) -> list[Leak]:
        """Look through what lies on the disk and in the databases, and return all that was found."""
        self._broker.loop_stop()
        self._broker.disconnect()
        for file in self._logs():
            self.see(file.read_bytes(), str(file))
        for where, document in _documents(self._stack.urls()["mongodb"]):
            self.see(document, where)
        return self._found

    def _logs(self) -> Iterator[Path]:
        # Directories of one test hold the files that tests have made themselves, secrets of theirs among them.
        factory: Any = getattr(self._config, "_tmp_path_factory", None)
        if factory is not None:
            yield from (file for file in factory.getbasetemp().rglob("*.log") if file.is_file())


def _tap(watch: Watch) -> None:
    for client in (httpx.Client, httpx.AsyncClient):
        client._init_watch = client.__init__  # type: ignore[union-attr]

        def init(self: Any, *args: Any, **options: Any) -> None:
            hooks = options.setdefault("event_hooks", {})
            see = _see_later if isinstance(self, httpx.AsyncClient) else _see_now
            hooks.setdefault("response", []).append(see(watch))
            self._init_watch(*args, **options)

        client.__init__ = init  # type: ignore[method-assign]


def _see_now(watch: Watch) -> Any:
    def seen(answer: httpx.Response) -> None:
        if answer.status_code >= 400:
            watch.see(answer.read(), f"{answer.request.method} {answer.url.path} {answer.status_code}")

    return seen


def _see_later(watch: Watch) -> Any:
    async def seen(answer: httpx.Response) -> None:
        if answer.status_code >= 400:
            watch.see(await answer.aread(), f"{answer.request.method} {answer.url.path} {answer.status_code}")

    return seen


def _documents(url: str) -> Iterator[tuple[str, bytes]]:
    client: MongoClient[RawBSONDocument] = MongoClient(url, document_class=RawBSONDocument)
    try:
        for name in client.list_database_names():
            if name in _NO_SECRETS_IN:
                continue
            for collection in client[name].list_collection_names():
                hidden = {path.partition(".")[2]: 0 for path in _MAY_KEEP if path.startswith(f"{collection}.")}
                for document in client[name][collection].find({}, hidden or None):
                    yield f"{name}.{collection}", bytes(document.raw)
    finally:
        client.close()


_WATCH = pytest.StashKey[Watch]()


def pytest_sessionstart(session: pytest.Session) -> None:
    stack = session.config.stash.get(STACK, None)
    if stack is not None:
        watch = session.config.stash[_WATCH] = Watch(session.config, stack)
        watch.start()


def pytest_sessionfinish(session: pytest.Session) -> None:
    watch = session.config.stash.get(_WATCH, None)
    leaks = [f"{leak.what} in {leak.where}: {leak.around!r}" for leak in watch.finish()] if watch else []
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[OUTPUT] = leaks  # a worker: its controller tells
    else:
        _told(session.config).extend(leaks)
        if _told(session.config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _told(node.config).extend(getattr(node, "workeroutput", {}).get(OUTPUT, []))


_TOLD = pytest.StashKey[list[str]]()


def _told(config: pytest.Config) -> list[str]:
    return config.stash.setdefault(_TOLD, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    told = _told(config)
    if told:
        terminalreporter.section("secrets where they must not be", red=True)
        for line in sorted(set(told))[:50]:
            terminalreporter.write_line(line)
