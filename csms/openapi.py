"""The OpenAPI document: what every operation has in common."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_serializer
from rest_framework import serializers

from csms.problems import MEDIA_TYPE
from tenants.authentication import TENANT_HEADER

Schema = dict[str, Any]
Endpoint = tuple[str, str, str, Any]

_DESCRIPTIONS = {
    400: "Malformed or not valid; `errors` says what, field by field.",
    401: "No token, or one that is not valid any more.",
    403: "The role does not allow it, or the tenant is suspended.",
    404: "It does not exist, or belongs to another tenant.",
    406: "There is no such format: see the media types of the answer.",
    409: "It collides with what is stored.",
    412: "Somebody else has edited it: the ETag in `If-Match` is an old one.",
    415: "The body is not `application/json`.",
    429: "Too many requests; `Retry-After` says when to come back.",
    503: "The database does not answer; `Retry-After` says when to come back.",
}


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A field that is not valid",
            value={
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "not valid: location.lat",
                "code": "invalid",
                "errors": {"location.lat": ["Ensure this value is less than or equal to 90."]},
            },
        )
    ]
)
class ProblemSerializer(serializers.Serializer):
    """RFC 9457."""

    type = serializers.CharField(help_text="Always `about:blank`: `code` tells problems apart.")
    title = serializers.CharField(help_text="The phrase of the HTTP status.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong and what to do, for a person.")
    code = serializers.CharField(help_text="A stable word for programs, for example `charge_point_limit`.")
    errors = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="Messages by field."
    )
    instance = serializers.CharField(required=False, help_text="Of an unexpected error: its name in the log.")


class ApiSchema(AutoSchema):
    """Adds to every operation the problems it may answer with and the headers it understands."""

    def get_override_parameters(self) -> list[Any]:
        """Return the request headers that belong to the operation."""
        parameters = []
        if self.view.authentication_classes:
            parameters.append(_header(TENANT_HEADER, "For platform superusers: the tenant to act in."))
        if self._is_create_operation():
            parameters.append(_header("Idempotency-Key", "Repeat the request with it to get the first answer again."))
        if self.method == "PATCH":
            parameters.append(_header("If-Match", "The ETag of the state you have read."))
        return parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Schema:
        bodies: Schema = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer, "response").ref
        for status in self._problem_statuses():
            content = {MEDIA_TYPE: {"schema": problem}}
            bodies[str(status)] = {"description": _DESCRIPTIONS[status], "content": content}
        return bodies

    def _problem_statuses(self) -> list[int]:
        statuses = {400, 406, 429, 503}
        # 404 is also the answer to an X-Tenant that is not the caller's.
        statuses |= {401, 403, 404} if self.view.authentication_classes else {401, 403, 415}
        if self.method in ("POST", "PATCH") and self.view.authentication_classes:
            statuses |= {409, 415}
        if self.method in ("PATCH", "DELETE"):
            statuses |= {409, 412}
        return sorted(statuses)


def _header(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)


def once_per_operation(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Show each operation at one address: a slash at the end is accepted and not needed, and what is also served
    outside of `/api` for convenience is left out.
    """
    return [
        (path.rstrip("/"), regex, method, callback)
        for path, regex, method, callback in endpoints
        if path.startswith("/api/")
    ]
