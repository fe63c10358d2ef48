"""FirmwareStatusNotification (OCPP 1.6 §4.5): how far a firmware update has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.models import FirmwareStatus
from chargepoints.station import Station
from chargepoints.station_jobs import FIRMWARE, record_report
from ocpp_gateway.station_jobs import FIRMWARE_ACTIONS

# Also those of SignedFirmwareStatusNotification, which has more.
STATUSES = {
    "Downloaded": FirmwareStatus.DOWNLOADED,
    "DownloadFailed": FirmwareStatus.DOWNLOAD_FAILED,
    "Downloading": FirmwareStatus.DOWNLOADING,
    "DownloadScheduled": FirmwareStatus.DOWNLOAD_SCHEDULED,
    "DownloadPaused": FirmwareStatus.DOWNLOAD_PAUSED,
    "Idle": FirmwareStatus.IDLE,
    "InstallationFailed": FirmwareStatus.INSTALLATION_FAILED,
    "Installing": FirmwareStatus.INSTALLING,
    "Installed": FirmwareStatus.INSTALLED,
    "InstallRebooting": FirmwareStatus.INSTALL_REBOOTING,
    "InstallScheduled": FirmwareStatus.INSTALL_SCHEDULED,
    "InstallVerificationFailed": FirmwareStatus.INSTALL_VERIFICATION_FAILED,
    "InvalidSignature": FirmwareStatus.INVALID_SIGNATURE,
    "SignatureVerified": FirmwareStatus.SIGNATURE_VERIFIED,
}


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the status is durable."""
    status = STATUSES[payload["status"]]
    await record_report(station, FIRMWARE, status.value, request_id=None, actions=FIRMWARE_ACTIONS, now=now)
    return {}
