"""The pytest plugin that looks, when a run has ended, whether a secret stands where it must not.

It reads the logs of every process that a test has started, what this one has written meanwhile, every document of
every database, everything that came over MQTT, and every answer over HTTP that a test has seen, from a server or from
Django's test client. Answers that are meant to show a secret teach it that secret. What it finds fails the run.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as mqtt
import pytest
from bson.raw_bson import RawBSONDocument
from django.test.client import ClientHandler
from paho.mqtt.enums import CallbackAPIVersion
from pymongo import MongoClient

from csms.embedded.stack import Stack
from tests.embedded.plugin import STACK
from tests.leaks import SHOWN_SECRET, Leak, keep_secret, leaks_in

OUTPUT = "leaks"
# MongoDB's own; and what must know them: the key that a station is being given, until it has answered; the URL that a
# station is told, for which there is no other place until it has connected.
_NO_SECRETS_IN = {"admin", "local", "config"}
_MAY_KEEP = {"commands.secret", "commands.payload"}


# The answers that show a new key, token or second factor, each only to whoever has asked for it.
_SHOWS_A_SECRET = re.compile(
    r"POST /api/v1/(auth/token(/refresh)?|api-keys|chargepoints(/[^/]+/credentials)?)"
    r"|POST /admin/(chargepoints/chargepoint/(add|[^/]+/new-key)|tenants/apikey/add)"
    r"|(GET|POST) /admin/second-factor"
)


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
        # The tests' own client, which tells every URL, links for uploads too. The product does without it.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        _tap(self)

    def see(self, data: bytes, where: str) -> None:
        """Look through something that was written or sent."""
        found = list(leaks_in(data, where))
        with self._lock:
            self._found += found

    def see_answer(self, method: str, path: str, status: int, body: bytes) -> None:
        """Look through an answer over HTTP, or learn the secret that it is meant to show."""
        if status < 400 and _SHOWS_A_SECRET.fullmatch(f"{method} {path.rstrip('/')}"):
            for word in SHOWN_SECRET.findall(body):
                keep_secret(word.decode())
        else:
            self.see(body, f"{method} {path} {status}")

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
    answer_to = ClientHandler.__call__

    def answered(self: Any, environ: Any) -> Any:
        answer = answer_to(self, environ)
        request = answer.wsgi_request
        see = partial(watch.see_answer, request.method, request.path, answer.status_code)
        if answer.streaming:
            passing = _seen_passing_later if answer.is_async else _seen_passing
            answer.streaming_content = passing(answer.streaming_content, see)
        else:
            see(answer.content)
        return answer

    ClientHandler.__call__ = answered


def _seen_passing(parts: Iterator[bytes], see: Callable[[bytes], None]) -> Iterator[bytes]:
    for part in parts:
        see(part)
        yield part


async def _seen_passing_later(parts: AsyncIterator[bytes], see: Callable[[bytes], None]) -> AsyncIterator[bytes]:
    async for part in parts:
        see(part)
        yield part


def _is_read(answer: httpx.Response) -> bool:
    # A test that streams a file wants it piece by piece.
    return answer.status_code >= 400 or "content-length" in answer.headers


def _see_now(watch: Watch) -> Any:
    def seen(answer: httpx.Response) -> None:
        if _is_read(answer):
            watch.see_answer(answer.request.method, answer.url.path, answer.status_code, answer.read())

    return seen


def _see_later(watch: Watch) -> Any:
    async def seen(answer: httpx.Response) -> None:
        if _is_read(answer):
            watch.see_answer(answer.request.method, answer.url.path, answer.status_code, await answer.aread())

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
        session.config.pluginmanager.register(_Output(watch))


def pytest_sessionfinish(session: pytest.Session) -> None:
    watch = session.config.stash.get(_WATCH, None)
    leaks = [f"{leak.what} in {leak.where}: {leak.around!r}" for leak in watch.finish()] if watch else []
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[OUTPUT] = leaks  # a worker: its controller tells
    else:
        _told(session.config).extend(leaks)
        if _told(session.config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


class _Output:
    """Has the watch look through what a test has left on stdout, stderr and in the log."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":  # the last one has all sections
            for name, text in report.sections:
                self._watch.see(text.encode(errors="replace"), f"{report.nodeid}: {name}")


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
