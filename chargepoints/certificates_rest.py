"""`/api/v1/certificate-requests`: what stations want signed, and what came of it."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.models import CertificateRequest, CertificateStatus
from chargepoints.revocation import revoke
from csms.api_view import ApiViewMixin
from csms.fields import MomentField


class CertificateRequestSerializer(serializers.ModelSerializer[CertificateRequest]):
    status = serializers.ChoiceField(CertificateStatus.choices)
    chain = serializers.CharField(help_text="The certificate and those behind it, in PEM; empty if it was refused.")
    reason = serializers.CharField(help_text="Why it was refused.")
    received_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = CertificateRequest
        fields = ("id", "charge_point_id", "status", "reason", "csr", "chain", "received_at", "updated_at")
        read_only_fields = fields


class CertificateRequestFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    status = django_filters.ChoiceFilter(choices=CertificateStatus.choices)


@extend_schema_view(list=extend_schema(summary="List certificate requests", description="Newest first."))
class CertificateRequestViewSet(ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "security-events"
    serializer_class = CertificateRequestSerializer
    queryset = CertificateRequest.objects.all()
    filterset_class = CertificateRequestFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"-received_at": ("-received_at", "-id"), "received_at": ("received_at", "id")}

    @extend_schema(
        summary="Revoke a certificate",
        description=(
            "The certificate that this request was answered with opens nothing any more, and within seconds a socket"
            " that it opened is closed. 409 if the request was refused."
        ),
        request=None,
        responses={200: CertificateRequestSerializer},
    )
    @action(detail=True, methods=["post"], permission_resource="charge-point-credentials")
    def revoke(self, request: Request, **kwargs: Any) -> Response:
        answered = self.get_object()
        revoke(answered)
        return Response(self.get_serializer(answered).data)
