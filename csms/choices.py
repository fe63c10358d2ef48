"""Django's `TextChoices` with types: Django ships none, and without them every member is a tuple to mypy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enum import Enum
    from typing import ClassVar, Self

    class TextChoices(str, Enum):  # noqa: UP042  what Django has: no StrEnum
        """A word of the domain with a label for people: `ADMIN = "admin", "Administrator"`."""

        choices: ClassVar[list[tuple[str, str]]]
        values: ClassVar[list[str]]
        labels: ClassVar[list[str]]

        def __new__(cls, value: str, label: str = "") -> Self: ...

        @property
        def value(self) -> str: ...

        @property
        def label(self) -> str: ...
else:
    from django.db.models import TextChoices

__all__ = ["TextChoices"]
