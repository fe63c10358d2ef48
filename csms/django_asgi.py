"""Django as an ASGI application for a process that has stations to serve beside it.

Two things differ from Django's own. Middleware and view run from end to end in the request's thread, instead of
changing between thread and event loop for every step of the middleware. And only so many requests run at a time; the
others wait without a thread: hundreds of threads at once would fight for the interpreter, and the event loop, on which
the frames of stations are served, would lose most.
"""

from __future__ import annotations

import asyncio
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase

# Each needs the interpreter for most of its time, so more of them at once would not be served sooner.
AT_ONCE = 8
# Whoever has found no place by then is told to come back.
PATIENCE_SECONDS = 15.0


class DjangoApplication(ASGIHandler):
    """Django's handler around its synchronous middleware, with room for `AT_ONCE` requests."""

    def __init__(self) -> None:
        super().__init__()
        self._places = asyncio.Semaphore(AT_ONCE)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer of middleware and view. The body has been read, and nothing is sent yet: a slow client
        takes up no place.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            return _busy()
        try:
            return await self._respond(request)
        finally:
            self._places.release()

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await sync_to_async(self.get_response, thread_sensitive=True)(request)
        return response


def _busy() -> HttpResponseBase:
    # Can be imported when Django is set up.
    from csms.problems import problem

    detail = "the server has more requests than it can serve at the moment: try again shortly"
    return problem(503, detail, "server_busy", headers={"Retry-After": "2"})


def django_application() -> Any:
    """Set Django up and return it as an ASGI application."""
    django.setup(set_prefix=False)
    return DjangoApplication()
