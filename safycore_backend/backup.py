"""Dumps everything that people have, consistently, and brings it back into an empty server.

PostgreSQL's own programs do the work; passwords reach them through their environment, never their command line.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import psycopg
from django.conf import settings
from psycopg import sql

ROLES, DUMP, SQLITE, MANIFEST = "roles.sql", "database.dump", "django.sqlite3", "manifest.json"
Say = Callable[[str], None]
_TABLES = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1
"""


class BackupError(Exception):
    """It cannot be done; the text says why, and what to do."""


def back_up(folder: Path, programs: Path | None, say: Say) -> dict[str, int]:
    """Write a backup into a new folder; the number of rows of each table in it. Raises BackupError."""
    url = _admin_url()
    _refuse_elsewhere(url)
    with _connected(url) as connection:
        connection.execute("begin isolation level repeatable read, read only")
        _refuse_lesser(connection)
        folder.mkdir(mode=0o700, parents=True)
        _refuse_older(programs, connection.info.server_version)
        say("Dumping the roles")
        _write(folder / ROLES, _without_the_owner(_ran(programs, "pg_dumpall", _ROLES_OPTIONS, url), connection))
        say("Dumping the database")
        # The same moment for the dump and for the numbers that it is held against.
        snapshot = str(_value(connection, "select pg_export_snapshot()"))
        options = ["--format=custom", "--create", f"--snapshot={snapshot}", f"--file={folder / DUMP}"]
        _ran(programs, "pg_dump", options, url)
        (folder / DUMP).chmod(0o600)
        counted = count_rows(connection)
    _back_up_sqlite(folder, say)
    _write_manifest(folder, counted, url)
    return counted


_ROLES_OPTIONS = ["--roles-only", "--no-role-passwords"]


def restore(folder: Path, programs: Path | None, say: Say) -> dict[str, int]:
    """Bring a backup back into a server without that database; the rows of each table. Raises BackupError."""
    manifest = _read_manifest(folder)
    url = _admin_url()
    if urlsplit(url).path.removeprefix("/") != manifest["database"]:
        raise BackupError(f"The backup is of a database called {manifest['database']}: name that one in the address.")
    server = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    with _connected(server) as connection:
        _refuse_lesser(connection)
        _refuse_existing(connection, manifest["database"])
        _refuse_older(programs, connection.info.server_version)
    say("Restoring the roles")
    _ran(programs, "psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={folder / ROLES}"], server)
    say("Restoring the database")
    _ran(programs, "pg_restore", ["--create", "--exit-on-error", "--dbname=postgres", str(folder / DUMP)], server)
    with _connected(url) as connection:
        counted = count_rows(connection)
    _refuse_difference(manifest["rows"], counted)
    _restore_sqlite(folder, say)
    return counted


def count_rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """The rows of every table that is not PostgreSQL's own."""
    names = [str(row[0]) for row in connection.execute(_TABLES).fetchall()]
    return {name: int(_value(connection, f"select count(*) from {name}")) for name in names}  # noqa: S608  # quoted by format()


# What is refused


def _admin_url() -> str:
    if not settings.SUPABASE_DB_ADMIN_URL:
        raise BackupError("Set SUPABASE_DB_ADMIN_URL to the address of the database, as its superuser.")
    return str(settings.SUPABASE_DB_ADMIN_URL)


def _refuse_lesser(connection: psycopg.Connection[Any]) -> None:
    if not _value(connection, "select rolsuper from pg_roles where rolname = current_user"):
        raise BackupError(
            "This needs a superuser of the server. On a hosted project nobody is one: use supabase db dump there "
            "(docs/operations/backup.md)."
        )


def _refuse_elsewhere(url: str) -> None:
    """Django's tables go along in the same dump, or as a file; from a third place they would be missed."""
    entry, parts = settings.DATABASES["default"], urlsplit(url)
    there = (str(entry.get("PORT") or ""), str(entry["NAME"]))
    if _sqlite_file() is None and there != (str(parts.port or 5432), unquote(parts.path.removeprefix("/"))):
        raise BackupError(
            "DATABASE_URL and SUPABASE_DB_ADMIN_URL name two databases: one backup would hold one of them only. "
            "Dump each with pg_dump (docs/operations/backup.md)."
        )


