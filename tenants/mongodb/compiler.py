"""Queries whose order an index can serve.

django-mongodb-backend 5.2 puts `{"$addFields": {"received_at": "$received_at"}}` before every `$sort`: a field set
to itself. MongoDB cannot see that nothing changes, so it reads and sorts the whole collection for each page.
"""

from __future__ import annotations

from typing import Any

from django.db.models.sql import Query
from django_mongodb_backend.compiler import SQLCompiler
from django_mongodb_backend.query import MongoQuery


class IndexedSortCompiler(SQLCompiler):
    """The backend's compiler without the fields that are set to themselves."""

    def build_query(self, columns: Any = None) -> MongoQuery:
        """Return the query as the backend builds it, less what stands between the match and the sort."""
        query: MongoQuery = super().build_query(columns)
        fields = query.extra_fields or {}
        query.extra_fields = {name: value for name, value in fields.items() if value != f"${name}"}
        return query


class IndexedSortQuery(Query):
    """A query that uses that compiler: `queryset.query = queryset.query.chain(klass=IndexedSortQuery)`."""

    def get_compiler(self, using: Any = None, connection: Any = None, elide_empty: bool = True) -> SQLCompiler:
        """Return the compiler for a connection."""
        stock = super().get_compiler(using, connection, elide_empty)
        return IndexedSortCompiler(self, stock.connection, using, elide_empty)
