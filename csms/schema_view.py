"""Serving the OpenAPI document. Apart from `csms.openapi`, which Django REST framework imports while it is imported."""

from __future__ import annotations

from typing import Any

from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response


class SchemaView(SpectacularAPIView):
    """`/api/schema`: JSON by default, YAML with `?format=yaml`. Made once per process: it takes a while."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer2, OpenApiYamlRenderer]
    _document: dict[str, Any] | None = None

    def _get_schema_response(self, request: Request) -> Response:
        if SchemaView._document is None:
            SchemaView._document = self.generator_class().get_schema(request=None, public=True)
        return Response(SchemaView._document)
