from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "tenants.audit"
    label = "audit"

    def ready(self) -> None:
        """Listen to log-ins at the admin."""
        from tenants.audit import log_ins

        log_ins.connect()
