"""What nobody may do too often or too much of: log-ins that fail, connections, sockets, messages."""
