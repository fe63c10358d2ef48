"""Lists a page at a time, by cursor: stable while rows are added, and as fast on page 1,000 as on page 1.

A view names its orders in `orderings`: `{"-received_at": ("-received_at", "-id"), ...}`, the first is the default.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Model, QuerySet
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from csms.keyset import Order, Position, ordered, position_of, reverse
from csms.strict_json import parse_json

PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
PARAMETERS = frozenset({"cursor", "page_size", "ordering"})


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows of a list, and the direction in which to read from it."""

    ordering: str
    backwards: bool
    position: Position

    def encode(self) -> str:
        """Return the cursor as the text that stands in the URL."""
        values = [_plain(value) for value in self.position]
        document = json.dumps([self.ordering, int(self.backwards), *values], separators=(",", ":"))
        return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def decode_cursor(text: str, model: type[Model], orderings: dict[str, Order]) -> Cursor:
    """Return the cursor that a URL carries.

    Raises:
        rest_framework.exceptions.ValidationError: it is none of ours.
    """
    try:
        document = parse_json(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        ordering, backwards, *values = document
        order = orderings[ordering]
        if len(values) != len(order) or not all(isinstance(value, (str, int, float, type(None))) for value in values):
            raise ValueError
        fields = [model._meta.get_field(name.lstrip("-")) for name in order]
        position = tuple(_typed(field, value) for field, value in zip(fields, values, strict=True))
    except (
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        ParseError,
        binascii.Error,
        FieldDoesNotExist,
        DjangoValidationError,
    ):
        raise ValidationError({"cursor": ["not a cursor of this list: begin again without it"]}) from None
    return Cursor(ordering, bool(backwards), position)


def _typed(field: Any, value: Any) -> Any:
    typed = field.to_python(value)
    if not isinstance(typed, datetime):
        return typed
    if typed.tzinfo is None:
        raise ValueError("a moment without an offset")
    return typed.astimezone(UTC)  # raises what UTC has no year for


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


class CursorPagination(BasePagination):
    """Answers `{"next", "previous", "results"}`; the two are URLs or null."""

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page that the request asks for."""
        orderings: dict[str, Order] = view.orderings
        self._url = request.build_absolute_uri()
        self._ordering = chosen_ordering(request, orderings)
        self._order = orderings[self._ordering]
        cursor = self._cursor(request, queryset.model, orderings)
        size = _page_size(request)
        order = reverse(self._order) if cursor and cursor.backwards else self._order
        rows = list(ordered(queryset, order, cursor.position if cursor else None)[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if cursor and cursor.backwards:
            rows.reverse()
            self._links(rows, before=more, after=True)
        else:
            self._links(rows, before=cursor is not None, after=more)
        return rows

    def _cursor(self, request: Request, model: type[Model], orderings: dict[str, Order]) -> Cursor | None:
        text = request.query_params.get("cursor")
        if not text:
            return None
        cursor = decode_cursor(text, model, orderings)
        if cursor.ordering != self._ordering:
            raise ValidationError({"cursor": ["this cursor belongs to another ordering: begin again without it"]})
        return cursor

    def _links(self, rows: list[Any], *, before: bool, after: bool) -> None:
        self._previous = self._link(rows[0], backwards=True) if rows and before else None
        self._next = self._link(rows[-1], backwards=False) if rows and after else None

    def _link(self, row: Model, *, backwards: bool) -> str:
        cursor = Cursor(self._ordering, backwards, position_of(row, self._order))
        return str(replace_query_param(self._url, "cursor", cursor.encode()))

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the links to its neighbours."""
        return Response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the OpenAPI schema of a page."""
        link = {
            "type": "string",
            "format": "uri",
            "nullable": True,
            "example": "https://csms.example/api/v1/sessions?cursor=WyItcmVjZWl2ZWRfYXQiLDBd",
        }
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "The next page, null on the last."},
                "previous": {**link, "description": "The page before, null on the first."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return the OpenAPI description of the query parameters."""
        orderings = list(getattr(view, "orderings", {}))
        parameters: list[tuple[str, str, dict[str, Any]]] = [
            ("cursor", "The place to go on from: taken from `next` or `previous`.", {"type": "string"}),
            (
                "page_size",
                "Rows per page.",
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
            ),
        ]
        if len(orderings) > 1:
            options = {"type": "string", "enum": orderings, "default": orderings[0]}
            parameters.append(("ordering", "The order of the list; `-` for descending.", options))
        return [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
            for name, text, schema in parameters
        ]


def chosen_ordering(request: Request, orderings: dict[str, Order]) -> str:
    """Return the name of the ordering that a request asks for.

    Raises:
        rest_framework.exceptions.ValidationError: there is none of this name.
    """
    ordering = request.query_params.get("ordering") or next(iter(orderings))
    if ordering not in orderings:
        raise ValidationError({"ordering": [f"choose one of {', '.join(orderings)}"]})
    return str(ordering)


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size") or str(PAGE_SIZE)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise ValidationError({"page_size": [f"a whole number from 1 to {MAX_PAGE_SIZE}"]})
    return int(text)
