"""The addresses under `/api/v1`. A slash at the end is accepted and not needed."""

from __future__ import annotations

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from chargepoints.certificates_rest import CertificateRequestViewSet
from chargepoints.charging_profiles_rest import ChargingProfileViewSet
from chargepoints.jobs_rest import FirmwareJobViewSet, LogJobViewSet, SecurityEventViewSet
from chargepoints.messages_rest import OcppMessageViewSet
from chargepoints.rest import ChargePointViewSet, ConnectorViewSet
from chargepoints.wanted_settings_rest import WantedSettingViewSet
from sessions_app.local_list_rest import LocalListViewSet
from sessions_app.rest import IdTokenViewSet, MeterValueViewSet, SessionViewSet, StationSessionViewSet
from tenants.api_key_rest import ApiKeyViewSet
from tenants.audit.rest import AuditEntryViewSet
from tenants.rest import TenantViewSet
from tenants.token_rest import LogInView, LogOutView, RefreshView, VerifyView
from tenants.undelivered_rest import UndeliveredEventViewSet

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("api-keys", ApiKeyViewSet, basename="api-keys")
router.register("audit-log", AuditEntryViewSet, basename="audit-log")
router.register("tenants", TenantViewSet, basename="tenants")
router.register("chargepoints", ChargePointViewSet, basename="chargepoints")
router.register("sessions", SessionViewSet, basename="sessions")
router.register("charging-profiles", ChargingProfileViewSet, basename="charging-profiles")
router.register("wanted-settings", WantedSettingViewSet, basename="wanted-settings")
router.register("firmware-jobs", FirmwareJobViewSet, basename="firmware-jobs")
router.register("log-jobs", LogJobViewSet, basename="log-jobs")
router.register("certificate-requests", CertificateRequestViewSet, basename="certificate-requests")
router.register("security-events", SecurityEventViewSet, basename="security-events")
router.register("undelivered-events", UndeliveredEventViewSet, basename="undelivered-events")
router.register("id-tokens", IdTokenViewSet, basename="id-tokens")
router.register("local-lists", LocalListViewSet, basename="local-lists")

_LIST = {"get": "list"}

urlpatterns = [
    re_path(r"^auth/token/?$", LogInView.as_view(), name="token"),
    re_path(r"^auth/logout/?$", LogOutView.as_view(), name="logout"),
    re_path(r"^auth/token/refresh/?$", RefreshView.as_view(), name="token-refresh"),
    re_path(r"^auth/token/verify/?$", VerifyView.as_view(), name="token-verify"),
    re_path(r"^chargepoints/(?P<charge_point_id>[^/]+)/connectors/?$", ConnectorViewSet.as_view(_LIST)),
    re_path(r"^chargepoints/(?P<charge_point_id>[^/]+)/messages/?$", OcppMessageViewSet.as_view(_LIST)),
    re_path(r"^chargepoints/(?P<charge_point_id>[^/]+)/sessions/?$", StationSessionViewSet.as_view(_LIST)),
    re_path(r"^sessions/(?P<session_id>[^/]+)/meter-values/?$", MeterValueViewSet.as_view(_LIST)),
    *router.urls,
    # `clients` and `commands`: what the gateway knows and does
    path("", include("ocpp_gateway.command_rest")),
    path("", include("ocpp_gateway.charging_profile_rest")),
    path("", include("ocpp_gateway.configuration_rest")),
    path("", include("ocpp_gateway.reservation_rest")),
    path("", include("ocpp_gateway.rest")),
]
