"""Lists as CSV (RFC 4180), streamed: memory stays flat however long the list is."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from csms.keyset import Order, chunks
from csms.pagination import chosen_ordering
from tenants.context import current_tenant, tenant_scope

CHUNK_ROWS = 500
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
# Full-width forms count as well: spreadsheets in some languages read them as the plain ones.
_BEGIN_FORMULAS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_BLANKS = ("\t", "\r", "\n")

Row = Sequence[Any]
Rows = list[Row]


class CSVRenderer(BaseRenderer):
    """Lets a request ask for CSV, by `Accept: text/csv` or `?format=csv`; the view itself writes it."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Render what a view answers although CSV was asked for."""
        return bytes(JSONRenderer().render(data, accepted_media_type, renderer_context))


def wants_csv(request: Request) -> bool:
    """Return whether the answer was negotiated to be CSV."""
    return isinstance(request.accepted_renderer, CSVRenderer)


def safe_cell(value: Any) -> str:
    """Return a cell as text that no spreadsheet takes for a formula (CWE-1236)."""
    text = "" if value is None else str(value)
    if (text[:1] in _BLANKS or text.lstrip()[:1] in _BEGIN_FORMULAS) and text and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def csv_response(filename: str, header: Row, chunks: Iterator[Rows]) -> StreamingHttpResponse:
    """Return the rows as a download. The first chunk is read at once, so that a database that is down is a problem
    and not a broken file.
    """
    tenant = current_tenant()
    first = next(chunks, [])
    lines = _lines([header, *first])
    return StreamingHttpResponse(
        _stream(lines, chunks, tenant),
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )


def _lines(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _next_lines(chunks: Iterator[Rows], tenant: str | None) -> bytes | None:
    # The body is sent after the request's own tenant scope has ended.
    with tenant_scope(tenant):
        rows = next(chunks, None)
    return None if rows is None else _lines(rows)


async def _stream(lines: bytes | None, chunks: Iterator[Rows], tenant: str | None) -> AsyncIterator[bytes]:
    while lines is not None:
        yield lines
        lines = await sync_to_async(_next_lines)(chunks, tenant)


class CsvListMixin:
    """Offers a list in CSV beside JSON; the view says what a row is. Put first among the bases."""

    renderer_classes = [JSONRenderer, CSVRenderer]
    csv_name = ""
    csv_header: tuple[str, ...] = ()
    orderings: dict[str, Order] = {}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return a page, or the whole list as CSV."""
        if not wants_csv(request):
            answer: HttpResponseBase = super().list(request, *args, **kwargs)  # type: ignore[misc]
            return answer
        rows = self.filter_queryset(self.get_queryset())  # type: ignore[attr-defined]
        order = self.orderings[chosen_ordering(request, self.orderings)]
        return csv_response(self.csv_name, self.csv_header, self._csv_chunks(rows, order))

    def _csv_chunks(self, rows: QuerySet[Any], order: Order) -> Iterator[Rows]:
        for chunk in chunks(rows, order, CHUNK_ROWS):
            documents = self.get_serializer(chunk, many=True).data  # type: ignore[attr-defined]
            yield [row for document in documents for row in self.csv_rows(document)]

    def csv_rows(self, document: dict[str, Any]) -> Iterator[Row]:
        """Yield the rows that one object makes."""
        raise NotImplementedError
