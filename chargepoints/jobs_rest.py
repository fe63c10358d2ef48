"""`/api/v1/firmware-jobs`, `/log-jobs` and `/security-events`: what stations do and report over a longer time."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from chargepoints.log_files import read_file
from chargepoints.models import (
    FirmwareJob,
    FirmwareStatus,
    LogFile,
    LogFileState,
    LogJob,
    LogKind,
    LogStatus,
    SecurityEvent,
    SecurityEventSource,
)
from csms.api_view import ApiViewMixin
from csms.fields import MomentField
from csms.query_filters import MomentFilter
from tenants.context import require_tenant

_NEWEST_FIRST = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}
_COMMON = (
    "id",
    "charge_point_id",
    "request_id",
    "status",
    "history",
    "location",
    "retries",
    "retry_interval",
    "requested_by",
    "created_at",
    "updated_at",
)


class FirmwareStepSerializer(serializers.Serializer[Any]):
    """A status and when it was received."""

    status = serializers.ChoiceField(FirmwareStatus.choices)
    at = serializers.DateTimeField()


class FirmwareJobSerializer(serializers.ModelSerializer[FirmwareJob]):
    status = serializers.ChoiceField(FirmwareStatus.choices)
    history = FirmwareStepSerializer(many=True, help_text="Oldest first.")
    requested_by = serializers.CharField(help_text="Empty for a job that was not asked for here.")
    retrieve_at = MomentField(allow_null=True)
    install_at = MomentField(allow_null=True)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = FirmwareJob
        fields = (*_COMMON, "signed", "retrieve_at", "install_at")
        read_only_fields = fields


class LogStepSerializer(serializers.Serializer[Any]):
    """A status and when it was received."""

    status = serializers.ChoiceField(LogStatus.choices)
    at = serializers.DateTimeField()


class LogFileSerializer(serializers.ModelSerializer[LogFile]):
    """A file the station has uploaded to us."""

    received_at = MomentField()

    class Meta:
        model = LogFile
        fields = ("file_name", "size", "received_at")
        read_only_fields = fields


class LogJobSerializer(serializers.ModelSerializer[LogJob]):
    status = serializers.ChoiceField(LogStatus.choices)
    history = LogStepSerializer(many=True, help_text="Oldest first.")
    requested_by = serializers.CharField(help_text="Empty for a job that was not asked for here.")
    kind = serializers.ChoiceField(LogKind.choices)
    oldest = MomentField(allow_null=True, help_text="Of the entries asked for.")
    newest = MomentField(allow_null=True)
    file_name = serializers.CharField(help_text="As the station announced it.")
    location = serializers.SerializerMethodField(help_text="Empty for an upload to us.")
    file = serializers.SerializerMethodField()
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = LogJob
        fields = (*_COMMON, "kind", "oldest", "newest", "file_name", "file")
        read_only_fields = fields

    def get_location(self, job: LogJob) -> str:
        """Return where the station uploads to."""
        return "" if job.upload_id else str(job.location)

    @extend_schema_field(LogFileSerializer(allow_null=True))
    def get_file(self, job: LogJob) -> Any:
        """Return what has come."""
        stored = job.file  # see `with_files`
        return None if stored is None else LogFileSerializer(stored).data


class SecurityEventSerializer(serializers.ModelSerializer[SecurityEvent]):
    timestamp = MomentField(help_text="By the station's clock; by ours for what the server noticed.")
    source = serializers.ChoiceField(SecurityEventSource.choices, help_text="Who noticed.")
    received_at = MomentField()

    class Meta:
        model = SecurityEvent
        fields = ("id", "charge_point_id", "type", "timestamp", "tech_info", "source", "received_at")
        read_only_fields = fields


class FirmwareJobFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    status = django_filters.ChoiceFilter(choices=FirmwareStatus.choices)


class LogJobFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    status = django_filters.ChoiceFilter(choices=LogStatus.choices)
    kind = django_filters.ChoiceFilter(choices=LogKind.choices)


class SecurityEventFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    type = django_filters.CharFilter(max_length=50, strip=False)
    source = django_filters.ChoiceFilter(choices=SecurityEventSource.choices)
    received_from = MomentFilter(field_name="received_at", lookup_expr="gte", label="Known here at or after.")
    received_to = MomentFilter(field_name="received_at", lookup_expr="lt", label="Known here before.")


@extend_schema_view(
    list=extend_schema(summary="List firmware jobs", description="Newest first."),
    retrieve=extend_schema(summary="Read a firmware job", description="Its id is that of the command that began it."),
)
class FirmwareJobViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    permission_resource = "jobs"
    serializer_class = FirmwareJobSerializer
    queryset = FirmwareJob.objects.all()
    filterset_class = FirmwareJobFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = _NEWEST_FIRST


@extend_schema_view(
    list=extend_schema(summary="List log jobs", description="Newest first."),
    retrieve=extend_schema(summary="Read a log job", description="Its id is that of the command that began it."),
)
class LogJobViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    permission_resource = "jobs"
    serializer_class = LogJobSerializer
    queryset = LogJob.objects.all()
    filterset_class = LogJobFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = _NEWEST_FIRST

    def paginate_queryset(self, queryset: QuerySet[LogJob]) -> list[LogJob] | None:
        """Return the jobs of the page, each with its file."""
        page: list[LogJob] | None = super().paginate_queryset(queryset)
        return None if page is None else with_files(page)

    def get_object(self) -> LogJob:
        """Return the job with its file."""
        return with_files([super().get_object()])[0]

    @extend_schema(
        summary="Download the file of a log job",
        description="What the station has uploaded to us, as it came; 404 while there is nothing.",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"], permission_resource="log-files")
    def file(self, request: Request, **kwargs: Any) -> StreamingHttpResponse:
        stored = self.get_object().file
        if stored is None:
            raise Http404
        answer = StreamingHttpResponse(
            read_file(require_tenant(), stored.file_id),
            content_type="application/octet-stream",
            headers={"Content-Length": str(stored.size), "Cache-Control": "no-store"},
        )
        answer["Content-Disposition"] = content_disposition_header(True, stored.file_name or f"{stored.id}.log")
        return answer


def with_files(jobs: list[LogJob]) -> list[LogJob]:
    """Return the jobs, each with the file it has brought us in `file`, None for none."""
    ids = [job.upload_id for job in jobs if job.upload_id]
    files = LogFile.objects.filter(state=LogFileState.STORED).in_bulk(ids) if ids else {}
    for job in jobs:
        job.file = files.get(job.upload_id)
    return jobs


@extend_schema_view(list=extend_schema(summary="List security events", description="Newest first."))
class SecurityEventViewSet(ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "security-events"
    serializer_class = SecurityEventSerializer
    queryset = SecurityEvent.objects.all()
    filterset_class = SecurityEventFilter
    orderings = {"-received_at": ("-received_at", "-id"), "received_at": ("received_at", "id")}
