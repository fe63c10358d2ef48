"""The MongoDB backend with one connection pool per process instead of one per database alias."""

from __future__ import annotations

from typing import Any

from django.utils.asyncio import async_unsafe
from django_mongodb_backend.base import DatabaseWrapper as MongoDatabaseWrapper
from pymongo import MongoClient

from tenants.clients import sync_client_of


class DatabaseWrapper(MongoDatabaseWrapper):
    """A database alias on the shared client: 1,000 tenants open no 1,000 pools."""

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> MongoClient[dict[str, Any]]:
        return sync_client_of(self.settings_dict["NAME"])

    def close_pool(self) -> None:
        """Forget the client without closing it: other aliases of this process use it too."""
        if self.session:
            self._end_session()
        self.run_on_commit: list[Any] = []
        self.connection = None
        self.__dict__.pop("database", None)
