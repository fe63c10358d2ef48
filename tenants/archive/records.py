"""The file of an exported tenant: BSON records one after another, each followed by a digest of all that came before.

`record, digest, record, digest, ...`, where each digest is SHA-256 over the digest before it and the record. So
every record that was read is known to be whole, in its place and unchanged, without a look at the rest of the file;
and a file that was cut off ends at the last digest that fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, TypeVar

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

FORMAT = "csms-tenant"
VERSION = 1
DIGEST_BYTES = 32
# A batch of documents has 16 MiB, which is what MongoDB answers at most.
_MOST_BYTES = 32 * 1024 * 1024
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_START = hashlib.sha256(FORMAT.encode()).digest()

Record = dict[str, Any]
Kind = TypeVar("Kind")


class BadArchive(Exception):
    """The file is no exported tenant, or not a whole one; the text says what is wrong."""


class CutOff(BadArchive):
    """The file ends in the middle."""


class ArchiveWriter:
    """Writes records; `digest` stands for everything written so far."""

    def __init__(self, stream: BinaryIO, digest: bytes = _START) -> None:
        self._stream = stream
        self.digest = digest

    def write(self, record: Record) -> None:
        """Append a record; what was written before a crash can be gone on with."""
        encoded = bson.encode(record)
        self.digest = _chained(self.digest, encoded)
        self._stream.write(encoded + self.digest)
        self._stream.flush()


class ArchiveReader:
    """Reads records, each checked; `digest` and `position` are those behind the last one read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = _START
        self.position = 0

    def __iter__(self) -> Iterator[RawBSONDocument]:
        """Yield the records to the end of the file.

        Raises:
            CutOff: the file ends in the middle of a record.
            BadArchive: a record was changed, or this is no exported tenant.
        """
        while prefix := self._stream.read(4):
            encoded = self._rest_of(prefix)
            stored = self._exactly(DIGEST_BYTES)
            digest = _chained(self.digest, encoded)
            if stored != digest:
                raise self._bad("does not fit its checksum: it was damaged or changed")
            self.digest = digest
            self.position += len(encoded) + DIGEST_BYTES
            yield self._document(encoded)

    def _document(self, encoded: bytes) -> RawBSONDocument:
        try:
            return RawBSONDocument(encoded, _RAW)
        except InvalidBSON:
            raise self._bad("is no BSON") from None

    def _rest_of(self, prefix: bytes) -> bytes:
        prefix += self._exactly(4 - len(prefix))
        size = int.from_bytes(prefix, "little")
        if not 5 <= size <= _MOST_BYTES:
            raise self._bad("is no record: this is no file of export_tenant, or it is damaged")
        return prefix + self._exactly(size - 4)

    def _exactly(self, size: int) -> bytes:
        # A pipe gives less than is asked for.
        parts = []
        while size and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        if size:
            raise CutOff(f"the file ends in the middle of what begins at byte {self.position}")
        return b"".join(parts)

    def _bad(self, reason: str) -> BadArchive:
        return BadArchive(f"what stands at byte {self.position} {reason}")


def _chained(digest: bytes, encoded: bytes) -> bytes:
    return hashlib.sha256(digest + encoded).digest()


def plain(record: RawBSONDocument) -> Record:
    """Return a record with its values as Python has them.

    Raises:
        BadArchive: it is no BSON.
    """
    try:
        found: Record = bson.decode(record.raw, CodecOptions(tz_aware=True))
    except InvalidBSON as error:
        raise BadArchive(f"a record cannot be read: {error}") from None
    return found


def value_of(record: Mapping[str, Any], name: str, kind: type[Kind]) -> Kind:
    """Return a value of a record.

    Raises:
        BadArchive: there is none, or one of another type.
    """
    try:
        found = record.get(name)
    except InvalidBSON as error:
        raise BadArchive(f"a record cannot be read: {error}") from None
    if not isinstance(found, kind):
        raise BadArchive(f"a record of the file has no {name!r}, or one of a wrong type: no export is like that")
    return found
