"""Messages that a station was asked to send: which command each of them answers (OCPP 1.6 §5.17).

A station agrees first and sends the message then, so what comes after its answer, of the kind and from the connector
asked for, is taken as the triggered one. Nothing in the message says so; only meter values may name their context.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ocpp_gateway.protocol.frames import Call, CallError, CallResult

TRIGGERS = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
# How long after its agreement a station's message is waited for.
WINDOW_SECONDS = 60.0
# What a station may send where its message has another name than what was asked for.
_SENT_AS = {
    "FirmwareStatusNotification": frozenset({"FirmwareStatusNotification", "SignedFirmwareStatusNotification"}),
    "SignChargePointCertificate": frozenset({"SignCertificate"}),
}
# Of these each connector sends one of its own, unless one connector was named.
_PER_CONNECTOR = frozenset({"MeterValues", "StatusNotification"})


@dataclass(slots=True)
class Trigger:
    """A message that a command has asked for."""

    command_id: str
    actions: frozenset[str]
    connector: int | None
    until: float = 0.0
    came_from: set[Any] = field(default_factory=set)

    def fits(self, call: Call) -> bool:
        """Return whether a CALL, valid or not, is the message, or one more of the messages, that was asked for."""
        connector = call.payload.get("connectorId")
        if call.action not in self.actions or not isinstance(connector, int | None) or _has_other_cause(call.payload):
            return False
        return self.connector in (None, connector) and connector not in self.came_from

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come of it."""
        several = self.connector is None and self.actions <= _PER_CONNECTOR
        return bool(self.came_from) and not several


def _has_other_cause(payload: dict[str, Any]) -> bool:
    """Return whether meter values say of themselves that they were taken for another reason than a trigger."""
    samples = [sample for value in _objects(payload, "meterValue") for sample in _objects(value, "sampledValue")]
    return bool(samples) and all(sample.get("context", "Trigger") != "Trigger" for sample in samples)


def _objects(payload: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = payload.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


class Triggers:
    """What one connection's station was asked to send. `tell` is called with the command and the message that came."""

    __slots__ = ("_asked", "_agreed", "_tell")

    def __init__(self, tell: Callable[[str, Call], None]) -> None:
        self._asked: dict[str, Trigger] = {}
        self._agreed: list[Trigger] = []
        self._tell = tell

    def asked(self, message_id: str, command_id: str, payload: dict[str, Any]) -> None:
        """Note that a trigger is about to be sent."""
        name = payload["requestedMessage"]
        actions = _SENT_AS.get(name, frozenset({name}))
        self._asked[message_id] = Trigger(command_id, actions, payload.get("connectorId"))

    def given_up(self, message_id: str) -> None:
        """Note that the station has not answered."""
        self._asked.pop(message_id, None)

    def answered(self, answer: CallResult | CallError) -> None:
        """Note the station's answer to a CALL of ours: if it agrees to a trigger, its message comes next."""
        trigger = self._asked.pop(answer.message_id, None)
        if trigger is None or not isinstance(answer, CallResult) or answer.payload.get("status") != "Accepted":
            return
        trigger.until = time.monotonic() + WINDOW_SECONDS
        self._agreed.append(trigger)

    def expects(self, call: Call) -> bool:
        """Return whether a valid CALL of the station was asked for."""
        return self._find(call) is not None

    def came(self, call: Call) -> None:
        """Note that a CALL was served; if it was asked for, `tell` is called."""
        trigger = self._find(call)
        if trigger is None:
            return
        trigger.came_from.add(call.payload.get("connectorId"))
        if trigger.is_done:
            self._agreed.remove(trigger)
        self._tell(trigger.command_id, call)

    def _find(self, call: Call) -> Trigger | None:
        if not self._agreed:
            return None
        now = time.monotonic()
        self._agreed = [trigger for trigger in self._agreed if trigger.until > now]
        return next((trigger for trigger in self._agreed if trigger.fits(call)), None)
