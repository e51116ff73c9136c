import sys
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from safycore_backend.doctor.checkup import check_up, isolation, report_of
from safycore_backend.doctor.report import told


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Check each step of this deployment against the live services, and say for each failure what to do. "
        "Exit status: 0 when nothing failed, else 1. See docs/operations/doctor.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="write the report as JSON")
        parser.add_argument("--ask-model", action="store_true", help="ask the model for one token, which costs one")
        parser.add_argument("--isolation", action="store_true", help="run verify_isolation as well")
        parser.add_argument(
            "--url", default=settings.SITE_URL, help="where the API runs, for --isolation (default: SITE_URL)"
        )
        parser.add_argument(
            "--seconds", type=float, default=10, help="how long each check may take (default: %(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = check_up(ask_model=options["ask_model"], seconds=options["seconds"])
        if options["isolation"]:
            found = isolation(options["url"].rstrip("/"), self._say)
            report = replace(report, findings=report_of(report.started, [*report.findings, found]).findings)
        self.stdout.write(told(report, in_json=options["json"]))
        if report.exit_code:
            sys.exit(report.exit_code)

    def _say(self, line: str) -> None:
        self.stderr.write(line)
