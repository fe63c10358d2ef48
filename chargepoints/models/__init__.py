"""What is installed, and what we ask of it: the collections of a tenant's database that belong to its stations."""

from chargepoints.models.certificate_request import CertificateRequest, CertificateStatus
from chargepoints.models.charge_point import IDENTITY_PATTERN, ChargePoint, Registration
from chargepoints.models.charging_profile import ChargingProfile
from chargepoints.models.command import Command, CommandState
from chargepoints.models.connector import Connector, ConnectorState
from chargepoints.models.counter import TenantCounter
from chargepoints.models.firmware_job import FirmwareJob, FirmwareStatus
from chargepoints.models.log_file import LogFile, LogFileState
from chargepoints.models.log_job import LogJob, LogKind, LogStatus
from chargepoints.models.ocpp_message import Direction, FrameKind, OcppMessage
from chargepoints.models.reservation import Reservation, ReservationState
from chargepoints.models.security_event import SecurityEvent, SecurityEventSource
from chargepoints.models.wanted_setting import WantedSetting

__all__ = [
    "IDENTITY_PATTERN",
    "CertificateRequest",
    "CertificateStatus",
    "ChargePoint",
    "ChargingProfile",
    "Command",
    "CommandState",
    "Connector",
    "ConnectorState",
    "Direction",
    "FirmwareJob",
    "FirmwareStatus",
    "FrameKind",
    "LogFile",
    "LogFileState",
    "LogJob",
    "LogKind",
    "LogStatus",
    "OcppMessage",
    "Registration",
    "Reservation",
    "ReservationState",
    "SecurityEvent",
    "SecurityEventSource",
    "TenantCounter",
    "WantedSetting",
]
