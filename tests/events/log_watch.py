"""Waiting for what the product says in its log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Watch(logging.Handler):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.said = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self.text in record.getMessage():
            self.said.set()


@contextmanager
def said(logger: str, text: str, deadline: float = 20.0) -> Iterator[None]:
    """At the end of the block, wait until the logger has said something that contains `text`."""
    watch = _Watch(text)
    logging.getLogger(logger).addHandler(watch)
    try:
        yield
        assert watch.said.wait(deadline), f"{logger} did not say {text!r}"
    finally:
        logging.getLogger(logger).removeHandler(watch)
