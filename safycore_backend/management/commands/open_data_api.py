from typing import Any

from django.core.management.base import BaseCommand

from safycore_backend.data_api_grants import set_data_api


class Command(BaseCommand):
    help = "Let people reach their own rows through Supabase's Data API with their own token."

    def handle(self, *args: Any, **options: Any) -> None:
        set_data_api(is_open=True)
        self.stdout.write("The Data API is open.")
