"""Makes an empty PostgreSQL look like the database of a hosted Supabase project."""

from pathlib import Path

import psycopg
from psycopg import sql

from local_stack.postgres import Postgres

DATABASE = "safycore"
ROLES = Path(__file__).with_name("bootstrap.sql")


def bootstrap(postgres: Postgres, *, authenticator_password: str) -> None:
    """Create the database, the roles of a Supabase project and their grants; safe to repeat."""
    with psycopg.connect(postgres.admin_url(database="postgres"), autocommit=True) as server:
        known = server.execute("select from pg_database where datname = %s", [DATABASE])
        if known.fetchone() is None:
            server.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    with psycopg.connect(postgres.admin_url(database=DATABASE)) as database:
        database.execute(ROLES.read_bytes())
        _set_password(database, "authenticator", authenticator_password)


def admit_server(postgres: Postgres, *, password: str) -> None:
    """Let the role of the Django server in, which the product's migrations have made."""
    with psycopg.connect(postgres.admin_url(database=DATABASE)) as database:
        _set_password(database, "safycore_app", password)
        database.execute("grant connect on database safycore to safycore_app")


def _set_password(database: psycopg.Connection, role: str, password: str) -> None:
    command = sql.SQL("alter role {} with login password {}")
    database.execute(command.format(sql.Identifier(role), sql.Literal(password)))
