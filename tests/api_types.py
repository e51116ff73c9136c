"""The web app's types of the API, made from the OpenAPI document.

`python -m tests.api_types` fails when those in the checkout are not what the server says now; with `--write` it renews
them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import tests.environment  # noqa: F401  # before Django, which refuses to start without
from local_stack import node
from tests.processes import CHECKOUT

PACKAGE = CHECKOUT / "frontend"
TYPES = PACKAGE / "src" / "lib" / "api" / "schema.d.ts"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description="Compares the web app's types of the API with the OpenAPI document.")
    parser.add_argument("--write", action="store_true", help="renew them")
    if parser.parse_args().write:
        TYPES.parent.mkdir(parents=True, exist_ok=True)
        return 0 if _generate(TYPES) else 1
    with tempfile.TemporaryDirectory() as folder:
        now = Path(folder) / "schema.d.ts"
        return 0 if _generate(now) and _is_same(now) else 1


def _generate(target: Path) -> bool:
    """Whether the types could be written; what went wrong is printed."""
    import django
    from django.core.management import call_command

    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        call_command("spectacular", format="openapi-json", file=str(document))
        run = node.npm(PACKAGE, "run", "--silent", "generate-api", "--", str(document), "-o", str(target), quiet=True)
    if run.returncode != 0:
        print(run.stdout, file=sys.stderr)  # noqa: T201  # a command's answer
    return run.returncode == 0


def _is_same(now: Path) -> bool:
    if TYPES.is_file() and TYPES.read_text() == now.read_text():
        print("The web app's types are those of the OpenAPI document.")  # noqa: T201  # a command's answer
        return True
    name = TYPES.relative_to(CHECKOUT)
    print(f"{name} is not what the API says now; renew it with: make api-types", file=sys.stderr)  # noqa: T201
    return False


if __name__ == "__main__":
    sys.exit(main())
