"""What one request to the API has done, as an entry: which resource, which object, what was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from tenants.audit.record import Changes, created, deleted, facts_of, record, without_emptiness
from tenants.audit.trail import current_trail

_ACTIONS = {"POST": "create", "PUT": "change", "PATCH": "change", "DELETE": "delete"}
_NAMES = {"partial_update": "change", "update": "change", "destroy": "delete"}


class RestDeed:
    """Follows one request of a view and writes what came of it, once it has succeeded."""

    def __init__(self, view: Any) -> None:
        self._view = view
        self._before: dict[str, Any] = {}
        self._target_id = ""

    def saw(self, instance: Model) -> None:
        """Keep an object as it is before anything is done to it; the first look counts."""
        if not self._target_id:
            self._target_id = str(instance.pk)
            if self._view.request.method not in SAFE_METHODS:
                self._before = facts_of(instance)

    def write(self, request: Request, response: Any) -> None:
        """Write an entry if the request has changed something.

        Raises:
            pymongo.errors.PyMongoError: MongoDB does not take it.
        """
        if request.method in SAFE_METHODS or response.status_code >= 400:
            return
        resource = getattr(self._view, "permission_resource", "")
        # A repeated request gets the first answer again, and nothing is done twice.
        if not resource or response.has_header("Idempotency-Replayed"):
            return
        action = self._action(str(request.method))
        record(action, resource, self._id_in(response), self._changes(action, request, response))

    def _action(self, method: str) -> str:
        name = getattr(self._view, "action", None)
        return _NAMES.get(name, name) if name else _ACTIONS.get(method, method.lower())

    def _id_in(self, response: Any) -> str:
        if self._target_id:
            return self._target_id
        data = _answer(response)
        named = [*(data.get(name) for name in ("id", "slug", "key")), *self._view.kwargs.values()]
        return next((str(value) for value in named if isinstance(value, (str, int))), "")

    def _changes(self, action: str, request: Request, response: Any) -> Changes:
        trail = current_trail()
        noted = trail.take_changes() if trail is not None else {}
        if action == "delete":
            return deleted(self._before)
        if noted:
            return noted
        if action == "create" and _answer(response):
            return created(without_emptiness(_answer(response)))
        return created(request.data) if isinstance(request.data, Mapping) else {}


def _answer(response: Any) -> Mapping[str, Any]:
    data = getattr(response, "data", None)
    return data if isinstance(data, Mapping) else {}
