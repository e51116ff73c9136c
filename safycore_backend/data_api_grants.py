"""Opens and closes the Data API for people's own tokens; the grants themselves stand in supabase/migrations/."""

import psycopg
from django.conf import settings
from django.core.management.base import CommandError


def set_data_api(*, is_open: bool) -> None:
    """Grant `authenticated` what the Data API door needs, or take it away. Raises CommandError."""
    if not is_open and not settings.SUPABASE_DB_URL:
        raise CommandError("Set SUPABASE_DB_URL first: without it this server itself needs the Data API.")
    if not settings.SUPABASE_DB_ADMIN_URL:
        raise CommandError("Set SUPABASE_DB_ADMIN_URL to the address of your database, as its owner.")
    try:
        with psycopg.connect(settings.SUPABASE_DB_ADMIN_URL) as connection:
            connection.execute("call safycore.set_data_api(%s)", (is_open,))
    except psycopg.Error as exc:
        raise CommandError(f"The database refused: {exc}") from exc
