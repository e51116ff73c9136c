"""PostgreSQL, Supabase's small implementation over it, and the mailbox for what that sends."""

import os
from collections.abc import Callable
from pathlib import Path

from local_stack import node
from local_stack.bootstrap import DATABASE, admit_server, bootstrap
from local_stack.credentials import Credentials
from local_stack.postgres import Postgres
from local_stack.processes import Child, StackError, python_child

SERVER = node.PACKAGE / "server.mjs"


class LocalSupabase:
    """Use in this order: `start`, `provision`, then apply the migrations, then `open`.

    `start` hands every child to `add` as soon as it runs, so that the caller can end it.
    """

    def __init__(self, home: Path, credentials: Credentials, *, site_url: str, confirm_email: bool) -> None:
        if not node.packages_installed():
            raise StackError("The local Supabase is not installed: run `make up`, which does it.")
        self._home = home
        self._credentials = credentials
        self._site_url = site_url
        self._confirm_email = confirm_email
        self._postgres = Postgres(home, password=credentials.postgres_password)

    def start(self, add: Callable[[Child], Child]) -> None:
        """Start all three; PostgreSQL is ready afterwards, with the roles of a Supabase project."""
        database = add(self._postgres.start())
        # Node takes longer to load than PostgreSQL to start, so it begins before that is done.
        self._lite = add(self._start_lite())
        self._mailbox = add(self._start_mailbox())
        self._postgres.wait_ready(database)
        bootstrap(self._postgres, authenticator_password=self._credentials.authenticator_password)

    def provision(self) -> dict[str, str]:
        """Wait until the schema `auth` exists; answer the environment for the Django server."""
        self._lite.tell("provision")
        port = self._lite.announced("listening")
        self._lite.announced("provisioned")
        keys, address = self._credentials, self._postgres
        return {
            "SUPABASE_URL": f"http://127.0.0.1:{port}",
            "SUPABASE_KEY": keys.publishable_key,
            "SUPABASE_SECRET_KEY": keys.secret_key,
            "SUPABASE_JWT_SECRET": keys.jwt_secret,
            # Set to nothing: lite's tokens name no issuer.
            "SUPABASE_JWT_ISSUER": "",
            "SUPABASE_DB_URL": address.url("safycore_app", keys.safycore_app_password, database=DATABASE),
            "SUPABASE_DB_ADMIN_URL": address.admin_url(database=DATABASE),
        }

    def open(self) -> None:
        """Let requests and the Django server in, now that the migrations are applied."""
        admit_server(self._postgres, password=self._credentials.safycore_app_password)
        self._lite.tell("serve")

    def mailbox_url(self) -> str:
        """Wait for the page with the caught mails; answer its address."""
        return f"http://127.0.0.1:{self._mailbox.announced('listening')}/"

    def _start_mailbox(self) -> Child:
        where = ("--port", "0", "--dir", str(self._home / "mails"))
        logs = self._home / "logs"
        return python_child("mailbox", "-m", "local_stack", "mailbox", *where, logs=logs)

    def _start_lite(self) -> Child:
        keys = self._credentials
        environment = {
            "DATABASE_URL": self._postgres.url("authenticator", keys.authenticator_password, database=DATABASE),
            "PORT": "0",
            "JWT_SECRET": keys.jwt_secret,
            "PUBLISHABLE_KEY": keys.publishable_key,
            "SECRET_KEY": keys.secret_key,
            "SITE_URL": self._site_url,
            "CONFIRM_EMAIL": "1" if self._confirm_email else "0",
            "MAIL_DIR": str(self._home / "mails"),
            "DO_NOT_TRACK": "1",
        }
        return Child(
            "supabase",
            [node.executable(), SERVER],
            log=self._home / "logs" / "supabase.log",
            env=environment | {"PATH": os.environ.get("PATH", os.defpath)},
        )
