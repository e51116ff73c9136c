from typing import Any

from django.core.management.commands import migrate

from safycore_backend.django_database import in_postgres
from safycore_backend.django_owner import as_owner, owner_alias
from safycore_backend.environment import DJANGO_SCHEMA


class Command(migrate.Command):
    """Django's own. In Postgres: as the owner, in a schema of its own, all of it or nothing."""

    def handle(self, *args: Any, **options: Any) -> None:
        if not in_postgres():
            super().handle(*args, **options)
            return
        with as_owner() as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"create schema if not exists {DJANGO_SCHEMA}")
            super().handle(*args, **{**options, "database": owner_alias()})
