"""The turns in a tenant's life at which others have something to do; a receiver that fails stops what goes on.

Attributes:
    tenant_imported: its database is filled, nobody uses it yet. Receivers get `slug`.
    tenant_ending: nobody uses it any more, its database still stands. Receivers get `tenant` and return the last
        events to be sent on its behalf (entries of an outbox row), or None.
    tenant_gone: its database is deleted. Receivers get `slug`, and forget what they keep elsewhere; they may be
        called more than once.
"""

from __future__ import annotations

from django.dispatch import Signal

tenant_imported = Signal()
tenant_ending = Signal()
tenant_gone = Signal()
