from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from safycore_backend.backup import BackupError, restore


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Bring a backup back into an empty Postgres of your own: its roles (without passwords), its database, "
        "Django's SQLite file. See docs/operations/backup.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="what `backup` has written")
        parser.add_argument("--programs", type=Path, help="the folder with pg_restore and psql (default: PATH)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counted = restore(options["folder"], options["programs"], self.stderr.write)
        except BackupError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(
            f"{sum(counted.values())} rows of {len(counted)} tables are back, as many as were in the backup.\n"
            "Now give the login roles their passwords (alter role ... password), then run doctor."
        )
