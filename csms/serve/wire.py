"""The WebSocket protocol itself, from `websockets`, without I/O."""

from __future__ import annotations

import logging

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.server import ServerProtocol

from csms.serve.options import Limits

_logger = logging.getLogger(__name__)
_logger.setLevel(logging.ERROR)  # below that, it describes every handshake and frame

# Without context takeover a compressor lives for one message only, so that an idle socket with deflate costs
# no more than one without; with it, zlib would keep more than 40 KiB for each.
_EXTENSIONS = [
    ServerPerMessageDeflateFactory(
        server_no_context_takeover=True, client_no_context_takeover=True, compress_settings={"memLevel": 5}
    )
]
COMPRESS_FROM = 512  # bytes; shorter messages gain little and may go uncompressed (RFC 7692 §6)


def new_wire(limits: Limits) -> ServerProtocol:
    """Return the protocol state of a new connection."""
    return ServerProtocol(extensions=_EXTENSIONS, max_size=limits.message_bytes, logger=_logger)
