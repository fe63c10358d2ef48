"""From CALL to answer: validate, handle, validate. The one place where an exception becomes a CALLERROR."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

import structlog
from pymongo.errors import PyMongoError

from chargepoints.station import SequenceUsedUp, StaleConnection, Station
from csms.errors import StorageUnavailable
from ocpp_gateway.handlers import v16
from ocpp_gateway.handlers.handler import Handler, Payload
from ocpp_gateway.protocol.errors import ErrorCode, OcppError, spelled
from ocpp_gateway.protocol.frames import Call, encode_error, encode_result
from ocpp_gateway.protocol.schemas import known_actions, validate_request, validate_response
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.tallies import CALL_ERRORS, CALLS

HANDLERS: dict[OcppVersion, dict[str, Handler]] = {OcppVersion.V16: v16.HANDLERS}
# Served before a station is accepted; everything else gets SecurityError (OCPP 1.6 security white paper, A00).
_BEFORE_BOOT = frozenset({"BootNotification"})

log = structlog.get_logger(__name__)


def find_handler(version: OcppVersion, station: Station, action: str, *, triggered: bool = False) -> Handler:
    """Return the handler of an action; `triggered`: we have asked for the message.

    Raises:
        OcppError: NotImplemented for an action the version does not have, NotSupported for one that stations do
            not send or that we do not serve, SecurityError before the station is accepted, unless its registration is
            pending and we have asked for the message (OCPP 1.6 §4.2).
    """
    handler = HANDLERS[version].get(action)
    if handler is None:
        if action in known_actions(version):
            raise OcppError(ErrorCode.NOT_SUPPORTED, f"{action} is not served for stations")
        raise OcppError(ErrorCode.NOT_IMPLEMENTED, f"there is no action {action[:50]!r} in OCPP {version.number}")
    may_send = station.may_work or action in _BEFORE_BOOT or (triggered and station.may_be_asked)
    if not may_send:
        raise OcppError(ErrorCode.SECURITY_ERROR, "send a BootNotification and wait until it is accepted")
    return handler


def begin(
    version: OcppVersion, station: Station, call: Call, now: datetime, *, triggered: bool = False
) -> str | Awaitable[Payload]:
    """Validate a CALL and start its handler: return the answer's text at once where nothing has to be waited for.

    Otherwise the handler's own awaitable is returned, for `finish`. A Heartbeat thus costs no task and no turn of
    the event loop.
    """
    try:
        handler = find_handler(version, station, call.action, triggered=triggered)
        CALLS[call.action] += 1
        validate_request(version, call.action, call.payload)
        outcome = handler(station, call.payload, now)
    except Exception as error:  # noqa: BLE001  every CALL is answered; what is our fault is logged there
        return refusal(version, station, call, error)
    return _answer(version, station, call, outcome) if isinstance(outcome, dict) else outcome


async def finish(version: OcppVersion, station: Station, call: Call, outcome: Awaitable[Payload]) -> str:
    """Return the answer's text when the handler is done.

    Raises:
        StorageUnavailable: nothing was stored, so nothing is answered; the station must keep its message.
        SequenceUsedUp: this connection must end; the next one begins a new epoch.
        StaleConnection: this connection must end; another one owns the station.
    """
    try:
        payload = await outcome
    except (StorageUnavailable, SequenceUsedUp, StaleConnection):
        raise
    except PyMongoError as error:
        raise StorageUnavailable(f"reading failed: {type(error).__name__}") from error
    except Exception as error:  # noqa: BLE001  as above
        return refusal(version, station, call, error)
    return _answer(version, station, call, payload)


def _answer(version: OcppVersion, station: Station, call: Call, payload: Payload) -> str:
    try:
        validate_response(version, call.action, payload)
    except OcppError as error:
        log.error("own_answer_invalid", station=station.id, action=call.action, error=error.description)
        return encode_error(call.message_id, spelled(ErrorCode.INTERNAL_ERROR, version), "internal error")
    return encode_result(call.message_id, payload)


def refusal(version: OcppVersion, station: Station, call: Call, error: Exception) -> str:
    """Return the CALLERROR for what went wrong; what is our own fault is logged with its traceback."""
    CALL_ERRORS[error.code.value if isinstance(error, OcppError) else ErrorCode.INTERNAL_ERROR.value] += 1
    if isinstance(error, OcppError):
        return encode_error(call.message_id, spelled(error.code, version), error.description, error.details)
    log.error(
        "handler_failed",
        tenant=station.tenant.slug,
        station=station.id,
        action=call.action,
        message_id=call.message_id,
        exc_info=error,
    )
    return encode_error(call.message_id, spelled(ErrorCode.INTERNAL_ERROR, version), "internal error")
