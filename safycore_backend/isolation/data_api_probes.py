"""The attempts over Supabase's Data API: with the intruder's own token, and with the project's public key alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from safycore_backend.isolation.accounts import Person
from safycore_backend.isolation.exposed import Exposed
from safycore_backend.isolation.http import Client
from safycore_backend.isolation.operations import Request
from safycore_backend.isolation.planted import NOBODYS, Planted, everything
from safycore_backend.isolation.probes import unchanged
from safycore_backend.isolation.report import Check

SECTION = "Data API"
_COLUMNS = {
    "id": ("message", "reply", "training text"),
    "reply_to": ("message",),
    "session_id": ("session",),
    "user_id": ("person",),
    "client_message_id": ("message key",),
}
# Schemas and tables that the Data API must not know at all.
_HIDDEN = (("auth", "users"), ("safycore_django", "user_profiles"), ("safycore_django", "conversation_sessions"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """`must_refuse` says that even an empty success would be one too many."""

    request: Request
    must_refuse: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.request.query.items())
        return f"{self.request.method} {self.request.path}{'?' if query else ''}{query}"


async def try_data_api(api: Client, exposed: Exposed, intruder: Person, planted: Planted) -> list[Check]:
    """With the intruder's own token: no row of the owner's, no change, nothing in the owner's name."""
    before = await everything(api, planted.owner, planted.session)
    async with Client(settings.SUPABASE_URL) as data_api:
        attempts = list(as_intruder(exposed, planted))
        problems = await _problems(data_api, attempts, intruder.token, planted)
        nothing = list(as_nobody(exposed, planted))
        by_nobody = await _problems(data_api, nothing, None, planted)
        api.requests += data_api.requests
    after = await everything(api, planted.owner, planted.session)
    return [
        _check("a person's own token reaches no row of somebody else's", attempts, problems),
        unchanged(SECTION, len(attempts) + len(nothing), before, after),
        _check("the public key alone reaches nothing", nothing, by_nobody),
    ]


def _check(name: str, attempts: list[Attempt], problems: list[str]) -> Check:
    return Check(SECTION, name, len(attempts), tuple(problems), leaks=len(problems))


async def _problems(data_api: Client, attempts: list[Attempt], token: str | None, planted: Planted) -> list[str]:
    problems = []
    for each in attempts:
        headers = {"apikey": settings.SUPABASE_KEY, "Prefer": "return=representation", **each.headers}
        request = Request(each.request.method, each.request.path, each.request.query, headers, each.request.body)
        answer = await data_api.ask(request, token)
        if planted.given_away_by(answer.text):
            problems.append(f"{each.name}: the answer has what is the owner's")
        elif each.must_refuse and answer.is_success:
            problems.append(f"{each.name}: answers {answer.status_code} instead of refusing")
    return problems


def as_intruder(exposed: Exposed, planted: Planted) -> Iterator[Attempt]:
    for table in exposed.tables:
        yield from _on_table(table, planted)
        yield from _in_the_owners_name(table, planted)
    for function in exposed.functions:
        kinds = planted.kinds() if function.ids else {NOBODYS: ""}
        # Without an argument it is about the caller: one that writes would remove the intruder's own account.
        if function.arguments or not function.volatile:
            for value in kinds.values():
                yield Attempt(_post(f"rpc/{function.name}", function.call(value)))
    yield from _hidden()


def as_nobody(exposed: Exposed, planted: Planted) -> Iterator[Attempt]:
    """Nothing may succeed, be the answer empty or not."""
    for table in exposed.tables:
        for each in (*_on_table(table, planted), *_in_the_owners_name(table, planted)):
            yield Attempt(each.request, must_refuse=True, headers=each.headers)
    for function in exposed.functions:
        value = planted.session if "uuid" not in dict(function.arguments).values() else planted.ids["message"]
        yield Attempt(_post(f"rpc/{function.name}", function.call(value)), must_refuse=True)
    yield from _hidden()


def _on_table(table: str, planted: Planted) -> Iterator[Attempt]:
    for query in _queries(planted):
        yield Attempt(Request("GET", f"/rest/v1/{table}", {"select": "*", **query}, {}, None))
        yield Attempt(Request("PATCH", f"/rest/v1/{table}", query, {}, {"content": "tried"}))
        yield Attempt(Request("DELETE", f"/rest/v1/{table}", query, {}, None))


def _queries(planted: Planted) -> Iterator[dict[str, str]]:
    yield {}
    for column, kinds in _COLUMNS.items():
        for kind in kinds:
            yield {column: f"eq.{planted.ids[kind]}"}


def _in_the_owners_name(table: str, planted: Planted) -> Iterator[Attempt]:
    row = {"user_id": planted.owner.id, "session_id": planted.session, "content": "tried"}
    merge = {"Prefer": "resolution=merge-duplicates,return=representation"}
    for body in (row, {**row, "role": "assistant"}):
        yield Attempt(_post(table, body), must_refuse=True)
    for kind in ("message", "training text"):
        body = {"id": planted.ids[kind], "session_id": planted.session, "content": "tried"}
        for more in ({}, {"role": "assistant"}):
            request = Request("POST", f"/rest/v1/{table}", {"on_conflict": "id"}, {}, {**body, **more})
            yield Attempt(request, must_refuse=True, headers=merge)


def _hidden() -> Iterator[Attempt]:
    for schema, table in _HIDDEN:
        request = Request("GET", f"/rest/v1/{table}", {"select": "*"}, {}, None)
        yield Attempt(request, must_refuse=True, headers={"Accept-Profile": schema})
        yield Attempt(request, must_refuse=True)


def _post(path: str, body: dict[str, Any]) -> Request:
    return Request("POST", f"/rest/v1/{path}", {}, {}, body)
