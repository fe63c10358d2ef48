"""Errors of the API as RFC 9457 problem+json: one place where an exception becomes an answer.

Every problem has `type`, `title`, `status`, `detail` (for a person), `code` (for a program); a validation problem
also has `errors` by field, an unexpected one an `instance` under which it stands in the log.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core import exceptions as django_errors
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError, WTimeoutError
from rest_framework import exceptions as api_errors

from csms.errors import CsmsError, StorageUnavailable
from tenants.context import NoTenant

MEDIA_TYPE = "application/problem+json"
REALM = "csms"
BEARER = f'Bearer realm="{REALM}"'
NO_TENANT_DETAIL = "choose a tenant: log in with \"tenant\", or send the header 'X-Tenant: <slug>'"

log = structlog.get_logger(__name__)


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> HttpResponse:
    """Return one problem; `members` are added to the document as they are."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }
    # ASCII only: what a client sent may be quoted here and need not be valid text.
    return HttpResponse(json.dumps(document), content_type=MEDIA_TYPE, status=status, headers=dict(headers or {}))


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return the problem for whatever a view has raised; Django REST framework's exception handler."""
    for kind, render in _KNOWN:
        if isinstance(error, kind):
            return render(error)
    if is_unavailable(error):
        log.warning("storage_unavailable", reason=str(_driver_error(error)))
        return _csms_problem(StorageUnavailable("the database does not answer: try again shortly"))
    return _unexpected(error, context.get("request"))


def not_found() -> HttpResponse:
    """Return the problem for what does not exist, or belongs to someone else."""
    return problem(404, "there is nothing at this address", "not_found")


def is_unavailable(error: BaseException) -> bool:
    """Return whether MongoDB could not be reached or did not answer in time, so that a retry may succeed."""
    cause = _driver_error(error)
    if isinstance(cause, (ConnectionFailure, ExecutionTimeout, WTimeoutError)):
        return True
    return cause is not None and cause.has_error_label("TransientTransactionError")


def _driver_error(error: BaseException) -> PyMongoError | None:
    """Return the driver's error, which the ORM wraps in one of Django's."""
    if isinstance(error, DatabaseError):
        return error.__cause__ if isinstance(error.__cause__, PyMongoError) else None
    return error if isinstance(error, PyMongoError) else None


def _csms_problem(error: CsmsError) -> HttpResponse:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.http_status == 401:
        headers["WWW-Authenticate"] = BEARER
    return problem(error.http_status, error.detail, error.code, headers=headers)


def _api_problem(error: api_errors.APIException) -> HttpResponse:
    headers: dict[str, str] = {}
    if (scheme := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = scheme
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if isinstance(error, api_errors.ValidationError):
        return _validation_problem(dict(_flat("", error.detail)))
    detail = error.detail.get("detail", "") if isinstance(error.detail, dict) else error.detail
    return problem(error.status_code, str(detail), str(getattr(detail, "code", "error")), headers=headers)


def _validation_problem(errors: dict[str, list[str]]) -> HttpResponse:
    named = ", ".join(sorted(name for name in errors if name))
    detail = f"not valid: {named}" if named else "; ".join(text for texts in errors.values() for text in texts)
    return problem(400, detail, "invalid", errors=errors)


def _flat(path: str, detail: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield `location.lat` and its messages for each field in DRF's nested errors."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _flat(".".join(part for part in (path, own) if part), inner)
    elif isinstance(detail, list) and any(isinstance(inner, (dict, list)) for inner in detail):
        for index, inner in enumerate(detail):
            yield from _flat(f"{path}.{index}" if path else str(index), inner)
    elif isinstance(detail, list):
        yield path, [str(text) for text in detail]
    else:
        yield path, [str(detail)]


def _django_messages(error: django_errors.ValidationError) -> dict[str, list[str]]:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return {("" if name == "__all__" else name): list(texts) for name, texts in by_field.items()}


# The first that fits counts: RequestDataTooBig is a SuspiciousOperation.
_KNOWN: tuple[tuple[type[Exception], Callable[[Any], HttpResponse]], ...] = (
    (CsmsError, _csms_problem),
    (api_errors.APIException, _api_problem),
    (django_errors.ValidationError, lambda error: _validation_problem(_django_messages(error))),
    (NoTenant, lambda _: problem(400, NO_TENANT_DETAIL, "no_tenant")),
    (Http404, lambda _: not_found()),
    (django_errors.PermissionDenied, lambda _: problem(403, "your role does not allow this", "permission_denied")),
    (django_errors.RequestDataTooBig, lambda _: problem(413, "the request body is too large", "too_large")),
    (django_errors.SuspiciousOperation, lambda _: problem(400, "the request is malformed", "bad_request")),
)


def _unexpected(error: Exception, request: HttpRequest | None) -> HttpResponse:
    incident = f"urn:uuid:{uuid.uuid4()}"
    log.error(
        "unexpected_error",
        incident=incident,
        method=request.method if request else None,
        path=request.path if request else None,
        exc_info=error,
    )
    detail = "an unexpected error, now in the server's log under the 'instance' given here"
    return problem(500, detail, "internal_error", instance=incident)
