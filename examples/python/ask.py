"""Sign in, say what the bot answers from, ask, and read the reply as it is made.

    pip install httpx supabase
    EMAIL=alice@example.com PASSWORD=... python ask.py "When does it open on Sundays?"

SAFYCORE names the server. With SUPABASE_URL and SUPABASE_KEY the sign-in goes to Supabase directly, as it does in a
program that uses Supabase for other things, too; SafyCore takes the same token.
"""

import os
import sys
import uuid
from collections.abc import Iterator

import httpx

from supabase import create_client

SAFYCORE = os.environ.get("SAFYCORE", "http://127.0.0.1:8000")
SESSION = "chat"


# --8<-- [start:sign-in]
def sign_in(email: str, password: str) -> str:
    """An access token, from SafyCore."""
    response = httpx.post(f"{SAFYCORE}/api/auth/login/", json={"email": email, "password": password})
    return str(answered(response)["access_token"])


def sign_in_at_supabase(email: str, password: str) -> str:
    """The same, from Supabase itself."""
    client = create_client(os.environ["SUPABASE_URL"], os.environ["SUPABASE_KEY"])
    session = client.auth.sign_in_with_password({"email": email, "password": password}).session
    if session is None:
        raise SystemExit("There is no session.")
    return session.access_token


def answered(response: httpx.Response) -> dict[str, object]:
    """The body; a refusal ends the program with its sentence for a person."""
    body: dict[str, object] = response.json()
    if response.is_error:
        raise SystemExit(f"{body['error']} ({body['code']}, request {body['request_id']})")
    return body


# --8<-- [end:sign-in]


# --8<-- [start:stream]
def pieces(client: httpx.Client, message: str) -> Iterator[str]:
    """The reply, piece by piece. Raises httpx.RemoteProtocolError when it breaks off."""
    body = {"message": message, "session_id": SESSION, "client_message_id": str(uuid.uuid4())}
    # A model may think for a while before each piece.
    with client.stream("POST", "/api/chat/stream/", json=body, timeout=httpx.Timeout(10, read=120)) as response:
        if response.is_error:
            response.read()
            answered(response)
        yield from response.iter_text()


# --8<-- [end:stream]


def main() -> None:
    enter = sign_in_at_supabase if "SUPABASE_URL" in os.environ else sign_in
    token = enter(os.environ["EMAIL"], os.environ["PASSWORD"])
    with httpx.Client(base_url=SAFYCORE, headers={"Authorization": f"Bearer {token}"}) as client:
        text = "Our bakery opens at 7 on weekdays. On Sundays it opens at 9."
        answered(client.post("/api/chat/training-data/", json={"session_id": SESSION, "content": text}))
        for piece in pieces(client, sys.argv[1]):
            print(piece, end="", flush=True)
        print()


if __name__ == "__main__":
    main()
