"""OCPP 1.6: one file per message a station sends; the table is the coverage list."""

from ocpp_gateway.handlers.handler import Handler
from ocpp_gateway.handlers.v16 import (
    authorize,
    boot_notification,
    data_transfer,
    heartbeat,
    meter_values,
    start_transaction,
    status_notification,
    stop_transaction,
)

HANDLERS: dict[str, Handler] = {
    "Authorize": authorize.handle,
    "BootNotification": boot_notification.handle,
    "DataTransfer": data_transfer.handle,
    "Heartbeat": heartbeat.handle,
    "MeterValues": meter_values.handle,
    "StartTransaction": start_transaction.handle,
    "StatusNotification": status_notification.handle,
    "StopTransaction": stop_transaction.handle,
}
