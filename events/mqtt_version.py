"""Which version of MQTT to try next: 5 wherever the broker speaks it, 3.1.1 where it does not."""

from __future__ import annotations

from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

NEW, OLD = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
# A broker of before MQTT 5 may say so, or just hang up. After so many times we try the older version once.
_UNGREETED_BEFORE_OLD = 3
_UNSUPPORTED_VERSION = 0x84
# After a session in the older version that lasted longer, the newer one is tried: the broker may be another one by now.
_LASTING_SECONDS = 60.0


class VersionChoice:
    """The version of one session after another."""

    def __init__(self) -> None:
        self.now = NEW
        self._ungreeted = 0
        self._greeted = self._unsupported = False

    def greeted(self, reason: ReasonCode) -> None:
        """Note the broker's answer to the connection."""
        self._greeted = True
        self._unsupported = self.now is NEW and reason.value == _UNSUPPORTED_VERSION

    def ended(self, lived: float) -> bool:
        """Note that the connection has ended, after so many seconds; 0 if the broker never took it.

        Return whether the broker wants the other version, at once.
        """
        at_once = self._unsupported
        if at_once:
            self.now = OLD
        elif self.now is OLD:
            self.now = OLD if 0 < lived < _LASTING_SECONDS else NEW
        elif not self._greeted:
            self._ungreeted += 1
            if self._ungreeted >= _UNGREETED_BEFORE_OLD:
                self.now = OLD
        if self._greeted or self.now is OLD:
            self._ungreeted = 0
        self._greeted = self._unsupported = False
        return at_once
