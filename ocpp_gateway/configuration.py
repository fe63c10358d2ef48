"""Reading a station's settings after its boot, and bringing them to what its tenant wants (OCPP 1.6 §5.3, §5.8)."""

from __future__ import annotations

from collections.abc import Sequence

from chargepoints.commands import NewCommand, was_cut_off
from chargepoints.configuration import Setting, field_of, same_value, whole_number
from chargepoints.models import WantedSetting
from chargepoints.station import Station
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.system_commands import SYSTEM, system_command
from tenants.clients import Document

MAX_KEYS = "GetConfigurationMaxKeys"
WANTED_SETTINGS = WantedSetting._meta.db_table
# What a station may have (OCPP 1.6 §9, without the keys that are written only).
STANDARD_KEYS = (
    "AllowOfflineTxForUnknownId",
    "AuthorizationCacheEnabled",
    "AuthorizeRemoteTxRequests",
    "BlinkRepeat",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "ConnectorPhaseRotationMaxLength",
    "ConnectorSwitch3to1PhaseSupported",
    MAX_KEYS,
    "HeartbeatInterval",
    "LightIntensity",
    "LocalAuthListEnabled",
    "LocalAuthListMaxLength",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MaxChargingProfilesInstalled",
    "MaxEnergyOnInvalidId",
    "MeterValuesAlignedData",
    "MeterValuesAlignedDataMaxLength",
    "MeterValuesSampledData",
    "MeterValuesSampledDataMaxLength",
    "MeterValueSampleInterval",
    "MinimumStatusDuration",
    "NumberOfConnectors",
    "ReserveConnectorZeroSupported",
    "ResetRetries",
    "SendLocalListMaxLength",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnAlignedDataMaxLength",
    "StopTxnSampledData",
    "StopTxnSampledDataMaxLength",
    "SupportedFeatureProfiles",
    "SupportedFeatureProfilesMaxLength",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
    "WebSocketPingInterval",
)


async def read_after_boot(station: Station, version: OcppVersion) -> list[NewCommand]:
    """Return the request for all settings; what follows from its answer is up to `GetConfiguration`'s verb."""
    return [system_command(station, "GetConfiguration", {})] if version is OcppVersion.V16 else []


def is_after_boot(command: Document) -> bool:
    """Return whether a GetConfiguration is the one that follows a boot; one that was cut off is asked again."""
    return command["requested_by"] == SYSTEM and not command["payload"].get("key") and not was_cut_off(command)


def may_be_cut(settings: Sequence[Setting]) -> bool:
    """Return whether an answer to a request for all settings may be a part only.

    Some stations answer with no more keys than they take in a request, so an answer of just that length is doubtful.
    """
    return len(settings) == whole_number({field_of(one.key): {"value": one.value} for one in settings}, MAX_KEYS)


def read_missing(station: Station, settings: Sequence[Setting]) -> list[NewCommand]:
    """Return requests for the standard settings that an answer has left out."""
    known = {one.key for one in settings}
    return read_in_portions(station, [key for key in STANDARD_KEYS if key not in known], len(settings))


def read_in_portions(station: Station, keys: Sequence[str], portion: int) -> list[NewCommand]:
    """Return requests for some settings, `portion` in each at most."""
    starts = range(0, len(keys), portion)
    return [system_command(station, "GetConfiguration", {"key": [*keys[at : at + portion]]}) for at in starts]


async def set_wanted(station: Station, settings: Sequence[Setting]) -> list[NewCommand]:
    """Return the changes that bring a station to what its tenant wants.

    A setting that the station has not named is set as well: some are written only.
    """
    known = {one.key: one for one in settings}
    wanted = await station.tenant.database[WANTED_SETTINGS].find().sort("_id", 1).to_list()
    return [
        system_command(station, "ChangeConfiguration", {"key": one["_id"], "value": one["value"]})
        for one in wanted
        if _differs(known.get(one["_id"]), one["value"])
    ]


def _differs(setting: Setting | None, wanted: str) -> bool:
    return setting is None or not (setting.readonly or same_value(setting.value, wanted))
