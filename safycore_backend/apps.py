from django.apps import AppConfig


class SafycoreConfig(AppConfig):
    name = "safycore_backend"

    def ready(self) -> None:
        # Register what the OpenAPI document says of our tokens, and what `check --deploy` asks.
        from safycore_backend import checks, openapi  # noqa: F401
