"""What every view of the API does before its own work."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import pymongo
from django.db import DatabaseError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.functional import cached_property
from pymongo.errors import PyMongoError
from rest_framework.exceptions import MethodNotAllowed, NotAcceptable, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from csms.edits import apply_edit, check_etag, etag_of
from csms.strict_json import refuse_unstorable
from tenants.audit.rest_deed import RestDeed

# Shorter than the time a station's message is held: a caller can simply ask again, and holds a thread meanwhile.
STORAGE_SECONDS = 5.0


class ApiViewMixin:
    """Put first among the bases of a view: bounds the time in the database and refuses unreadable queries."""

    # See tenants.permissions.RolePermission; here, so that an `@action` can set them.
    permission_resource = ""
    permission_deed: str | None = None
    # False where something else writes to the audit log: a command does so with its own transaction.
    audited = True
    storage_seconds: float | None = None
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with pymongo.timeout(self.storage_seconds or STORAGE_SECONDS):
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not hasattr(self, str(request.method).lower()):
            raise MethodNotAllowed(request.method)  # before the role: no role makes it exist
        refuse_unreadable_query(request.META.get("QUERY_STRING", ""))
        super().initial(request, *args, **kwargs)  # type: ignore[misc]

    def get_object(self) -> Model:
        """Return the object of the request, and keep what it was before it is changed or deleted."""
        instance: Model = super().get_object()  # type: ignore[misc]
        self._deed.saw(instance)
        return instance

    @cached_property
    def _deed(self) -> RestDeed:
        return RestDeed(self)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the answer; what was done is in the audit log by then."""
        try:
            if self.audited:
                self._deed.write(request, response)
        except (PyMongoError, DatabaseError) as error:
            response = self.handle_exception(error)  # type: ignore[attr-defined]
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Return the renderer and the media type; `?format=` with an unknown one is 406 as in `Accept`."""
        try:
            return super().perform_content_negotiation(request, force)  # type: ignore[misc]
        except Http404:
            formats = ", ".join(renderer.format for renderer in self.renderer_classes)  # type: ignore[attr-defined]
            raise NotAcceptable(f"there is no such format here; there are {formats}") from None


class EditableMixin:
    """`retrieve` with an ETag and `partial_update` with `If-Match`; the view names the fields in `editable`."""

    editable: tuple[str, ...] = ()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one object."""
        return self.with_etag(self.get_object())  # type: ignore[attr-defined]

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields that are given and return the object."""
        instance = self.get_object()  # type: ignore[attr-defined]
        body = self.get_serializer(instance, data=request.data, partial=True)  # type: ignore[attr-defined]
        body.is_valid(raise_exception=True)
        apply_edit(instance, body.validated_data, editable=self.editable, if_match=request.headers.get("If-Match"))
        return self.with_etag(instance)

    def with_etag(self, instance: Model, status: int = 200, **headers: str) -> Response:
        """Return an object as the answer, with the ETag of what can be edited in it."""
        body = self.get_serializer(instance).data  # type: ignore[attr-defined]
        return Response(body, status=status, headers={"ETag": etag_of(instance, self.editable), **headers})

    def check_if_match(self, request: Request, instance: Model) -> None:
        """Check `If-Match` before something is deleted; see `csms.edits.check_etag`."""
        check_etag(instance, self.editable, request.headers.get("If-Match"))


def refuse_unreadable_query(query: str) -> None:
    """Refuse what Django would silently replace with question marks.

    Raises:
        rest_framework.exceptions.ParseError: the query is not UTF-8 or holds a NUL character.
    """
    try:
        refuse_unstorable(unquote_to_bytes(query).decode("utf-8"))
    except UnicodeDecodeError:
        raise ParseError("the query is not UTF-8") from None
