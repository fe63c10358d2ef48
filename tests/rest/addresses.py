"""Every address of the REST API with the view behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.views import APIView


def api_views(patterns: Iterable[Any], prefix: str = "") -> list[type[APIView]]:
    """Return the view classes under `api/v1/`, each as often as it is named."""
    found: list[type[APIView]] = []
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            found += api_views(pattern.url_patterns, path)
        elif path.startswith("api/v1/"):
            view = pattern.callback
            found.append(getattr(view, "cls", None) or view.view_class)
    return found
