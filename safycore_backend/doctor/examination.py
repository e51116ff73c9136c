"""Runs checks: in order within a group, groups beside each other, each check within its time.

A check whose precondition failed is skipped and says because of which one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from safycore_backend.doctor.report import Finding, Outcome, fail
from safycore_backend.isolation.catalog_rows import Catalog


@dataclass(slots=True)
class Facts:
    """What earlier checks have learnt, for later ones of the same group."""

    http: httpx.AsyncClient
    ask_model: bool = False
    auth_settings: dict[str, Any] = field(default_factory=dict)
    supabase_ahead: float | None = None
    algorithms: list[str] = field(default_factory=list)
    connection: psycopg.AsyncConnection[Any] | None = None
    catalog: Catalog | None = None
    models: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Check:
    """`needs` are the names of checks of the same group that must not have failed; `silent` is the advice when the
    time is over."""

    name: str
    title: str
    run: Callable[[Facts], Awaitable[Outcome]]
    needs: tuple[str, ...] = ()
    silent: str = "See whether the service is up, and whether this machine reaches it."


Group = Sequence[Check]


async def examine(groups: Sequence[Group], facts: Facts, seconds: float) -> list[Finding]:
    """The findings of every check, in the order of the groups; none takes much longer than `seconds`."""
    try:
        found = await asyncio.gather(*(_group(group, facts, seconds) for group in groups))
    finally:
        await facts.http.aclose()
        if facts.connection is not None:
            await facts.connection.close()
    return [finding for findings in found for finding in findings]


async def _group(group: Group, facts: Facts, seconds: float) -> list[Finding]:
    found: dict[str, Finding] = {}
    for check in group:
        missing = next((found[name] for name in check.needs if found[name].verdict in {"fail", "skipped"}), None)
        outcome = _skipped(missing) if missing else await _within(check, facts, seconds)
        found[check.name] = Finding(check.name, check.title, outcome)
    return list(found.values())


def _skipped(missing: Finding) -> Outcome:
    state = "failed" if missing.verdict == "fail" else "was skipped"
    return Outcome("skipped", f"because “{missing.title}” {state}")


async def _within(check: Check, facts: Facts, seconds: float) -> Outcome:
    task = asyncio.ensure_future(check.run(facts))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        await _abandon(task)
        return fail(f"no answer within {seconds:g} s", check.silent)
    try:
        return task.result()
    except (httpx.HTTPError, psycopg.Error) as exc:
        return fail(f"no usable answer ({type(exc).__name__})", check.silent)
    except Exception as exc:  # noqa: BLE001  # a stranger may answer anything; the other checks go on
        return fail(f"the answer is of no form that is known ({type(exc).__name__})", check.silent)


async def _abandon(task: asyncio.Future[Outcome]) -> None:
    """Cancelled once, psycopg goes on to wait for the server's word that the statement was; so more than once."""
    for _ in range(5):
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=0.2)
        if done:
            break
    with suppress(asyncio.CancelledError, psycopg.Error, httpx.HTTPError, asyncio.InvalidStateError):
        task.result()
