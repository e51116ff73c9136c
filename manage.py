#!/usr/bin/env python
"""Django's command line for SafyCore."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        if sys.argv[1:2] == ["doctor"]:
            tell_doctors_way(str(exc))
        sys.exit(str(exc))


def tell_doctors_way(problems: str) -> None:
    """The doctor's report, with the settings as its one finding, on standard output."""
    from safycore_backend.doctor.report import told, unreadable

    sys.stdout.write(told(unreadable(problems.splitlines()[1:]), in_json="--json" in sys.argv) + "\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
