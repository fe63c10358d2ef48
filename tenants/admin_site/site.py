"""The admin site: open to everybody with a membership, and every page of it shows one tenant at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from tenants.admin_site.access import access_of, is_superuser, may_enter, tenants_of
from tenants.admin_site.log_in_form import MemberLoginForm
from tenants.admin_site.second_factor import second_factor_view
from tenants.admin_site.switch import choice_url, tenant_view
from tenants.audit.admin_deeds import write_what_is_left
from tenants.audit.log_ins import actor_of, record_own_deed
from tenants.audit.trail import act_as
from tenants.context import NoTenant, set_tenant
from tenants.models import Tenant

# More are found on the page of all tenants, which can be searched.
TENANTS_IN_HEADER = 12
View = Callable[..., HttpResponse]


class OperatorSite(UnfoldAdminSite):
    """The admin of tenants and of the platform behind them."""

    login_form = MemberLoginForm
    login_template = "csms/login.html"
    index_title = "Dashboard"

    def has_permission(self, request: HttpRequest) -> bool:
        return access_of(request) is not None

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        return super().admin_view(_in_chosen_tenant(self, view), cacheable)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the URLs of the admin, without the one that leads to pages of another site: there is none."""
        return [each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"]

    def extra_urls(self) -> list[URLPattern]:
        """Return the URLs Django's admin has not."""
        return [
            path("tenant/", self.admin_view(tenant_view), {"site": self}, name="tenant"),
            path("second-factor/", self.admin_view(second_factor_view), {"site": self}, name="second_factor"),
        ]

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Answer the log-in form; one that failed too often gets 429."""
        response = super().login(request, extra_context)
        form = getattr(response, "context_data", None) or {}
        wait = getattr(form.get("form"), "wait_seconds", None)
        if wait is not None:
            response.status_code = 429
            response.headers["Retry-After"] = str(wait)
        return response

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        access = access_of(request)
        if access is None or access.tenant is None:
            return HttpResponseRedirect(choice_url(request))
        return super().index(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Answer the form for one's own password; Django's admin keeps no log of it."""
        response = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            record_own_deed(request.user, "password_change")
        return response

    def refusal(self, request: HttpRequest, status: int, reason: str) -> HttpResponse:
        """Return a page of the admin that says why the wanted one is not shown."""
        context = {**self.each_context(request), "title": "Not here", "reason": reason}
        return TemplateResponse(request, "csms/refusal.html", context, status=status)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        access = access_of(request)
        context = super().each_context(request)
        if access is None:
            return context
        return context | {
            "access": access,
            "is_superuser": is_superuser(request),
            "switchable": _switchable(request),
        }


def _switchable(request: HttpRequest) -> list[Tenant]:
    """Return the tenants for the switch in the header: some of them, and none where there is no choice."""
    tenants = list(tenants_of(request.user)[:TENANTS_IN_HEADER])
    return [t for t in tenants if may_enter(request.user, t)] if len(tenants) > 1 else []


def _in_chosen_tenant(site: OperatorSite, view: View) -> View:
    """Return the view, run in the chosen tenant; where it needs one and there is none, people get to choose."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        access = access_of(request)
        # In force until the request ends (TenantMiddleware), because templates are rendered after the view.
        set_tenant(access.tenant.slug if access and access.tenant else None)
        if access is not None:
            act_as(actor_of(access.user, access.role))
        try:
            response = view(request, *args, **kwargs)
            if request.method == "POST":
                write_what_is_left(request)
            return response
        except NoTenant:
            return HttpResponseRedirect(choice_url(request))
        except PermissionDenied:
            return site.refusal(request, 403, "Your role does not allow this.")
        except Http404:
            return site.refusal(request, 404, "There is nothing at this address, at least not in this tenant.")

    return inner


def current_tenant_badge(request: HttpRequest) -> list[str] | None:
    """Return text and colour of the badge in the header of every page: which tenant is on."""
    access = access_of(request)
    if access is None:
        return None
    if access.tenant is None:
        return ["No tenant chosen", "warning"]
    if access.tenant.status == Tenant.Status.SUSPENDED:
        return [f"{access.tenant.name}: suspended", "danger"]
    return [access.tenant.name, "primary"]
