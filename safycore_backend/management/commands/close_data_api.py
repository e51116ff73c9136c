from typing import Any

from django.core.management.base import BaseCommand

from safycore_backend.data_api_grants import set_data_api


class Command(BaseCommand):
    help = "Take the Data API away from people: only this server, over Postgres, reaches their rows."

    def handle(self, *args: Any, **options: Any) -> None:
        set_data_api(is_open=False)
        self.stdout.write("The Data API is closed.")
