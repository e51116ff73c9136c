from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from safycore_backend.rebuilding import Rebuilt, rebuild


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Make the list of sessions anew from the messages, as the owner of both databases: missing entries, and the "
        "dates of all. Entries without any message are left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--replace-titles", action="store_true", help="take every title from its first message")
        parser.add_argument("--dry-run", action="store_true", help="do all of it, and then undo it")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SUPABASE_DB_ADMIN_URL:
            raise CommandError("Set SUPABASE_DB_ADMIN_URL to the address of your database, as its owner.")
        sums = Rebuilt()
        for sums in rebuild(replace_titles=options["replace_titles"], dry_run=options["dry_run"]):
            self.stderr.write(f"{sums.sessions} sessions read")
        self.stdout.write(f"{sums.sessions} sessions: {sums.made} added to the list, {sums.changed} changed in it.")
        if options["dry_run"]:
            self.stdout.write("Nothing was changed: this was a dry run.")
