"""A station's configuration keys (OCPP 1.6 §9): those that the simulated stations act on or are asked for."""

from __future__ import annotations

import re
from typing import Any

from ocpp_gateway.simulator.meter import MEASURANDS

_WRITABLE = {
    "AuthorizeRemoteTxRequests": "true",
    "ConnectionTimeOut": "60",
    "HeartbeatInterval": "300",
    "LocalAuthListEnabled": "true",
    "LocalPreAuthorize": "false",
    "MeterValuesSampledData": ",".join(MEASURANDS),
    "MeterValueSampleInterval": "60",
    "StopTransactionOnInvalidId": "true",
    "TransactionMessageAttempts": "3",
    "TransactionMessageRetryInterval": "60",
}
_BOOLEANS = frozenset(
    {"AuthorizeRemoteTxRequests", "LocalAuthListEnabled", "LocalPreAuthorize", "StopTransactionOnInvalidId"}
)
_PROFILES = "Core,FirmwareManagement,LocalAuthListManagement,RemoteTrigger,Reservation,SmartCharging"
AUTHORIZATION_KEY = "AuthorizationKey"
# 16 to 20 bytes, as text or as the hex digits that stand for them (security white paper, A00).
_KEY = re.compile(r"[\x21-\x7E]{16,20}|(?:[0-9A-Fa-f]{2}){16,20}")


class Configuration:
    """Keys and values of one station, in the words of GetConfiguration and ChangeConfiguration."""

    def __init__(self, connectors: int, sample_interval: int = 60, *, authorization_key: str = "") -> None:
        # What the station logs in with: may be changed, and is never told.
        self.authorization_key = authorization_key
        self._values = dict(_WRITABLE)
        self._values["MeterValueSampleInterval"] = str(sample_interval)
        self._fixed = {
            "ChargeProfileMaxStackLevel": "10",
            "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
            "ChargingScheduleMaxPeriods": "24",
            "GetConfigurationMaxKeys": "50",
            "LocalAuthListMaxLength": "1000",
            "MaxChargingProfilesInstalled": "20",
            "NumberOfConnectors": str(connectors),
            "ReserveConnectorZeroSupported": "true",
            "SendLocalListMaxLength": "100",
            "StopTxnSampledData": "Energy.Active.Import.Register",
            "SupportedFeatureProfiles": _PROFILES,
        }

    def integer(self, key: str) -> int:
        """Return the value of a key that holds a whole number."""
        return int(self._values[key])

    def fixed(self, key: str) -> int:
        """Return the value of a key that cannot be changed and holds a whole number."""
        return int(self._fixed[key])

    def boolean(self, key: str) -> bool:
        """Return the value of a key that holds true or false."""
        return self._values[key] == "true"

    def measurands(self) -> list[str]:
        """Return what a MeterValues holds."""
        return _split(self._values["MeterValuesSampledData"])

    def set(self, key: str, value: str) -> None:
        """Set a key that exists, without a check."""
        self._values[key] = value

    def change(self, key: str, value: str) -> str:
        """Do what ChangeConfiguration asks, and return its status."""
        if key in self._fixed:
            return "Rejected"
        if key == AUTHORIZATION_KEY:
            return self._change_authorization_key(value)
        if key not in self._values:
            return "NotSupported"
        if not _fits(key, value):
            return "Rejected"
        self._values[key] = value.lower() if key in _BOOLEANS else value
        return "Accepted"

    def _change_authorization_key(self, value: str) -> str:
        if _KEY.fullmatch(value) is None:
            return "Rejected"
        self.authorization_key = value
        return "Accepted"

    def report(self, keys: list[str]) -> dict[str, Any]:
        """Return the answer to GetConfiguration; no `keys` means all of them."""
        known = self._values | self._fixed
        wanted = keys or sorted(known)
        answer: dict[str, Any] = {
            "configurationKey": [
                {"key": key, "value": known[key], "readonly": key in self._fixed} for key in wanted if key in known
            ]
        }
        unknown = [key for key in wanted if key not in known]
        return answer | ({"unknownKey": unknown} if unknown else {})


def _fits(key: str, value: str) -> bool:
    if key == "MeterValuesSampledData":
        return set(_split(value)) <= set(MEASURANDS)
    if key in _BOOLEANS:
        return value.lower() in ("true", "false")
    return value.isdecimal()


def _split(value: str) -> list[str]:
    return [entry.strip() for entry in value.split(",") if entry.strip()]
