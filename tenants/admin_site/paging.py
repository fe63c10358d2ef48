"""Pages of lists that may be long: the number of rows is estimated rather than counted."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from tenants.mongodb.compiler import IndexedSortQuery

# A search that finds more is better narrowed than paged through.
COUNTED_AT_MOST = 10_000


def by_index(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Return the queryset such that an index can serve its order, where there is one."""
    queryset = queryset.all()
    queryset.query = queryset.query.chain(klass=IndexedSortQuery)
    return queryset


class EstimatedPaginator(Paginator):
    """Counts a filtered list up to a limit, and takes the number of all rows from the collection's metadata."""

    @cached_property
    def count(self) -> int:
        queryset = self.object_list
        if queryset.query.where:
            return int(queryset.order_by()[:COUNTED_AT_MOST].count())
        collection = connections[queryset.db].get_collection(queryset.model._meta.db_table)
        return int(collection.estimated_document_count())


class EstimatedChangeList(ChangeList):
    """A list that knows the number of all rows only while it shows them all."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        return by_index(super().get_queryset(request, exclude_parameters))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.has_active_filters and not self.query:
            self.full_result_count = self.result_count
