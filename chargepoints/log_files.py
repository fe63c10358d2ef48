"""Files of stations: claimed for one upload, streamed into GridFS of the tenant, read again piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from bson import ObjectId
from gridfs.asynchronous import AsyncGridFSBucket
from pymongo.errors import DuplicateKeyError

from chargepoints.models import LogFile, LogFileState
from chargepoints.upload_links import UploadLink
from tenants.clients import Document, async_database
from tenants.directory import TenantRecord
from tenants.routing import database_name

LOG_UPLOADS = LogFile._meta.db_table
BUCKET = "log_files"
# An upload that has not ended after this long was cut off with its process: the station may try again.
ABANDONED = timedelta(hours=6)


class AlreadyUploaded(Exception):
    """The link was used: the file is here, or on its way."""


class TooLarge(Exception):
    """The file is larger than LOG_UPLOAD_MAX_BYTES."""


async def claim_upload(tenant: TenantRecord, link: UploadLink, file_name: str, now: datetime) -> str:
    """Take an upload as ours alone and return the id of its file. One that failed may be claimed again.

    Raises:
        AlreadyUploaded: the file is stored, or another request is bringing it.
    """
    free = [
        {"state": LogFileState.FAILED.value},
        {"state": LogFileState.RECEIVING.value, "begun_at": {"$lt": now - ABANDONED}},
    ]
    file_id = str(ObjectId())
    change = {
        "charge_point_id": link.station,
        "state": LogFileState.RECEIVING.value,
        "file_name": file_name,
        "file_id": file_id,
        "size": None,
        "begun_at": now,
        "received_at": None,
    }
    uploads = tenant.database[LOG_UPLOADS]
    try:
        await uploads.update_one({"_id": link.upload_id, "$or": free}, {"$set": change}, upsert=True)
    except DuplicateKeyError:
        raise AlreadyUploaded(link.upload_id) from None
    return file_id


async def store_file(tenant: TenantRecord, file_id: str, pieces: AsyncIterator[bytes], limit: int) -> int:
    """Write a file as it comes and return its size in bytes; nothing of it stays when something goes wrong.

    Raises:
        TooLarge: it has more than `limit` bytes.
    """
    size = 0
    stream = _bucket(tenant.slug).open_upload_stream_with_id(ObjectId(file_id), file_id)
    try:
        async for piece in pieces:
            size += len(piece)
            if size > limit:
                raise TooLarge(file_id)
            await stream.write(piece)
        await stream.close()
    except BaseException:
        await stream.abort()
        raise
    return size


async def settle_upload(
    tenant: TenantRecord, link: UploadLink, file_id: str, *, size: int | None, now: datetime
) -> None:
    """Note how an upload has ended: with so many bytes, or with None."""
    state = LogFileState.FAILED if size is None else LogFileState.STORED
    received = None if size is None else now
    change: Document = {"state": state.value, "size": size, "received_at": received}
    # Only the request that claimed it last says how it has ended.
    await tenant.database[LOG_UPLOADS].update_one({"_id": link.upload_id, "file_id": file_id}, {"$set": change})


async def read_file(slug: str, file_id: str) -> AsyncIterator[bytes]:
    """Yield a stored file piece by piece."""
    stream = await _bucket(slug).open_download_stream(ObjectId(file_id))
    try:
        while piece := await stream.readchunk():
            yield piece
    finally:
        await stream.close()


def _bucket(slug: str) -> AsyncGridFSBucket:
    return AsyncGridFSBucket(async_database(database_name(slug)), BUCKET)
