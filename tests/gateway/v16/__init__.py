"""One file per message a station sends, as in `ocpp_gateway/handlers/v16`."""
