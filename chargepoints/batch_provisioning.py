"""Many charge points at once, with keys that are known beforehand: playgrounds and load tests."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db import Error as DatabaseError
from django.db import IntegrityError
from django.db.models import F
from django_mongodb_backend import transaction
from pymongo.errors import PyMongoError

from chargepoints.credentials import hash_key, key_matches
from chargepoints.models import ChargePoint, TenantCounter
from chargepoints.provisioning import COUNTER, ChargePointLimit, first_epoch, replaced_key
from tenants.context import require_tenant
from tenants.models import Tenant
from tenants.routing import alias_for

# The name under which chargepoints.provisioning counts the stations.
_BATCH = 500
_ATTEMPTS = 20
_LONGEST_PAUSE_SECONDS = 0.1


def ensure_charge_points(keys: Mapping[str, str]) -> int:
    """Make sure that the current tenant has these stations with these keys, and return how many it did not have.

    Raises:
        ChargePointLimit: the tenant may not have that many; batches of 500 that fit are stored.
    """
    identities = list(keys)
    created = 0
    for start in range(0, len(identities), _BATCH):
        part = {identity: keys[identity] for identity in identities[start : start + _BATCH]}
        created += _ensure_batch(part)
    return created


def _ensure_batch(keys: Mapping[str, str]) -> int:
    for attempt in range(1, _ATTEMPTS + 1):
        stored = dict(ChargePoint.objects.filter(pk__in=list(keys)).values_list("id", "credential_hash"))
        _restore_keys(keys, stored)
        missing = [identity for identity in keys if identity not in stored]
        try:
            _insert(missing, keys)
        except DatabaseError as error:
            # Somebody else creates stations of this tenant at this moment: look again.
            if attempt == _ATTEMPTS or not _is_collision(error):
                raise
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311  only to part those who collided
        else:
            return len(missing)
    raise AssertionError("unreachable")


def _restore_keys(keys: Mapping[str, str], stored: Mapping[str, str]) -> None:
    for identity, credential_hash in stored.items():
        if not key_matches(credential_hash, keys[identity].encode("ascii")):
            ChargePoint.objects.filter(pk=identity).update(**replaced_key(keys[identity]))


def _insert(identities: Sequence[str], keys: Mapping[str, str]) -> None:
    """Store stations and count them in one transaction, so that the limit holds whatever happens meanwhile."""
    if not identities:
        return
    slug = require_tenant()
    limit = Tenant.objects.values_list("max_charge_points", flat=True).get(slug=slug)
    TenantCounter.objects.get_or_create(pk=COUNTER, defaults={"value": ChargePoint.objects.count()})
    with transaction.atomic(using=alias_for(slug)):
        room = TenantCounter.objects.filter(pk=COUNTER, value__lte=limit - len(identities))
        if not room.update(value=F("value") + len(identities)):
            raise ChargePointLimit(f"this tenant may have {limit} charge points, too few for {len(identities)} more")
        ChargePoint.objects.bulk_create([_station(identity, keys[identity]) for identity in identities])


def _station(identity: str, key: str) -> ChargePoint:
    station = ChargePoint(id=identity, epoch=first_epoch(), credential_hash=hash_key(key), created_at=datetime.now(UTC))
    station.clean_fields()
    return station


def _is_collision(error: DatabaseError) -> bool:
    cause = error.__cause__
    transient = isinstance(cause, PyMongoError) and cause.has_error_label("TransientTransactionError")
    return transient or isinstance(error, IntegrityError)
