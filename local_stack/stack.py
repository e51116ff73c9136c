"""The embedded default in one object: everything the Django server needs, on this machine."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local_stack.credentials import Credentials, load_or_create
from local_stack.home import take_home
from local_stack.local_supabase import LocalSupabase
from local_stack.processes import Child, StackError, python_child

# The server first ends its replies, PostgreSQL writes what it holds; the others have nothing to do.
STOP_SECONDS = {"server": 6.0, "PostgreSQL": 2.0}


class Stack:
    """The parts that a person has not configured themselves, started and stopped as one.

    `supabase` and `groq` say which parts are ours; where one is not, its variables come from the
    environment. `settings` win over ours (`DATABASE_URL`, `DJANGO_SECRET_KEY`, `SITE_URL`). With
    `django_in_postgres` Django's tables lie in the embedded PostgreSQL, as several servers need it.
    A lock sees to it that two stacks never share a `home`.

    Start it from a thread that outlives it: the kernel ends the children together with the thread
    that started them (see `Child`).
    """

    def __init__(  # noqa: PLR0913  # each is one choice of the caller
        self,
        home: Path,
        *,
        site_url: str,
        supabase: bool = True,
        groq: bool = True,
        confirm_email: bool = False,
        django_in_postgres: bool = False,
        settings: Mapping[str, str] | None = None,
        report: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.home = home.absolute()
        self.children: list[Child] = []
        self.mailbox_url: str | None = None
        self._site_url = site_url
        self._supabase = supabase
        self._groq = groq
        self._confirm_email = confirm_email
        self._django_in_postgres = django_in_postgres
        self._settings = dict(settings or {})
        self._report = report
        self._lock: IO[str] | None = None

    def start(self) -> dict[str, str]:
        """Start all parts and bring the databases up to date; answer the server's environment.

        StackError with a sentence when something fails; call `stop` then as well.
        """
        self._lock = take_home(self.home)
        credentials = load_or_create(self.home)
        # Programs take their time to load: all are started before the first is waited for.
        stand_in = self._start_stand_in() if self._groq else None
        supabase = self._start_supabase(credentials) if self._supabase else None
        environment = {
            "SITE_URL": self._site_url,
            "DJANGO_SECRET_KEY": credentials.django_secret_key,
            "DATABASE_URL": f"sqlite:///{self.home / 'db.sqlite3'}",
        }
        if supabase is not None:
            with self.step("Supabase Auth and Data API"):
                environment |= supabase.provision()
                if self._django_in_postgres:
                    environment |= django_in_postgres(environment)
                self.mailbox_url = supabase.mailbox_url()
        if stand_in is not None:
            with self.step("stand-in for Groq"):
                environment |= _stand_in_environment(stand_in)
        environment |= self._settings
        self._prepare(supabase, environment)
        return environment

    def stop(self) -> None:
        """End all children, the last started first, and give the home free; may be repeated."""
        while self.children:
            child = self.children[-1]
            child.stop(seconds=STOP_SECONDS.get(child.name, 0.5))
            self.children.pop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def check(self) -> None:
        """StackError with its last words when a part has ended by itself."""
        for child in self.children:
            if not child.running():
                raise StackError(child.obituary())

    def spawn(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
        """Start `python <arguments>` as one more part of the stack."""
        logs = self.home / "logs"
        return self._add(python_child(name, *arguments, logs=logs, environment=environment))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Report the step when it is done, and how long it took."""
        started = time.monotonic()
        yield
        self._report(f"  {name:<28} {time.monotonic() - started:5.1f} s")

    def _add(self, child: Child) -> Child:
        self.children.append(child)
        return child

    def _start_stand_in(self) -> Child:
        return self.spawn("groq", "-m", "local_stack.groq_stand_in", "--port", "0")

    def _start_supabase(self, credentials: Credentials) -> LocalSupabase:
        supabase = LocalSupabase(self.home, credentials, site_url=self._site_url, confirm_email=self._confirm_email)
        with self.step("PostgreSQL 18"):
            supabase.start(self._add)
        return supabase

    def _prepare(self, supabase: LocalSupabase | None, environment: Mapping[str, str]) -> None:
        with self.step("databases up to date"):
            if supabase is None:
                # A project of the person's own is changed by nobody but them.
                self._manage("migrate", "--noinput", environment=environment)
            else:
                self._manage("prepare", environment=environment)
                supabase.open()

    def _manage(self, *arguments: str, environment: Mapping[str, str]) -> None:
        command = self.spawn("manage", "manage.py", *arguments, environment=environment)
        command.run_to_end(seconds=120)
        self.children.remove(command)


def django_in_postgres(environment: Mapping[str, str]) -> dict[str, str]:
    """What leads Django's tables into the PostgreSQL that the environment names; `manage.py prepare` makes them."""
    return {"DATABASE_URL": environment["SUPABASE_DB_URL"], "DATABASE_ADMIN_URL": environment["SUPABASE_DB_ADMIN_URL"]}


def _stand_in_environment(stand_in: Child) -> dict[str, str]:
    port = stand_in.announced("listening")
    return {"GROQ_BASE_URL": f"http://127.0.0.1:{port}", "GROQ_API_KEY": "local-demo"}
