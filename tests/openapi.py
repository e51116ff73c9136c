"""Checks the OpenAPI document: `python -m tests.openapi` fails on anything it does not say clearly."""

import tests.environment  # noqa: F401  # before Django, which refuses to start without


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("spectacular", validate=True, fail_on_warn=True, file="/dev/null")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    print("The OpenAPI document is valid, and Django's migrations are complete.")  # noqa: T201  # a command's answer


if __name__ == "__main__":
    main()
