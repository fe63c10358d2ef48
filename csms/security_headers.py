"""What every answer of Django tells a browser not to do: run foreign scripts, be framed, use the camera.

One policy per part of the site, chosen by its path. Nothing under `/api/` is ever a page, apart from Swagger UI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.http import HttpRequest
from django.http.response import HttpResponseBase

ADMIN = "/admin/"
DOCS = "/api/docs"
STATIC = "/static/"

_PAGE = {
    "default-src": "'none'",
    "script-src": "'self'",
    # Both user interfaces set sizes and colours in elements; a style can neither run nor send anything by itself,
    # because images, fonts and requests are bound to this origin.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Alpine, with which the admin's pages are made, compiles the expressions in their attributes. Inline scripts, handlers
# in attributes and scripts from elsewhere stay forbidden.
_ADMIN_PAGE = {**_PAGE, "script-src": "'self' 'unsafe-eval'"}
_NO_PAGE = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}

PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
                    "microphone", "midi", "payment", "usb")
)  # fmt: skip


def _policy(directives: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


_ADMIN_POLICY, _DOCS_POLICY, _OTHER_POLICY = _policy(_ADMIN_PAGE), _policy(_PAGE), _policy(_NO_PAGE)


def content_security_policy(path: str) -> str:
    """Return the value of Content-Security-Policy for an address."""
    if path.startswith(ADMIN):
        return _ADMIN_POLICY
    return _DOCS_POLICY if path.rstrip("/") == DOCS else _OTHER_POLICY


class SecurityHeadersMiddleware:
    """Adds the headers; first in the list, so that no answer leaves without them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy(request.path))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Answers hold keys and personal data: no cache on the way, and none on a shared computer's disk.
        if not request.path.startswith(STATIC):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
