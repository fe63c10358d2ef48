"""Walking a large collection in a fixed order: by the place of a row, never by counting rows.

An order is a tuple of field names, `-` for descending, that ends with a unique field: ("-received_at", "-id").
A position is the values of these fields in one row. Null sorts below every value, as in MongoDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Model, Q, QuerySet

from tenants.mongodb.compiler import IndexedSortQuery

Order = tuple[str, ...]
Position = tuple[Any, ...]


def position_of(row: Model, order: Order) -> Position:
    """Return the place of a row in an order."""
    return tuple(getattr(row, name.lstrip("-")) for name in order)


def reverse(order: Order) -> Order:
    """Return the same order, last row first."""
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


def ordered(queryset: QuerySet[Any], order: Order, after: Position | None = None) -> QuerySet[Any]:
    """Return the rows in order, from the first or from behind a position; an index of this order is used."""
    if after is not None:
        queryset = queryset.filter(beyond(queryset.model, order, after))
    queryset = queryset.order_by(*order)
    queryset.query = queryset.query.chain(klass=IndexedSortQuery)
    return queryset


def chunks(queryset: QuerySet[Any], order: Order, size: int) -> Iterator[list[Any]]:
    """Yield all rows in order, `size` at a time; each chunk is a query of its own, so nothing is held open."""
    rows = list(ordered(queryset, order)[:size])
    while rows:
        yield rows
        if len(rows) < size:
            return
        rows = list(ordered(queryset, order, position_of(rows[-1], order))[:size])


def beyond(model: type[Model], order: Order, position: Position) -> Q:
    """Return the condition for the rows that come after a position."""
    condition, equal = Q(), Q()
    for name, value in zip(order, position, strict=True):
        step = _after(model, name, value)
        if step is not None:
            condition |= equal & step
        equal &= _same(name.lstrip("-"), value)
    if not condition:
        return Q(pk__in=[])
    # What the first field alone says lets MongoDB enter the index at the right place.
    bound = _after(model, order[0], position[0], or_equal=True)
    return condition if bound is None else bound & condition


def _same(field: str, value: Any) -> Q:
    return Q(**{f"{field}__isnull": True}) if value is None else Q(**{field: value})


def _after(model: type[Model], name: str, value: Any, *, or_equal: bool = False) -> Q | None:
    """Return the condition for what one field alone puts behind a value, None if nothing can be there."""
    field, descending = name.lstrip("-"), name.startswith("-")
    equal = "e" if or_equal else ""
    if not descending:
        if value is None:
            return Q() if or_equal else Q(**{f"{field}__isnull": False})
        return Q(**{f"{field}__gt{equal}": value})
    if value is None:
        return None
    smaller = Q(**{f"{field}__lt{equal}": value})
    return smaller | Q(**{f"{field}__isnull": True}) if model._meta.get_field(field).null else smaller
