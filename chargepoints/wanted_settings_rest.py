"""`/api/v1/wanted-settings`: how a tenant wants its stations to be set."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.db import IntegrityError
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.configuration import SECRET_KEYS
from chargepoints.models import WantedSetting
from chargepoints.security_profiles import is_profile
from csms.api_view import ApiViewMixin, EditableMixin
from csms.errors import Conflict
from csms.fields import MomentField, StrictSerializer
from csms.idempotency import answer_once


class WantedSettingSerializer(StrictSerializer, serializers.ModelSerializer):
    key = serializers.CharField(read_only=True)
    value = serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False)
    updated_at = MomentField(read_only=True)

    class Meta:
        model = WantedSetting
        fields = ("key", "value", "updated_at")


class NewWantedSettingSerializer(WantedSettingSerializer):
    key = serializers.CharField(max_length=50, trim_whitespace=False, help_text="As stations spell it.")

    def validate_key(self, key: str) -> str:
        """Refuse what must not be the same at every station."""
        if key.lower() in SECRET_KEYS:
            raise serializers.ValidationError("each station has a key of its own: POST to its .../credentials instead")
        if is_profile(key):
            raise serializers.ValidationError("a station may not come back from it: ask each with change-configuration")
        return key


@extend_schema_view(
    list=extend_schema(summary="List wanted settings"),
    retrieve=extend_schema(summary="Read a wanted setting", description="Percent-encode the key."),
    partial_update=extend_schema(
        summary="Change a wanted setting", description="Stations get the new value after their next boot."
    ),
)
class WantedSettingViewSet(ApiViewMixin, EditableMixin, ListModelMixin, GenericViewSet):
    permission_resource = "wanted-settings"
    serializer_class = WantedSettingSerializer
    queryset = WantedSetting.objects.all()
    lookup_url_kwarg = "key"
    # A key may hold a slash.
    lookup_value_regex = ".+?"
    orderings = {"key": ("key",), "-key": ("-key",)}
    editable = ("value",)

    @extend_schema(
        summary="Want a setting",
        description=(
            "After each accepted boot of a station its settings are read; where this one differs, it is set with"
            " ChangeConfiguration, unless the station calls it read-only. The station's answer is in its commands,"
            " `requested_by` `system`. 409 if the key is wanted already."
        ),
        request=NewWantedSettingSerializer,
        responses={201: WantedSettingSerializer},
        examples=[
            OpenApiExample(
                "Readings every minute", value={"key": "MeterValueSampleInterval", "value": "60"}, request_only=True
            )
        ],
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, lambda _: self._create(request))

    def _create(self, request: Request) -> Response:
        body = NewWantedSettingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = WantedSetting(**body.validated_data)
        try:
            wanted.save(force_insert=True)
        except IntegrityError:
            raise Conflict(f"{wanted.key!r} is wanted already: PATCH it", code="wanted_setting_exists") from None
        return self.with_etag(wanted, 201, Location=f"{request.path.rstrip('/')}/{quote(wanted.key, safe='')}")

    @extend_schema(
        summary="Want a setting no more", description="Stations keep the value they have.", responses={204: None}
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = self.get_object()
        self.check_if_match(request, wanted)
        WantedSetting.objects.filter(pk=wanted.pk).delete()
        return Response(status=204)
