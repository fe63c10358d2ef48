"""A program that asks with an API key, where otherwise a user would be."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.api_key import ApiKey


@dataclass(frozen=True, slots=True)
class Program:
    """What the API needs of whoever asks; never a superuser, and no person."""

    key: ApiKey
    is_superuser: bool = False
    is_active: bool = True
    is_authenticated: bool = True

    @property
    def pk(self) -> str:
        """Unlike the key of any user."""
        return f"key:{self.key.pk}"

    def get_username(self) -> str:
        """Return the key's name, marked: a user name never has a colon, so nobody can pass for somebody else."""
        return f"key:{self.key.name}"
