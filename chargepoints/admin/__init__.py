"""The admin pages of charge points."""

from chargepoints.admin import charge_points, charging_profiles, reservations, security, station_jobs, wanted_settings

__all__ = ["charge_points", "charging_profiles", "reservations", "security", "station_jobs", "wanted_settings"]
