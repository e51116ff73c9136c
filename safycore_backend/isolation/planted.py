"""What the owner has, and must have unchanged in the end: a session with a canary in everything that is said there."""

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from safycore_backend.isolation.accounts import Person
from safycore_backend.isolation.http import Client
from safycore_backend.isolation.report import CannotVerify

NOBODYS = "nobody's"
"""The kind of an id that does not exist; what is another's must look the same."""


@dataclass(frozen=True, slots=True)
class Planted:
    """`ids` are the owner's ids by kind; `canary` is in the messages, the training data and the title."""

    owner: Person
    canary: str
    session: str
    ids: dict[str, str]

    def given_away_by(self, text: str) -> bool:
        """Whether an answer has words of the owner's, or a row that says it is theirs."""
        return self.canary in text or re.search(rf'"(user_)?id":\s*"{self.owner.id}"', text) is not None

    def kinds(self) -> dict[str, str]:
        """Every id of the owner's, and one of nobody's, new each time."""
        return {**self.ids, NOBODYS: str(uuid.uuid4())}


async def plant(api: Client, owner: Person) -> Planted:
    """Raises CannotVerify when it cannot be stored. A model that fails does not matter: the message is kept."""
    canary, session, key = f"canary{secrets.token_hex(16)}", str(uuid.uuid4()), str(uuid.uuid4())
    owner.sessions.add(session)
    body = {
        "message": f"{canary}: answer with one word.",
        "session_id": session,
        "training_data": f"The secret is {canary}.",
        "client_message_id": key,
    }
    await api.call("POST", "/api/chat/", token=owner.token, body=body)
    title = f"/api/chat/sessions/{session}/"
    _ok(await api.call("PATCH", title, token=owner.token, body={"title": f"{canary} title"}))
    messages = (await _read(api, owner, f"/api/chat/conversation/{session}/?limit=200"))["messages"]
    (text,) = (await _read(api, owner, f"/api/chat/training-data/?session_id={session}"))["training_data"]
    ids = {"message": messages[0]["id"], "reply": messages[-1]["id"], "training text": text["id"]}
    return Planted(owner, canary, session, {"session": session, **ids, "message key": key, "person": owner.id})


async def everything(api: Client, owner: Person, session: str) -> dict[str, Any]:
    """All that the owner sees of the session, and of themselves."""
    return {
        "messages": await _read(api, owner, f"/api/chat/conversation/{session}/?limit=200&versions=true"),
        "training data": await _read(api, owner, f"/api/chat/training-data/?session_id={session}"),
        "sessions": await _read(api, owner, "/api/chat/sessions/?limit=200"),
        "profile": await _read(api, owner, "/api/auth/profile/"),
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"the owner's {name} changed" for name in before if before[name] != after[name])


async def _read(api: Client, owner: Person, path: str) -> dict[str, Any]:
    found: dict[str, Any] = _ok(await api.call("GET", path, token=owner.token)).json()
    return found


def _ok(answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 200:
        raise CannotVerify(f"The owner's own call of {answer.url.path} answers {answer.status_code}.")
    return answer
