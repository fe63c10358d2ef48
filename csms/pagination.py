"""Lists a page at a time, by cursor: stable while rows are added, and as fast on page 1,000 as on page 1."""

from rest_framework import pagination


class CursorPagination(pagination.CursorPagination):
    """Answers `{"next", "previous", "results"}`."""

    page_size_query_param = "page_size"
    max_page_size = 500
