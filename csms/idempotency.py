"""`Idempotency-Key` on a POST that creates: the same request sent again gets the first answer.

The key is claimed by inserting a document under it, so of any number of requests at the same moment one does the
work. A definite refusal frees the key. Where the outcome is not known (a crash, a database that fell silent) it
stays taken: nothing is ever done twice. Answers are kept for 24 hours, secrets in them never: they are derived from
SECRET_KEY and the claim, so the first answer can be given again without having been stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from django.conf import settings
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError
from rest_framework.exceptions import APIException, ParseError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from csms.errors import Conflict, CsmsError
from tenants.clients import Document, sync_database
from tenants.context import current_tenant
from tenants.routing import database_name

HEADER = "Idempotency-Key"
COLLECTION = "idempotency_keys"
KEPT = timedelta(hours=24)
# Longer than any request takes: a claim older than this belongs to a process that died.
UNDER_WAY = timedelta(seconds=60)
_KEPT_HEADERS = ("ETag", "Location", "Cache-Control")
_with_index: set[str] = set()


class InProgress(CsmsError):
    """The first request with this key is still being served."""

    code = "idempotency_in_progress"
    http_status = 409
    retry_after = 1

    def __init__(self) -> None:
        super().__init__("the first request with this Idempotency-Key is still being served: try again in a second")


class Seed:
    """What an answer's secrets are derived from: the same for every repetition of a request.

    Others when the key is used again after its time: what was stolen of the first object must not open the next.
    """

    def __init__(self, claim: Document) -> None:
        self._claim = f"{claim['_id']}:{claim.get('salt', '')}"

    def secret(self) -> str:
        """Return 40 hex digits that nobody without SECRET_KEY can tell."""
        text = f"idempotency:{self._claim}"
        return hmac.new(settings.SECRET_KEY.encode(), text.encode(), "sha256").hexdigest()[:40]


Work = Callable[[Seed | None], Response]


def answer_once(
    request: Request, work: Work, *, secrets: Callable[[Seed], Mapping[str, Any]] = lambda _: {}
) -> Response:
    """Do the work and return its answer, or the first answer if this request was answered before.

    Args:
        work: is given a seed for secrets if the request may be repeated, else None.
        secrets: returns the members of the answer that must not be stored.

    Raises:
        csms.errors.Conflict: the key was used for another body, or nobody knows how the first request ended.
        InProgress: the first request is still being served.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return work(None)
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise ParseError(f"{HEADER} is 1 to 255 printable ASCII characters")
    collection, claim_id, digest = _collection(), _claim_id(request, key), _digest(request.data)
    claim, is_new = _claim(collection, claim_id, digest)
    seed = Seed(claim)
    if not is_new:
        return _repeated(claim, digest, secrets(seed))
    answer = _do(collection, claim_id, lambda: work(seed))
    _keep(collection, claim_id, answer, without=secrets(seed))
    return answer


def _collection() -> Collection[Document]:
    tenant = current_tenant()
    name = database_name(tenant) if tenant else settings.MONGODB_GLOBAL_DATABASE
    collection = sync_database(name)[COLLECTION]
    if name not in _with_index:
        collection.create_index("expires_at", expireAfterSeconds=0)
        _with_index.add(name)
    return collection


def _claim_id(request: Request, key: str) -> str:
    # Per user: nobody gets at another's answer by guessing a key.
    facts = (str(request.user.pk), str(request.method), request.path.rstrip("/"), key)
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _claim(collection: Collection[Document], claim_id: str, digest: str) -> tuple[Document, bool]:
    """Return what is known of the key's first use, and whether this is it."""
    now = datetime.now(UTC)
    collection.delete_one({"_id": claim_id, "expires_at": {"$lte": now}})  # MongoDB tidies up once a minute only
    document: Document = {
        "_id": claim_id,
        "salt": token_hex(16),
        "digest": digest,
        "claimed_at": now,
        "expires_at": now + KEPT,
        "answer": None,
    }
    try:
        collection.insert_one(document)
    except DuplicateKeyError:
        known = collection.find_one({"_id": claim_id})
        if known is None:  # freed between the two calls by a request that was refused
            raise InProgress from None
        return known, False
    return document, True


def _repeated(known: Document, digest: str, secrets: Mapping[str, Any]) -> Response:
    if known["digest"] != digest:
        raise Conflict(f"this {HEADER} was used with another body", code="idempotency_key_reused")
    answer = known["answer"]
    if answer is not None:
        body = {**json.loads(answer["body"]), **secrets}
        return Response(body, status=answer["status"], headers={**answer["headers"], "Idempotency-Replayed": "true"})
    # The driver's client for threads returns naive moments in UTC.
    if datetime.now(UTC) - known["claimed_at"].replace(tzinfo=UTC) < UNDER_WAY:
        raise InProgress
    raise Conflict(
        "the first request with this key broke off, and may or may not have been carried out: look whether the object"
        f" is there, and use a new {HEADER} if it is not",
        code="idempotency_outcome_unknown",
    )


def _do(collection: Collection[Document], claim_id: str, work: Callable[[], Response]) -> Response:
    try:
        return work()
    except (CsmsError, APIException) as refusal:
        status = refusal.http_status if isinstance(refusal, CsmsError) else refusal.status_code
        if status < 500:
            collection.delete_one({"_id": claim_id})
        raise


def _keep(collection: Collection[Document], claim_id: str, answer: Response, *, without: Mapping[str, Any]) -> None:
    body = {name: value for name, value in answer.data.items() if name not in without}
    kept = {
        "status": answer.status_code,
        "headers": {name: answer[name] for name in _KEPT_HEADERS if name in answer},
        "body": JSONRenderer().render(body).decode(),
    }
    collection.update_one({"_id": claim_id}, {"$set": {"answer": kept}})
