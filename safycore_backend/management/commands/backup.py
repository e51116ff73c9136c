from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from safycore_backend.backup import BackupError, back_up


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Dump a Postgres of your own, and Django's SQLite file, into a new folder. See docs/operations/backup.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="where to; must not exist yet")
        parser.add_argument("--programs", type=Path, help="the folder with pg_dump and pg_dumpall (default: PATH)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counted = back_up(options["folder"], options["programs"], self.stderr.write)
        except FileExistsError as exc:
            raise CommandError(f"{options['folder']} is there already: name a new folder.") from exc
        except BackupError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{sum(counted.values())} rows of {len(counted)} tables are in {options['folder']}.")
