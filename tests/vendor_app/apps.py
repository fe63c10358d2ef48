from django.apps import AppConfig


class VendorAppConfig(AppConfig):
    name = "tests.vendor_app"
    label = "vendor_app"

    def ready(self) -> None:
        from tests.vendor_app import messages  # noqa: F401  registers
