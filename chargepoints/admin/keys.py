"""The one moment at which a station's key is visible: the answer to the request that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from chargepoints.models import ChargePoint
from chargepoints.station_urls import short_station_url, station_url
from tenants.context import require_tenant

if TYPE_CHECKING:
    from tenants.admin_site.site import OperatorSite


def station_page(station: ChargePoint) -> str:
    """Return the address of a station's page in the admin."""
    return reverse("admin:chargepoints_chargepoint_change", args=(quote(station.pk),))


def urls_of(identity: str) -> list[str]:
    """Return the addresses under which a station of the tenant in force may connect, the best one first."""
    slug = require_tenant()
    short = short_station_url(slug, identity)
    return [station_url(slug, identity), *([short] if short else [])]


def key_page(request: HttpRequest, site: OperatorSite, station: ChargePoint, key: str) -> HttpResponse:
    """Return the page with a new key. It is stored nowhere, neither here nor in the browser's cache."""
    context = {
        **site.each_context(request),
        "title": f"Key of {station}",
        "station": station,
        "station_page": station_page(station),
        "key": key,
        "urls": urls_of(station.pk),
    }
    return TemplateResponse(request, "csms/station_key.html", context, headers={"Cache-Control": "no-store"})


def new_key_question(request: HttpRequest, site: OperatorSite, station: ChargePoint) -> HttpResponse:
    """Return the page that asks whether the old key may stop working."""
    context = {
        **site.each_context(request),
        "title": f"New key for {station}",
        "station": station,
        "station_page": station_page(station),
    }
    return TemplateResponse(request, "csms/station_new_key.html", context)
