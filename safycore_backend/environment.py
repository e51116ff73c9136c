"""Typed readers of the environment; settings.py is their only user.

Every problem is collected, so that one start names them all; `Environment.refuse()` raises them as one sentence each.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

DJANGO_SCHEMA = "safycore_django"
"""Where Django's tables lie in Postgres: never in public, which the Data API shows to whoever has the project's key."""
POSTGRES = ("postgres", "postgresql")
# Connections of the threads in own_database.py, which asks each whether it still stands before it is used. In Postgres
# a pool keeps them.
_KEPT: dict[str, object] = {"CONN_MAX_AGE": 300, "CONN_HEALTH_CHECKS": True}
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}")
_WEB_PORTS = {"http": 80, "https": 443}
# What browsers take for an address and not for a name: its last part is a number.
_NUMERIC_END = re.compile(r"(^|\.)\d+$")
_HOST_NAME = re.compile(r"[a-z0-9._-]+")


class Environment:
    """Reads variables by name and type, and remembers what was missing or malformed."""

    def __init__(self, source: dict[str, str] | None = None) -> None:
        self._source = dict(os.environ) if source is None else source
        self._problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self._source.get(name, default).strip()

    def required(self, name: str, what: str, minimum: int = 1) -> str:
        """A value that has no default; `what` completes the sentence 'Set NAME to ...'."""
        value = self.text(name)
        if len(value) < minimum:
            self._problems.append(f"Set {name} to {what}.")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name).lower()
        if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
            return default if not value else value in {"1", "true", "yes", "on"}
        self._problems.append(f"{name} must be true or false, not {value!r}.")
        return default

    def integer(self, name: str, default: int, minimum: int = 0) -> int:
        return int(self._number(name, default, minimum, whole=True))

    def seconds(self, name: str, default: float, minimum: float = 0.001) -> float:
        return self._number(name, default, minimum, whole=False)

    def _number(self, name: str, default: float, minimum: float, *, whole: bool) -> float:
        value = self.text(name)
        try:
            number = (int(value) if whole else float(value)) if value else default
        except ValueError:
            number = minimum - 1
        if minimum <= number < float("inf"):
            return number
        self._problems.append(
            f"{name} must be a {'whole ' if whole else ''}number of at least {minimum:g}, not {value!r}."
        )
        return default

    def words(self, name: str, default: str = "") -> list[str]:
        """A comma-separated list, blanks and empty entries dropped."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """One of the words, however it is capitalised."""
        value = self.text(name) or default
        for word in choices:
            if word.lower() == value.lower():
                return word
        self._problems.append(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
        return default

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name) or default
        parts = _split(value)
        if value and (parts is None or parts.scheme not in schemes or not parts.hostname):
            self._problems.append(f"{name} must be a URL that starts with {' or '.join(schemes)}://.")
            return ""
        return value.rstrip("/")

    def origins(self, name: str) -> list[str]:
        """Origins as browsers send them: scheme, host and port, nothing behind. Another spelling would never match."""
        values = self.words(name)
        for value in values:
            sent = _as_sent(value)
            if sent is None:
                self._problems.append(f"{name}: {value!r} is not an origin such as https://chat.example.com.")
            elif sent != value:
                self._problems.append(f"{name}: browsers send {value!r} as {sent!r}; write it like that.")
        return values

    def rate(self, name: str, default: str) -> tuple[int, int]:
        """`count/seconds` as (count, seconds)."""
        value = self.text(name) or default
        count, _, seconds = value.partition("/")
        if count.isdecimal() and seconds.isdecimal() and int(seconds) > 0:
            return int(count), int(seconds)
        self._problems.append(f"{name} must look like 10/60 (how many per how many seconds), not {value!r}.")
        return 0, 1

    def database(self, name: str, default: Path) -> dict[str, Any]:
        """Django's entry for `sqlite:///path` or `postgres://user:password@host:port/name`."""
        value = self.text(name)
        if not value or value.startswith("sqlite:///"):
            return _sqlite(Path(value.removeprefix("sqlite:///")) if value else default)
        parts = _split(value)
        if parts and parts.scheme in POSTGRES and parts.hostname and parts.path.strip("/"):
            return postgres_entry(value)
        self._problems.append(
            f"{name} must look like sqlite:///path/to/file or postgres://user:password@host:5432/name."
        )
        return _sqlite(default)

    def problem(self, sentence: str) -> None:
        self._problems.append(sentence)

    def refuse(self) -> None:
        """Raise ImproperlyConfigured with one line per problem, if there was any."""
        if self._problems:
            raise ImproperlyConfigured("\n".join(["SafyCore cannot start:", *self._problems]))


def several_processes_without_a_cache(count: int) -> str:
    """Why these do not start: each would count limits, and remember ended sessions, for itself."""
    return (
        f"{count} server processes need a Redis in common, for limits and ended sessions: "
        "set CACHE_URL, such as redis://127.0.0.1:6379/0, or run one process."
    )


def host_of(url: str) -> str:
    """The host of a URL; this machine's for what is none."""
    parts = _split(url)
    return (parts.hostname if parts else None) or "127.0.0.1"


def is_this_machine(url: str) -> bool:
    """Whether nobody but this machine itself can mean the URL's host."""
    host = host_of(url)
    return host in {"localhost", "::1"} or host.endswith(".localhost") or bool(_LOOPBACK.fullmatch(host))


def _as_sent(value: str) -> str | None:
    """The origin of a web address as the Origin header has it (RFC 6454); None for what leads to no page of a site."""
    parts = _split(value)
    if parts is None or parts.scheme not in _WEB_PORTS or "*" in value or "@" in parts.netloc:
        return None
    host = _host_as_sent(parts.hostname or "")
    port = "" if parts.port in {None, _WEB_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}" if host else None


def _host_as_sent(host: str) -> str | None:
    """In small letters, beyond ASCII as xn--…, and numeric addresses in their shortest form; None for no host."""
    try:
        if ":" in host:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        if _NUMERIC_END.search(host):
            return str(ipaddress.IPv4Address(host))
        name = host.encode("idna").decode().lower()
    except ValueError:
        return None
    return name if _HOST_NAME.fullmatch(name) else None


def postgres_entry(url: str) -> dict[str, Any]:
    """Django's entry for `postgres://user:password@host:port/name`; what stands behind a `?` goes to the driver."""
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
        # Nothing about the session, such as a search_path: a transaction pooler refuses or forgets it.
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def _split(value: str) -> SplitResult | None:
    """The parts of a URL; None for what is none, a port that cannot be among it."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        **_KEPT,
        "OPTIONS": {
            # A writer waits for its turn instead of failing half-way through a transaction.
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
