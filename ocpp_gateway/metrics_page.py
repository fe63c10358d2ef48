"""`/metrics` in Prometheus' text format, for whoever has METRICS_TOKEN; without that setting there is no such page.

An ASGI application in front of Django's: it needs no thread and no host name, and works while Django's are busy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, GC_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from csms.metrics_token import CHALLENGE, PATH, REFUSAL, may_see
from csms.plain_answer import Application, Message, Receive, Send, answer
from csms.serve.unfinished import Unfinished
from csms.version import VERSION
from ocpp_gateway import tallies
from ocpp_gateway.gateway import Gateway, gateway


class MetricsPage:
    """ASGI application around another one: answers `/metrics` itself."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or not settings.METRICS_TOKEN:
            await self._application(scope, receive, send)
        elif not may_see(dict(scope["headers"]).get(b"authorization", b"")):
            await answer(send, 401, REFUSAL, "text/plain; charset=utf-8", www_authenticate=CHALLENGE)
        else:
            await answer(send, 200, generate_latest(_registry(gateway())), CONTENT_TYPE_LATEST)


class GatewayMetrics(Collector):
    """Turns the numbers of a gateway into metrics at the moment somebody asks for them."""

    def __init__(self, here: Gateway) -> None:
        self._here = here

    def collect(self) -> Iterable[Metric]:
        """Yield every metric of the gateway."""
        yield InfoMetricFamily("csms", "The product.", {"version": VERSION})
        sockets = len(self._here.connections)
        yield GaugeMetricFamily("csms_station_sockets", "Stations connected to this instance.", sockets)
        yield _family("csms_station_calls", "CALLs of stations that have a handler.", "action", tallies.CALLS)
        yield _family("csms_station_call_errors", "CALLs answered with CALLERROR.", "code", tallies.CALL_ERRORS)
        yield _family("csms_handshake_refusals", "Stations refused before the upgrade.", "status", tallies.REFUSALS)
        text = "Connections closed at once: their address has too many without a request."
        yield CounterMetricFamily("csms_connections_refused", text, Unfinished.refused)
        yield _family("csms_commands_ended", "Commands whose end came by here.", "state", tallies.COMMANDS)


def _registry(here: Gateway) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (GatewayMetrics(here), PROCESS_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    return registry


def _family(name: str, text: str, label: str, numbers: Counter[Any]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in sorted(numbers.items()):
        family.add_metric([str(value)], number)
    return family
