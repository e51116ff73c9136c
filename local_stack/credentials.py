"""The generated passwords and keys of one local stack."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from local_stack.processes import StackError


@dataclass(frozen=True)
class Credentials:
    """Every value is URL-safe, so that it can stand in a connection string as it is."""

    postgres_password: str
    authenticator_password: str
    safycore_app_password: str
    jwt_secret: str
    publishable_key: str
    secret_key: str
    django_secret_key: str

    @classmethod
    def generate(cls) -> Self:
        return cls(
            postgres_password=secrets.token_urlsafe(32),
            authenticator_password=secrets.token_urlsafe(32),
            safycore_app_password=secrets.token_urlsafe(32),
            jwt_secret=secrets.token_urlsafe(48),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
            django_secret_key=secrets.token_urlsafe(48),
        )


def load_or_create(home: Path) -> Credentials:
    """The secrets in `<home>/secrets.json` (mode 0600), generated the first time."""
    path = home / "secrets.json"
    if path.exists():
        return _read(path)
    if (home / "postgres").exists():
        raise StackError(
            f"{path} is gone, and without it the database in {home} cannot be opened: "
            f"put it back, or delete {home} to start afresh."
        )
    created = Credentials.generate()
    _write(path, created)
    return created


def _read(path: Path) -> Credentials:
    try:
        return Credentials(**json.loads(path.read_text()))
    except (ValueError, TypeError) as exc:
        raise StackError(f"{path} is damaged: put a good copy back.") from exc


def _write(path: Path, credentials: Credentials) -> None:
    # Under another name until it is whole, so that a crash never leaves half a file.
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(credentials), file, indent=2)
    unfinished.rename(path)
