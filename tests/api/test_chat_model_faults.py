"""What becomes of a turn when the model, or the way to it, fails: an honest answer, and the message is kept.

A fault is written into the message itself, so that it comes again should the server try again before the first byte.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local_stack.groq_stand_in import StandIn
from local_stack.groq_stand_in.errors import ORGANIZATION
from tests.answers import refused, ui_parts, ui_text
from tests.api.test_chat import script
from tests.api.test_stream import EVENTS, TEXT, streamed
from tests.cast import Actor
from tests.certificates import self_signed
from tests.conftest import NewServer
from tests.processes import Server, free_port

# Words of the provider's that are nobody's business.
THEIR_WORDS = (ORGANIZATION, "org_", "Groq", "groq", "api_key", "on_demand", "TPM", "cloudflare", "Rate limit")


@pytest.fixture(scope="module")
async def impatient_server(environment: Mapping[str, str], home: Path) -> AsyncIterator[Server]:
    """A server that waits for its model only briefly."""
    deadlines = {"GROQ_FIRST_TOKEN_TIMEOUT": "0.3", "GROQ_IDLE_TIMEOUT": "0.3", "GROQ_REPLY_TIMEOUT": "0.8"}
    server = Server({**environment, **deadlines}, home / "impatient.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def alice(alice: Actor, impatient_server: Server) -> Actor:
    return alice.on(impatient_server.url)


async def send(actor: Actor, session_id: str, form: str = "application/json", **fault: Any) -> httpx.Response:
    """Ask for a reply that fails like this; the answer must not have the provider's words in it."""
    body = {"message": script(**fault), "session_id": session_id}
    path = "/api/chat/" if form == "application/json" else "/api/chat/stream/"
    response = await actor.call("POST", path, body, headers={"Accept": form})
    assert not [word for word in THEIR_WORDS if word in response.text + str(response.headers)]
    return response


async def gathered(response: httpx.Response, seen: list[str]) -> None:
    """Put each piece where it is not lost when the stream breaks."""
    async for piece in response.aiter_text():
        seen.append(piece)  # noqa: PERF401  # a comprehension would lose them


async def torn(actor: Actor, session_id: str, **fault: Any) -> str:
    """The text of a plain stream that must be closed abnormally."""
    seen: list[str] = []
    async with streamed(actor, script(**fault), session_id, TEXT) as response:
        with pytest.raises(httpx.RemoteProtocolError):
            await gathered(response, seen)
    return "".join(seen)


async def is_usable(actor: Actor, session_id: str, *statuses: str) -> list[dict[str, Any]]:
    """The session's rows: the message kept, its reply ended so; and the next message is answered at once."""
    rows = await actor.history(session_id)
    assert (rows[0]["role"], rows[0]["status"]) == ("user", "sent")
    assert "!script" in rows[0]["content"]
    assert rows[1]["status"] in statuses
    assert not [word for word in THEIR_WORDS if word in str(rows[1])]
    assert (await actor.say("Are you there?", session_id))["status"] == "complete"
    return rows


# Before the first word

REFUSALS = [
    pytest.param({"status": 429, "retry_after": 17}, 503, "busy", id="429"),
    pytest.param({"status": 500}, 503, "model_unavailable", id="500"),
    pytest.param({"status": 502, "html": True}, 503, "model_unavailable", id="502 in HTML"),
    pytest.param({"status": 503}, 503, "model_unavailable", id="503"),
    pytest.param({"status": 498}, 503, "model_unavailable", id="498"),
    pytest.param({"status": 401}, 502, "model_misconfigured", id="401"),
    pytest.param({"status": 404}, 502, "model_misconfigured", id="404"),
    pytest.param({"status": 413}, 400, "context_too_long", id="413"),
    pytest.param({"status": 400, "error_code": "context_length_exceeded"}, 400, "context_too_long", id="too long"),
    pytest.param({"hang": "accept"}, 504, "model_timeout", id="never answers"),
    pytest.param({"hang": "first"}, 504, "model_timeout", id="headers only"),
    pytest.param({"cut": True}, 502, "model_broken", id="cut before a word"),
    pytest.param({"clean_end": True}, 502, "model_broken", id="ended before a word"),
    pytest.param({"error_event": True}, 502, "model_broken", id="error event before a word"),
    pytest.param({"bad_json": True}, 502, "model_broken", id="bad JSON before a word"),
    pytest.param({"empty": True}, 502, "model_broken", id="empty reply"),
    pytest.param({"html": True}, 502, "model_broken", id="a page instead of a stream"),
]


