from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from safycore_backend.supabase_migrations import apply_migrations


class Command(BaseCommand):
    help = "Apply supabase/migrations/*.sql, in order and once each, to SUPABASE_DB_ADMIN_URL (or SUPABASE_DB_URL)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SUPABASE_DB_ADMIN_URL:
            raise CommandError("Set SUPABASE_DB_ADMIN_URL to the address of your database, as its owner.")
        try:
            applied = apply_migrations(settings.SUPABASE_DB_ADMIN_URL, self.stdout.write)
        except psycopg.OperationalError as exc:
            raise CommandError(f"The database cannot be reached: {exc}") from exc
        except psycopg.Error as exc:
            raise CommandError(f"A migration failed and was rolled back: {exc}") from exc
        self.stdout.write(f"{applied} applied." if applied else "Nothing to apply.")