def _refuse_older(programs: Path | None, server_version: int) -> None:
    told = _ran(programs, "pg_dump", ["--version"], "")
    found = re.search(r"(\d+)\.?\d*", told)
    major = int(found[1]) if found else 0
    if major < server_version // 10_000:
        raise BackupError(
            f"pg_dump is of version {major}, and the server of {server_version // 10_000}: give the folder of programs "
            "that are at least as new with --programs."
        )


def _refuse_existing(connection: psycopg.Connection[Any], database: str) -> None:
    if connection.execute("select from pg_database where datname = %s", (database,)).fetchone() is not None:
        raise BackupError(f"There is a database {database} already: restore into an empty server.")


def _refuse_difference(wanted: Mapping[str, int], there: Mapping[str, int]) -> None:
    different = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if different:
        raise BackupError(f"These tables have other numbers of rows than in the backup: {', '.join(different)}.")


# The programs


def _ran(programs: Path | None, program: str, options: list[str], url: str) -> str:
    found = shutil.which(program, path=str(programs) if programs else None)
    if found is None:
        raise BackupError(f"{program} is not there: install PostgreSQL's client programs, or name their folder.")
    environment = {"PATH": os.defpath, "LC_ALL": "C", **_libpq(url)}
    done = subprocess.run([found, *options], env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # no shell, and a fixed list
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _libpq(url: str) -> dict[str, str]:
    """The address as libpq's variables."""
    parts = urlsplit(url)
    given = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.removeprefix("/")),
        "PGSSLMODE": dict(parse_qsl(parts.query)).get("sslmode"),
        "PGSSLROOTCERT": dict(parse_qsl(parts.query)).get("sslrootcert"),
    }
    return {name: value for name, value in given.items() if value} if url else {}


def _without_the_owner(roles: str, connection: psycopg.Connection[Any]) -> str:
    """Without the superuser that the new server has already, whatever it was made with."""
    name = re.escape(sql.Identifier(str(_value(connection, "select current_user"))).as_string().strip('"'))
    own = re.compile(rf'^(CREATE|ALTER) ROLE "?{name}"?[ ;].*\n', re.MULTILINE)
    # psql of an older server does not know these two, which only keep others from meddling with a dump.
    return re.sub(r"^\\(un)?restrict .*\n", "", own.sub("", roles), flags=re.MULTILINE)


def _connected(url: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as exc:
        raise BackupError(f"The database cannot be reached: {exc}") from exc


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


# Files


def _sqlite_file() -> Path | None:
    entry = settings.DATABASES["default"]
    return Path(str(entry["NAME"])) if str(entry["ENGINE"]).endswith("sqlite3") else None


def _back_up_sqlite(folder: Path, say: Say) -> None:
    file = _sqlite_file()
    if file is None or not file.exists():
        return
    say("Copying Django's SQLite file")
    (folder / SQLITE).touch(mode=0o600)
    # SQLite's own way: what is still in the write-ahead log is in it, and writers go on.
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(folder / SQLITE)) as copy:
        source.backup(copy)


def _restore_sqlite(folder: Path, say: Say) -> None:
    file = _sqlite_file()
    if file is None or not (folder / SQLITE).exists():
        return
    if file.exists():
        raise BackupError(f"{file} is there already: the SQLite part was left alone. Move it away and copy it by hand.")
    say("Restoring Django's SQLite file")
    shutil.copy(folder / SQLITE, file)
    file.chmod(0o600)


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _write_manifest(folder: Path, counted: Mapping[str, int], url: str) -> None:
    manifest = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "database": urlsplit(url).path.removeprefix("/"),
        "rows": dict(counted),
        "sha256": {path.name: _digest(path) for path in sorted(folder.iterdir())},
    }
    _write(folder / MANIFEST, f"{json.dumps(manifest, indent=2)}\n")


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError) as exc:
        raise BackupError(f"{folder} is no backup: it has no {MANIFEST} that can be read.") from exc
    for name, digest in manifest["sha256"].items():
        if not (folder / name).exists() or _digest(folder / name) != digest:
            raise BackupError(f"{folder / name} is not as it was written: take another backup.")
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
