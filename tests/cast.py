"""Who acts in the tests: Alice and Bob own chats, Mallory is signed in and hostile, Anon has no token."""

import base64
import json
import uuid
from typing import Any

import httpx

from tests.clients import http_client
from tests.secret_search import known

PASSWORD = "correct horse battery staple"
known.secret("password", PASSWORD)


class Actor:
    """Somebody with an HTTP client for the API, signed in or not.

    `call` returns the raw response; `say` sends a message and returns the decoded answer, which must be 200.
    """

    def __init__(self, base_url: str, email: str = "", tokens: dict[str, Any] | None = None) -> None:
        self.base_url = base_url
        self.email = email
        self.token: str | None = tokens["access_token"] if tokens else None
        self.refresh_token: str | None = tokens["refresh_token"] if tokens else None
        self.http = http_client(base_url)
        self._elsewhere: dict[str, Actor] = {}
        known.tokens(tokens or {})
        if self.token:
            self.http.headers["Authorization"] = f"Bearer {self.token}"

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says, unverified."""
        assert self.token is not None
        payload = self.token.split(".")[1]
        decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return decoded

    @property
    def id(self) -> str:
        return str(self.claims["sub"])

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
            known.body(body)
        return await self.http.request(method, path, **options)

    async def say(self, message: str, session_id: str, **fields: Any) -> dict[str, Any]:
        response = await self.call("POST", "/api/chat/", {"message": message, "session_id": session_id, **fields})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def history(self, session_id: str) -> list[dict[str, Any]]:
        response = await self.call("GET", f"/api/chat/conversation/{session_id}/?limit=200")
        assert response.status_code == 200, response.text
        messages: list[dict[str, Any]] = response.json()["messages"]
        return messages

    def on(self, base_url: str) -> "Actor":
        """The same person at another server; closed together with this one."""
        if base_url == self.base_url:
            return self
        if base_url not in self._elsewhere:
            tokens = {"access_token": self.token, "refresh_token": self.refresh_token} if self.token else None
            self._elsewhere[base_url] = Actor(base_url, self.email, tokens)
        return self._elsewhere[base_url]

    async def close(self) -> None:
        for other in self._elsewhere.values():
            await other.close()
        await self.http.aclose()


async def sign_up(base_url: str, name: str) -> Actor:
    """A new account of that name, signed in."""
    email = f"{name}-{uuid.uuid4().hex[:12]}@example.com"
    known.secret("email", email)
    async with http_client(base_url) as http:
        response = await http.post("/api/auth/signup/", json={"email": email, "password": PASSWORD})
    assert response.status_code == 201, response.text
    return Actor(base_url, email, response.json())
