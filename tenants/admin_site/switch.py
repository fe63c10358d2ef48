"""Choosing the tenant: a page with all that are open to the person, and the switch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from tenants.admin_site.access import SESSION_KEY, may_enter, tenants_of
from tenants.audit.record import entry, store

if TYPE_CHECKING:
    from tenants.admin_site.site import OperatorSite

TENANTS_ON_PAGE = 100


def choice_url(request: HttpRequest) -> str:
    """Return the address of the choice page, from where the person comes back to this one."""
    url = reverse("admin:tenant")
    if request.method != "GET" or request.path == reverse("admin:index"):
        return url
    return f"{url}?{urlencode({'next': request.get_full_path()})}"


def tenant_view(request: HttpRequest, site: OperatorSite) -> HttpResponse:
    """Answer the choice page, or switch to the tenant that was posted."""
    if request.method == "POST":
        return _switch(request)
    text = request.GET.get("q", "").strip()
    tenants = list(tenants_of(request.user, text)[: TENANTS_ON_PAGE + 1])
    context = {
        **site.each_context(request),
        "title": "Choose a tenant",
        "tenants": [(tenant, may_enter(request.user, tenant)) for tenant in tenants[:TENANTS_ON_PAGE]],
        "more": len(tenants) > TENANTS_ON_PAGE,
        "text": text,
        "next": request.GET.get("next", ""),
    }
    return TemplateResponse(request, "csms/tenant_choice.html", context)


def _switch(request: HttpRequest) -> HttpResponse:
    tenant = tenants_of(request.user).filter(pk=request.POST.get("tenant", "")).first()
    if tenant is None or not may_enter(request.user, tenant):
        raise Http404("There is no such tenant among those open to you.")
    if request.user.is_superuser:
        store([entry("enter", "tenants", tenant.slug)], tenant.slug)
    request.session[SESSION_KEY] = tenant.slug
    return HttpResponseRedirect(_next_page(request))


def _next_page(request: HttpRequest) -> str:
    wanted: str = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else reverse("admin:index")
