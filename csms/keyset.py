"""Walking a large collection in a fixed order: by the place of a row, never by counting rows.

An order is a tuple of field names, `-` for descending, that ends with a unique field: ("-received_at", "-id").
A position is the values of these fields in one row. Null sorts below every value, as in MongoDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet

Order = tuple[str, ...]
Position = tuple[Any, ...]


def position_of(row: Model, order: Order) -> Position:
    """Return the place of a row in an order."""
    return tuple(getattr(row, name.lstrip("-")) for name in order)


def reverse(order: Order) -> Order:
    """Return the same order, last row first."""
    return tuple(name[1:] if name.startswith("-") else f"-{name}" for name in order)


def beyond(order: Order, position: Position) -> Q:
    """Return the condition for the rows that come after a position."""
    condition = Q()
    equal = Q()
    for name, value in zip(order, position, strict=True):
        step = _after(name, value)
        if step is not None:
            condition |= equal & step
        equal &= _same(name.lstrip("-"), value)
    bound = _not_before(order[0], position[0])
    return bound & condition if condition else Q(pk__in=[])


def _same(field: str, value: Any) -> Q:
    return Q(**{f"{field}__isnull": True}) if value is None else Q(**{field: value})


def _after(name: str, value: Any) -> Q | None:
    field, descending = name.lstrip("-"), name.startswith("-")
    if value is None:
        return None if descending else Q(**{f"{field}__isnull": False})
    if descending:
        return Q(**{f"{field}__lt": value}) | Q(**{f"{field}__isnull": True})
    return Q(**{f"{field}__gt": value})


def _not_before(name: str, value: Any) -> Q:
    """Return what the first field alone says: it lets MongoDB enter the index at the right place."""
    field, descending = name.lstrip("-"), name.startswith("-")
    if value is None:
        return Q(**{f"{field}__isnull": True}) if descending else Q()
    if descending:
        return Q(**{f"{field}__lte": value}) | Q(**{f"{field}__isnull": True})
    return Q(**{f"{field}__gte": value})


def chunks(queryset: QuerySet[Any], order: Order, size: int) -> Iterator[list[Any]]:
    """Yield all rows in order, `size` at a time; each chunk is a query of its own, so nothing is held open."""
    rows: Sequence[Any] = list(queryset.order_by(*order)[:size])
    while rows:
        yield list(rows)
        if len(rows) < size:
            return
        rows = list(queryset.filter(beyond(order, position_of(rows[-1], order))).order_by(*order)[:size])