@pytest.mark.parametrize(("fault", "status", "code"), REFUSALS)
async def test_a_fault_before_the_first_word_is_an_error_and_the_message_is_kept(
    *, alice: Actor, chat_id: str, model: StandIn, fault: dict[str, Any], status: int, code: str
) -> None:
    answer = await send(alice, chat_id, **fault)
    if code == "model_broken":
        # Whether a connection that closes without a word was a broken answer or none is a matter of taste.
        assert refused(answer, answer.status_code)["code"] in {"model_broken", "model_unavailable"}
    else:
        refused(answer, status, code)
    if "retry_after" in fault:
        assert answer.headers["retry-after"] == str(fault["retry_after"])
    await is_usable(alice, chat_id, "error")


@pytest.mark.parametrize(("fault", "status", "code"), REFUSALS[:5] + REFUSALS[9:10])
async def test_a_text_stream_tells_it_by_its_status_and_an_event_stream_by_a_part(
    *, alice: Actor, chat_id: str, model: StandIn, fault: dict[str, Any], status: int, code: str
) -> None:
    refused(await send(alice, chat_id, TEXT, **fault), status, code)
    await is_usable(alice, chat_id, "error")
    answer = await send(alice, f"{chat_id}-2", EVENTS, **fault)
    assert answer.status_code == 200
    parts = ui_parts(answer.text)
    assert [part["type"] for part in parts] == ["start", "text-start", "text-end", "data-error", "error", "finish"]
    assert parts[3]["data"]["code"] == code
    assert parts[3]["data"]["retryable"] is True
    assert parts[-1]["messageMetadata"]["status"] == "error"
    await is_usable(alice, f"{chat_id}-2", "error")


async def test_a_model_that_cannot_be_reached_is_unavailable(new_server: NewServer, bob: Actor, chat_id: str) -> None:
    bob = bob.on((await new_server(GROQ_BASE_URL=f"http://127.0.0.1:{free_port()}")).url)
    refused(await send(bob, chat_id, text="never said"), 503, "model_unavailable")
    answer = refused(await send(bob, f"{chat_id}-2", TEXT, text="never said"), 503)
    assert answer["code"] in {"model_unavailable", "busy"}
    rows = await bob.history(chat_id)
    assert [each["status"] for each in rows] == ["sent", "error"]


