"""The admin pages of charge points."""

from chargepoints.admin import charge_points

__all__ = ["charge_points"]
