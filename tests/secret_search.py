"""What no log may hold: every secret that a test run knows, searched for in every log that it wrote.

Servers and the cast tell `known` of their logs, keys, tokens, passwords and messages. tests/conftest.py has them
searched for at the end of the run; a find fails it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# Shorter ones, or such as "aaaaaaaaaaaa", stand in logs by chance.
LEAST_CHARACTERS = 12
LEAST_DISTINCT = 8
# So much of a long text: whatever quotes it may cut it.
ENOUGH = 60
_SECRET_VARIABLE = re.compile(r"KEY|SECRET|PASSWORD")
_TEXT_FIELDS = ("message", "content", "training_data", "title")
_PASSWORD_FIELDS = (
    *("password", "current_password", "new_password"),
    *("refresh_token", "access_token", "token_hash", "recovery_token"),
)
# They keep accounts, and say in an error of their own whose address was there already.
_KNOW_ADDRESSES = {"supabase.log", "postgres.log"}
_WORD = re.compile(r"\w{4,}")
# Any access token, forged ones as well.
_JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}")


@dataclass(frozen=True)
class Find:
    """A secret that stands where it should not; shown by its first characters only."""

    kind: str
    beginning: str
    where: str
    line: int

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: the {self.kind} that begins with {self.beginning!r}"


class Known:
    """Secrets by what they are, and the logs to search."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._logs: set[Path] = set()

    def secret(self, kind: str, value: object) -> None:
        """Remember it, unless it is so plain that it could stand anywhere."""
        if isinstance(value, str) and len(value) >= LEAST_CHARACTERS and len(set(value)) >= LEAST_DISTINCT:
            self._secrets.setdefault(value[:ENOUGH] if " " in value else value, kind)

    def environment(self, environment: Mapping[str, str]) -> None:
        """The keys and passwords that a process is started with."""
        for name, value in environment.items():
            if _SECRET_VARIABLE.search(name):
                self.secret(name, value)
            elif "://" in value and (password := urlsplit(value).password):
                self.secret(f"password of {name}", unquote(password))

    def body(self, body: object) -> None:
        """What somebody sends: texts, passwords and tokens."""
        if not isinstance(body, dict):
            return
        for name in (*_TEXT_FIELDS, *_PASSWORD_FIELDS):
            self.secret(name, body.get(name))

    def tokens(self, tokens: Mapping[str, Any]) -> None:
        # The signature: what comes before it tells nothing that a log may not have, and may be cut off.
        self.secret("access token", str(tokens.get("access_token")).rpartition(".")[2])
        self.secret("refresh token", tokens.get("refresh_token"))

    def log(self, path: Path) -> None:
        """A log, with those of the stack in whose home it lies."""
        self._logs.add(path)

    def __len__(self) -> int:
        return len(self._secrets)

    def logs(self) -> list[Path]:
        """All that there are now."""
        folders = {path.parent / "logs" for path in self._logs}
        return sorted(
            path for path in self._logs.union(*(folder.glob("*.log") for folder in folders)) if path.is_file()
        )

    def search_logs(self) -> list[Find]:
        for home in {path.parent for path in self._logs}:
            self._remember_stack(home)
        return [find for path in self.logs() for find in self.search(path.read_text(errors="replace"), str(path))]

    def _remember_stack(self, home: Path) -> None:
        if (home / "secrets.json").is_file():
            for name, value in json.loads((home / "secrets.json").read_text()).items():
                self.secret(name, value)

    def search(self, text: str, where: str) -> Iterator[Find]:
        """Every secret that stands in the text, as it is or as JSON writes it, each where it stands first."""
        words = set(_WORD.findall(text))
        for secret, kind in self._secrets.items():
            if kind == "email" and Path(where).name in _KNOW_ADDRESSES:
                continue
            for form in {secret, json.dumps(secret)[1:-1]}:
                if _may_stand(form, words) and form in text:
                    yield Find(kind, secret[:6], where, 1 + text.count("\n", 0, text.index(form)))
                    break
        for found in _JWT.finditer(text):
            yield Find("token", found[0][:6], where, 1 + text.count("\n", 0, found.start()))


def _may_stand(secret: str, words: set[str]) -> bool:
    """False where a word of the secret is not in the text: most are ruled out so, without reading the text again."""
    # Not the first and the last word, which may be cut, or stand beside other letters.
    inner = _WORD.findall(secret)[1:-1]
    return not inner or max(inner, key=len) in words


known = Known()
"""What this test run knows."""
