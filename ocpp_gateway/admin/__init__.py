"""Commands in the admin: asked of stations that are chosen in their list, and looked at."""

from ocpp_gateway.admin import command_actions, commands

__all__ = ["command_actions", "commands"]
