from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # they load every view, which doubles the time of a start
    help = "Bring both databases up to date: Supabase's (where its address is known) and Django's own."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SUPABASE_DB_ADMIN_URL:
            call_command("apply_migrations", stdout=self.stdout, skip_checks=True)
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True, stdout=self.stdout)
