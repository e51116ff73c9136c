"""One examination of the deployment that the settings describe."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import httpx
from django.conf import settings

from safycore_backend.doctor import cache, database, django_tables, model, site, supabase
from safycore_backend.doctor.examination import Facts, Group, examine
from safycore_backend.doctor.report import Finding, Report, fail, ok, without
from safycore_backend.isolation.report import CannotVerify
from safycore_backend.isolation.verification import Options, verify


def check_up(*, ask_model: bool, seconds: float) -> Report:
    """Ask everything once; no check takes much longer than `seconds`."""
    started = datetime.now(UTC)
    return report_of(started, asyncio.run(examined(all_checks(), ask_model=ask_model, seconds=seconds)))


def all_checks() -> list[Group]:
    """By service; no group needs anything of another one."""
    return [site.CHECKS, supabase.checks(), database.checks(), model.CHECKS, cache.CHECKS, django_tables.checks()]


async def examined(groups: Sequence[Group], *, ask_model: bool = False, seconds: float = 10) -> list[Finding]:
    return await examine(groups, Facts(httpx.AsyncClient(timeout=seconds), ask_model=ask_model), seconds)


def isolation(url: str, say: Callable[[str], None]) -> Finding:
    """verify_isolation as a whole, as one more finding."""
    advice = "See what: python manage.py verify_isolation"
    try:
        found = verify(Options(url), say)
    except CannotVerify as exc:
        outcome = fail(f"could not be verified: {exc}", advice)
    else:
        outcome = fail(found.summary, advice) if found.exit_code else ok(found.summary)
    return Finding("isolation", "Isolation", outcome)


def report_of(started: datetime, found: Sequence[Finding]) -> Report:
    """Without any secret of the settings."""
    hidden = list(_secrets())
    version = str(settings.SPECTACULAR_SETTINGS["VERSION"])
    return Report(version, started, [without(hidden, finding) for finding in found])


def _secrets() -> Iterator[str]:
    names = ("SECRET_KEY", "SUPABASE_KEY", "SUPABASE_SECRET_KEY", "SUPABASE_JWT_SECRET", "GROQ_API_KEY")
    yield from (getattr(settings, name) for name in names)
    for name in (
        *("SUPABASE_DB_URL", "SUPABASE_DB_ADMIN_URL", "DATABASE_URL", "DATABASE_ADMIN_URL"),
        *("CACHE_URL", "GROQ_BASE_URL", "SUPABASE_URL"),
    ):
        password = urlsplit(getattr(settings, name)).password or ""
        yield from (password, unquote(password))
