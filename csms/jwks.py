"""`/.well-known/jwks.json`: the public keys by which others can check our tokens (RFC 7517)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

# A new key is published before it signs; whoever keeps this answer for longer meets it too late.
KEPT_SECONDS = 300


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """Answer with the keys; none where tokens are signed with a shared secret."""
    document = {"keys": settings.JWT_KEYS.jwks}
    headers = {"Cache-Control": f"public, max-age={KEPT_SECONDS}"}
    return JsonResponse(document, content_type="application/jwk-set+json", headers=headers)
