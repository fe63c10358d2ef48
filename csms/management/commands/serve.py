"""`manage.py serve`: stations, REST API and admin on one port, or on a second one with TLS."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from csms.serve.options import Limits, Options, Tls
from csms.serve.start import SERVERS, CannotListen, run
from csms.serve.tls_context import Authorities, BadCertificate, CertificateFiles

# What comes before a file of the largest size: the server counts it, too.
UPLOAD_HEADER_BYTES = 64 * 1024


class Command(BaseCommand):
    """Serve until SIGTERM or Ctrl-C, which finish the work in hand first; a second one stops at once."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HTTP_HOST, help="address to listen on (HTTP_HOST)")
        parser.add_argument("--port", type=int, default=settings.HTTP_PORT, help="port (HTTP_PORT)")
        parser.add_argument("--tls-port", type=int, default=settings.TLS_PORT, help="port with TLS (TLS_PORT)")
        parser.add_argument("--server", choices=SERVERS, default=settings.CSMS_SERVER, help="CSMS_SERVER")

    def handle(self, *args: Any, **options: Any) -> None:
        limits = Limits(
            message_bytes=settings.OCPP_MAX_MESSAGE_BYTES,
            ping_interval=settings.OCPP_PING_INTERVAL,
            unfinished_per_address=settings.HTTP_UNFINISHED_PER_ADDRESS,
            request_bytes=max(settings.LOG_UPLOAD_MAX_BYTES + UPLOAD_HEADER_BYTES, Limits().request_bytes),
        )
        serve = Options(
            options["host"],
            options["port"],
            limits=limits,
            trusted_proxies=tuple(settings.TRUSTED_PROXIES),
            certificate_header=settings.CLIENT_CERTIFICATE_HEADER,
            tls=_tls(options["tls_port"]),
        )
        try:
            run(options["server"], lambda: import_string(settings.ASGI_APPLICATION), serve)
        except CannotListen as error:
            raise CommandError(str(error)) from None
        except BadCertificate as error:
            raise CommandError(f"TLS_CERTIFICATES: {error}") from None


def _tls(port: int) -> Tls | None:
    """Return what the settings say of TLS, None where they name no certificates."""
    if not settings.TLS_CERTIFICATES:
        return None
    keys = settings.TLS_KEYS or [None] * len(settings.TLS_CERTIFICATES)
    files = tuple(CertificateFiles(*pair) for pair in zip(settings.TLS_CERTIFICATES, keys, strict=True))
    return Tls(port, files, plain=settings.HTTP_PLAIN, authorities=_client_authorities)


async def _client_authorities() -> tuple[str, ...]:
    authorities: Authorities = import_string("ocpp_gateway.client_authorities.client_authorities")
    return await authorities()
