from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from safycore_backend.django_database import in_postgres
from safycore_backend.moving import move

_SQLITE = "sqlite:///"


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Move profiles and the list of sessions from an SQLite file into Postgres (DATABASE_URL), in one transaction. "
        "What is there already with the same content is left alone; other content is refused. Stop the servers first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="source", required=True, help="sqlite:///path/to/file")
        parser.add_argument("--dry-run", action="store_true", help="do all of it, and then undo it")

    def handle(self, *args: Any, **options: Any) -> None:
        if not in_postgres():
            raise CommandError("Set DATABASE_URL to the Postgres that the rows shall move to.")
        if not options["source"].startswith(_SQLITE):
            raise CommandError("--from must look like sqlite:///path/to/file.")
        file = Path(options["source"].removeprefix(_SQLITE))
        for moved in move(file, self.stderr.write, dry_run=options["dry_run"]):
            there = f", {moved.rows - moved.new} were there already" if moved.new < moved.rows else ""
            self.stdout.write(f"{moved.table}: {moved.new} of {moved.rows} rows moved{there}.")
        if options["dry_run"]:
            self.stdout.write("Nothing was changed: this was a dry run.")
