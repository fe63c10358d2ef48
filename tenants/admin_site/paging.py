"""Pages of lists that may be long: the number of rows is estimated rather than counted."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db import connections
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

# A search that finds more is better narrowed than paged through.
COUNTED_AT_MOST = 10_000


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

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.has_active_filters and not self.query:
            self.full_result_count = self.result_count