@asynccontextmanager
async def behind_tls(port: int, certificate: Path, key: Path) -> AsyncIterator[int]:
    """A port of loopback that speaks TLS and passes all on to that one."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
        finally:
            writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_read, to_write = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, to_write), pump(to_read, writer), return_exceptions=True)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_only_a_model_whose_certificate_is_believed_is_asked(
    new_server: NewServer, bob: Actor, model: StandIn, chat_id: str, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    async with behind_tls(urlsplit(model.url).port or 0, certificate, key) as port:
        over_tls = {"GROQ_BASE_URL": f"https://127.0.0.1:{port}"}
        strict, told = await new_server(**over_tls), await new_server(**over_tls, SSL_CERT_FILE=str(certificate))
        refused(await send(bob.on(strict.url), chat_id, text="never said"), 503, "model_unavailable")
        assert model.requests == []
        assert (await send(bob.on(told.url), chat_id, text="said")).json()["response"] == "said"


async def test_a_message_that_failed_is_read_by_the_next_reply(alice: Actor, chat_id: str, model: StandIn) -> None:
    await send(alice, chat_id, status=500)
    model.clear()
    await alice.say("Again", chat_id)
    body: Any = model.requests[-1]
    assert [each["role"] for each in body["messages"]] == ["system", "user", "user"]
    assert all(each["content"] for each in body["messages"])


# In the middle

BREAKS = [
    pytest.param({"cut": True}, "model_broken", id="cut"),
    pytest.param({"clean_end": True}, "model_broken", id="ended without a finish"),
    pytest.param({"error_event": True}, "model_broken", id="error event"),
    pytest.param({"error_event": "bare"}, "model_broken", id="bare error event"),
    pytest.param({"bad_json": True}, "model_broken", id="bad JSON"),
    pytest.param({"hang": "middle"}, "model_timeout", id="stalls"),
]


@pytest.mark.parametrize(("fault", "code"), BREAKS)
async def test_a_reply_that_breaks_off_keeps_what_was_sent_and_is_never_complete(
    alice: Actor, chat_id: str, model: StandIn, fault: dict[str, Any], code: str
) -> None:
    fault = {"text": "one two three four", "after": 2, **fault}
    whole = await send(alice, chat_id, **fault)
    assert (whole.status_code, whole.json()["status"], whole.json()["response"]) == (200, "interrupted", "one two")
    rows = await is_usable(alice, chat_id, "interrupted")
    assert rows[1]["content"] == "one two"

    assert await torn(alice, f"{chat_id}-text", **fault) == "one two"
    rows = await is_usable(alice, f"{chat_id}-text", "interrupted")
    assert rows[1]["content"] == "one two"

    parts = ui_parts((await send(alice, f"{chat_id}-events", EVENTS, **fault)).text)
    assert ui_text(parts) == "one two"
    assert [part["type"] for part in parts][-4:] == ["text-end", "data-error", "error", "finish"]
    assert parts[-3]["data"]["code"] == code
    assert parts[-1]["messageMetadata"]["status"] == "interrupted"


async def test_a_reset_connection_never_makes_a_reply_complete(alice: Actor, chat_id: str, model: StandIn) -> None:
    """How much of it arrives is the kernel's affair."""
    answer = await send(alice, chat_id, text="one two three four", after=2, reset=True)
    assert answer.status_code in {200, 502, 503}
    rows = await is_usable(alice, chat_id, "interrupted", "error")
    assert "one two".startswith(rows[1]["content"])


async def test_a_reply_that_drips_for_ever_is_ended(alice: Actor, chat_id: str, model: StandIn) -> None:
    gone = model.closed_by_client
    answer = await send(alice, chat_id, text="drip", drip_ms=50)
    assert (answer.status_code, answer.json()["status"]) == (200, "interrupted")
    await model.left(gone + 1)
    rows = await is_usable(alice, chat_id, "interrupted")
    assert rows[1]["content"].startswith("drip")


@pytest.mark.parametrize("form", [TEXT, EVENTS])
async def test_what_cannot_be_stored_is_cleaned_and_the_saved_text_is_the_sent_text(
    alice: Actor, chat_id: str, model: StandIn, form: str
) -> None:
    answer = await send(alice, chat_id, form, text="one two three", after=2, nul=True)
    sent = answer.text if form == TEXT else ui_text(ui_parts(answer.text))
    saved = (await alice.history(chat_id))[1]
    assert (saved["content"], saved["status"]) == (sent, "complete")
    assert sent.startswith("one two")
    assert sent.endswith(" three")
    assert "\x00" not in sent


# Ways of speaking that are no faults


@pytest.mark.parametrize(
    "manner",
    [
        {"crlf": True},
        {"comments": True},
        {"no_done": True},
        {"split_bytes": 1},
        {"split_bytes": 3, "crlf": True, "comments": True},
        {"reasoning": "I am thinking about it"},
        {"chunk": 100},
    ],
    ids=str,
)
async def test_a_reply_is_understood_however_it_is_written(
    alice: Actor, chat_id: str, model: StandIn, manner: dict[str, Any]
) -> None:
    answer = await send(alice, chat_id, text="ünë 👩‍👩‍👧 two\r\nthree", **manner)
    assert (answer.json()["status"], answer.json()["response"]) == ("complete", "ünë 👩‍👩‍👧 two\r\nthree")


async def test_a_reply_cut_short_by_its_length_is_complete_and_says_why(
    alice: Actor, chat_id: str, model: StandIn
) -> None:
    await send(alice, chat_id, text="one two", finish_reason="length")
    reply = (await alice.history(chat_id))[1]
    assert (reply["status"], reply["finish_reason"]) == ("complete", "length")
