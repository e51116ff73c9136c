import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from safycore_backend.isolation.accounts import Credentials
from safycore_backend.isolation.report import CannotVerify, Report, as_json, as_text
from safycore_backend.isolation.verification import Options, verify

CANNOT = 2


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = (
        "Try, as somebody else and as nobody, to reach one person's rows in the running deployment, and read in the "
        "database's catalog whether it could be done. Exit status: 0 when every check passed, 1 when one failed, "
        "2 when it could not be carried out. See docs/verify-isolation.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", default=settings.SITE_URL, help="where the API runs (default: SITE_URL, %(default)s)"
        )
        parser.add_argument(
            "--json", metavar="FILE", help="write the report as JSON too; - writes it instead, to stdout"
        )
        parser.add_argument("--database-only", action="store_true", help="read the catalog alone, when no API runs")
        parser.add_argument(
            "--email-domain",
            default="example.com",
            help="the domain of the throw-away accounts' addresses (default: %(default)s)",
        )
        parser.add_argument(
            "--email",
            action="append",
            default=[],
            help="an existing account, where nobody can sign up freely; give it twice, the second one is the intruder",
        )
        parser.add_argument("--password", action="append", default=[], help="its password; give it twice")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = verify(_options(options), self._say)
        except CannotVerify as exc:
            raise CommandError(f"The verification could not be carried out. {exc}", returncode=CANNOT) from exc
        self._tell(report, options["json"])
        if report.exit_code:
            sys.exit(report.exit_code)

    def _say(self, line: str) -> None:
        """Progress, on standard error: standard output has the report alone."""
        self.stderr.write(line, self.style.NOTICE)

    def _tell(self, report: Report, file: str | None) -> None:
        text = json.dumps(as_json(report), indent=2, ensure_ascii=False)
        if file == "-":
            self.stdout.write(text)
            return
        if file:
            Path(file).write_text(f"{text}\n", encoding="utf-8")
        self.stdout.write(as_text(report))


def _options(options: dict[str, Any]) -> Options:
    emails, passwords = options["email"], options["password"]
    if len(emails) != len(passwords) or len(emails) not in {0, 2}:
        raise CannotVerify("Give --email and --password twice each, or not at all.")
    given = [Credentials(email, password) for email, password in zip(emails, passwords, strict=True)]
    return Options(options["url"].rstrip("/"), options["email_domain"], given, options["database_only"])
