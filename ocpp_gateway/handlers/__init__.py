"""What a station says to us: one folder per OCPP version, one file per message."""
