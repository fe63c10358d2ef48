"""The admin pages of the platform's own data; Django imports this package to find them."""

from tenants.admin import audit, members, tenants, undelivered_events, users

__all__ = ["audit", "members", "tenants", "undelivered_events", "users"]
