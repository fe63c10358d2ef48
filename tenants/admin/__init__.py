"""The admin pages of the platform's own data; Django imports this package to find them."""

from tenants.admin import api_keys, audit, members, tenants, undelivered_events, users

__all__ = ["api_keys", "audit", "members", "tenants", "undelivered_events", "users"]
