"""What the tests of accounts and tokens share: signing in, reading caught mails, looking into both databases."""

import re
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from local_stack.mailbox import Mail, read_mails
from tests.cast import PASSWORD, Actor
from tests.clients import http_client
from tests.secret_search import known

Owner = psycopg.AsyncConnection[Any]

NOT_AUTHENTICATED = {"error": "Sign in to use this.", "code": "not_authenticated"}
# What a body may not decide, whatever it says.
PRIVILEGES: dict[str, Any] = {
    "id": 1,
    "user_id": "00000000-0000-4000-8000-000000000000",
    "role": "service_role",
    "is_staff": True,
    "is_superuser": True,
    "is_anonymous": True,
    "created_at": "1999-01-01T00:00:00Z",
    "updated_at": "1999-01-01T00:00:00Z",
    "app_metadata": {"role": "admin"},
    "email_confirmed_at": "1999-01-01T00:00:00Z",
}


def fresh_address(name: str) -> str:
    """An address that nobody has."""
    return f"{name}-{uuid.uuid4().hex[:12]}@example.com"


async def log_in(base_url: str, email: str, password: str = PASSWORD) -> httpx.Response:
    return await post(base_url, "login", {"email": email, "password": password})


async def post(base_url: str, door: str, body: Any, **options: Any) -> httpx.Response:
    """`POST /api/auth/<door>/` by somebody without a token."""
    known.body(body)
    async with http_client(base_url) as http:
        return await http.post(f"/api/auth/{door}/", json=body, **options)


async def get_profile(base_url: str, token: str | None) -> httpx.Response:
    async with http_client(base_url) as http:
        return await http.get("/api/auth/profile/", headers={"Authorization": f"Bearer {token}"})


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The body without its request id, which must be there."""
    body: dict[str, Any] = response.json()
    assert body.pop("request_id") == response.headers["X-Request-ID"]
    return body


def assert_not_authenticated(response: httpx.Response) -> None:
    assert response.status_code == 401, response.text
    assert error_of(response) == NOT_AUTHENTICATED
    assert response.headers["WWW-Authenticate"] == "Bearer"


def assert_bad_fields(response: httpx.Response, *names: str) -> None:
    assert response.status_code == 400, response.text
    body = error_of(response)
    assert body["code"] == "invalid_input"
    assert set(body["fields"]) == set(names)
    assert all(sentences and all(sentences) for sentences in body["fields"].values())


class Mailbox:
    """The mails that the local Supabase caught."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def to(self, address: str) -> list[Mail]:
        """Newest first."""
        return [mail for mail in read_mails(self._folder) if mail["to"] == address]

    def token_hash(self, address: str) -> str:
        """Of the link in the newest mail to this address."""
        link = re.search(r"token_hash=([0-9a-zA-Z_-]+)&type=\w+", self.to(address)[0]["text"])
        assert link is not None
        return link[1]

    def link(self, address: str) -> str:
        """The link in the newest mail to this address, without the site: `/reset-password?token_hash=…`.

        Supabase knows one site, and the tests several servers of it.
        """
        link = re.search(r"https?://[^/\s]+(/\S+)", self.to(address)[0]["text"])
        assert link is not None
        return link[1]


class DjangoRows:
    """Django's own database, past Django and past every policy."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Of a server with this environment."""
        self._sqlite = environment["DATABASE_URL"].removeprefix("sqlite:///")
        self._owner = environment["DATABASE_ADMIN_URL"] if "://" in self._sqlite else None

    def all(self, query: str, *values: Any) -> list[Any]:
        """The rows; what is left open in the query is a `?`."""
        with self._opened() as (connection, mark):
            found: list[Any] = connection.execute(query.replace("?", mark), values).fetchall()
            return found

    def change(self, statement: str, *values: Any) -> None:
        with self._opened() as (connection, mark):
            connection.execute(statement.replace("?", mark), values)
            connection.commit()

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """A connection, and how it wants a place for a value marked."""
        if self._owner is None:
            with closing(sqlite3.connect(self._sqlite, timeout=10)) as connection:
                yield connection, "?"
        else:
            with psycopg.connect(self._owner, options="-c search_path=safycore_django") as owner:
                yield owner, "%s"

    def tables(self) -> list[str]:
        in_sqlite = "select name from sqlite_master where type = 'table'"
        in_postgres = "select tablename from pg_tables where schemaname = 'safycore_django'"
        return [name for (name,) in self.all(in_postgres if self._owner else in_sqlite)]

    def of(self, person: Actor | str) -> dict[str, int]:
        """How many rows this person has, per table. The ORM keeps a UUID without its dashes."""
        key = (person if isinstance(person, str) else person.id).replace("-", "")
        theirs = "where replace(cast(user_id as text), '-', '') = ?"
        return {
            table: self.all(f"select count(*) from {table} {theirs}", key)[0][0]
            for table in ("conversation_sessions", "user_profiles")
        }


async def rows_of(owner: Owner, person: Actor | str) -> dict[str, int]:
    """How many rows of a person the people's database really holds, per table."""
    user_id = person if isinstance(person, str) else person.id
    tables = {"messages": "user_id", "training_data": "user_id", "users": "id"}
    return {table: await _count(owner, table, column, user_id) for table, column in tables.items()}


async def _count(owner: Owner, table: str, column: str, value: str) -> int:
    schema = "auth" if table == "users" else "public"
    query = sql.SQL("select count(*) from {} where {} = %s").format(
        sql.Identifier(schema, table), sql.Identifier(column)
    )
    row = await (await owner.execute(query, [value])).fetchone()
    assert row is not None
    return int(row[0])
