from django.apps import AppConfig


class ChargepointsConfig(AppConfig):
    name = "chargepoints"
    verbose_name = "Charge points"

    def ready(self) -> None:
        from chargepoints import tenant_turns

        tenant_turns.connect()
