"""Which door the settings choose."""

import functools

from django.conf import settings

from safycore_backend.data_api import DataApiDoor
from safycore_backend.database import Door
from safycore_backend.postgres import PostgresDoor


@functools.cache
def door() -> Door:
    """Postgres when SUPABASE_DB_URL is set, else the Data API; one per process."""
    return PostgresDoor(settings.SUPABASE_DB_URL) if settings.SUPABASE_DB_URL else DataApiDoor()
