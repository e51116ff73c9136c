"""One verification from beginning to end: the accounts, the attempts, the catalog, the report."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings
from django.db import connection as django_connection

from safycore_backend.environment import DJANGO_SCHEMA
from safycore_backend.isolation.accounts import Credentials, Person, two_people
from safycore_backend.isolation.catalog import check_catalog, check_django
from safycore_backend.isolation.catalog_rows import Catalog, read_catalog
from safycore_backend.isolation.data_api_probes import try_data_api
from safycore_backend.isolation.exposed import Exposed, exposed, our_tables
from safycore_backend.isolation.http import Client
from safycore_backend.isolation.operations import known_operations
from safycore_backend.isolation.planted import Planted, plant
from safycore_backend.isolation.probes import try_api, try_running_reply, try_without_token
from safycore_backend.isolation.report import CannotVerify, Check, Report
from safycore_backend.isolation.sql_probes import SECTION as SQL
from safycore_backend.isolation.sql_probes import try_django_sql, try_sql
from safycore_backend.supabase_client import close_supabase_clients

Say = Callable[[str], None]
_NO_ADDRESS = "neither SUPABASE_DB_ADMIN_URL nor SUPABASE_DB_URL is set, so the catalog cannot be read"
_NO_SQL = "SUPABASE_DB_URL is not set: the server itself does not speak SQL to the people's tables"
_SQLITE = "Django's tables are in SQLite, out of Supabase's reach"


@dataclass(frozen=True, slots=True)
class Options:
    url: str
    email_domain: str = "example.com"
    given: list[Credentials] = field(default_factory=list)
    database_only: bool = False


def verify(options: Options, say: Say) -> Report:
    """Raises CannotVerify, also when it is stopped by Ctrl-C or SIGTERM: the accounts are removed before."""
    try:
        return asyncio.run(_verify(options, say))
    except (asyncio.CancelledError, KeyboardInterrupt) as exc:
        raise CannotVerify("It was stopped before its end.") from exc


async def _verify(options: Options, say: Say) -> Report:
    _end_on_signals()
    target = "the database alone" if options.database_only else options.url
    report = Report(str(settings.SPECTACULAR_SETTINGS["VERSION"]), target, datetime.now(UTC))
    try:
        say("Reading the catalog")
        catalog = await _catalog()
        if not options.database_only:
            report.checks += await _as_two_people(options, catalog, report, say)
        report.checks += _of_the_catalog(catalog)
        report.checks += await _of_django()
    finally:
        await close_supabase_clients()
    report.finished = datetime.now(UTC)
    if options.database_only and catalog is None:
        raise CannotVerify(f"There is nothing to verify: {_NO_ADDRESS}.")
    return report


def _end_on_signals() -> None:
    """Both mean what Ctrl-C means. SIGINT by hand as well: it is ignored in background jobs."""
    task = asyncio.current_task()
    with suppress(NotImplementedError, ValueError, RuntimeError):  # not the main thread, or no such signals
        if task is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _as_two_people(options: Options, catalog: Catalog | None, report: Report, say: Say) -> list[Check]:
    left: list[str] = []
    async with Client(options.url) as api:
        try:
            say(f"Making two accounts at {options.url}")
            async with two_people(api, options.given, options.email_domain, left) as (owner, intruder):
                checks = await _attempts(api, catalog, (owner, intruder), say)
        except CannotVerify as exc:
            raise CannotVerify(" ".join([str(exc), *left])) from exc
        finally:
            report.requests += api.requests
            for sentence in left:
                say(sentence)
    name = "the accounts are removed" if not options.given else "the accounts are left as they were found"
    return [*checks, Check("Afterwards", name, 2, tuple(left))]


async def _attempts(api: Client, catalog: Catalog | None, people: tuple[Person, Person], say: Say) -> list[Check]:
    owner, intruder = people
    operations, unknown = known_operations()
    surface = exposed(catalog)
    planted = await plant(api, owner)
    say(f"Trying {len(operations)} calls of the API with each of {len(planted.ids)} foreign ids")
    checks = await try_api(api, operations, unknown, intruder, planted)
    checks.append(await try_without_token(api, operations, planted))
    say("Trying to reach a reply on its way")
    checks.append(await try_running_reply(api, operations, intruder, planted))
    say(f"Trying the Data API: {len(surface.tables)} tables, {len(surface.functions)} functions")
    checks += await try_data_api(api, surface, intruder, planted)
    say("Trying SQL in the server's role")
    in_sql = await _in_sql(surface, intruder, planted)
    api.requests += sum(check.tried for check in in_sql)
    return [*checks, *in_sql]


async def _in_sql(surface: Exposed, intruder: Person, planted: Planted) -> list[Check]:
    if settings.SUPABASE_DB_URL:
        checks = await try_sql(surface, intruder, planted)
    else:
        checks = [Check(SQL, "the server's role reaches no row of somebody else's", not_tried=_NO_SQL)]
    if django_connection.vendor == "postgresql":
        checks.append(await try_django_sql(intruder, planted))
    return checks


async def _catalog() -> Catalog | None:
    url = settings.SUPABASE_DB_ADMIN_URL or settings.SUPABASE_DB_URL
    if not url:
        return None
    name = "SUPABASE_DB_ADMIN_URL" if settings.SUPABASE_DB_ADMIN_URL else "SUPABASE_DB_URL"
    return await _read(url, name, settings.SUPABASE_DB_URL, None)


async def _read(url: str, name: str, servers_url: str, django_schema: str | None) -> Catalog:
    # A pooler of a hosted project wants the project behind the role: safycore_app.abcdefgh.
    login = unquote(urlsplit(servers_url).username or "safycore_app").partition(".")[0]
    try:
        return await read_catalog(url, login=login, django_schema=django_schema)
    except psycopg.Error as exc:
        raise CannotVerify(f"{name} cannot be used to read the catalog: {exc}") from exc


def _of_the_catalog(catalog: Catalog | None) -> list[Check]:
    if catalog is None:
        return [Check("Catalog", "the catalog says what it must", not_tried=_NO_ADDRESS)]
    return check_catalog(catalog, our_tables())


async def _of_django() -> list[Check]:
    if django_connection.vendor != "postgresql":
        return [Check("Django's tables", "they have policies, and the Data API cannot reach them", not_tried=_SQLITE)]
    return check_django(await _read(settings.DATABASE_URL, "DATABASE_URL", settings.DATABASE_URL, DJANGO_SCHEMA))
