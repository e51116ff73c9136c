"""The stand-in for Groq over the wire: as Groq's own SDK sees it, and byte by byte."""

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import groq
import msgspec
import pytest
from groq import AsyncGroq
from groq.types.chat import ChatCompletionChunk

from local_stack.groq_stand_in import AT_FULL_SPEED, Script, Settings, StandIn, serve

MODEL = "openai/gpt-oss-120b"
KEY = {"Authorization": "Bearer gsk_any"}
DEADLINE = 5


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with serve() as running:
        yield running


@pytest.fixture(scope="module")
async def connections() -> AsyncIterator[groq.DefaultAsyncHttpxClient]:
    """Shared: to build one loads certificates, and costs more than any test here."""
    async with groq.DefaultAsyncHttpxClient() as shared:
        yield shared


@pytest.fixture
def client(stand_in: StandIn, connections: groq.DefaultAsyncHttpxClient) -> AsyncGroq:
    return AsyncGroq(base_url=stand_in.url, api_key="gsk_any", max_retries=0, http_client=connections)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE)
    async with aiohttp.ClientSession(headers=KEY, timeout=timeout) as session:
        yield session


def scripted(**fields: object) -> str:
    return f"hello\n!script {json.dumps(fields)}"


def body(message: str, *, stream: bool = True, **more: object) -> dict[str, object]:
    return {
        "model": MODEL,
        "stream": stream,
        "messages": [{"role": "user", "content": message}],
        **more,
    }


async def chunks_of(client: AsyncGroq, message: str) -> list[ChatCompletionChunk]:
    stream = await client.chat.completions.create(
        model=MODEL, stream=True, messages=[{"role": "user", "content": message}]
    )
    return [chunk async for chunk in stream]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def all_of(response: aiohttp.ClientResponse) -> tuple[bytes, Exception | None]:
    """What arrived, and what broke the reading off if something did."""
    received = b""
    try:
        while piece := await response.content.readany():
            received += piece
    except aiohttp.ClientError as error:
        return received, error
    return received, None


async def until_silent(response: aiohttp.ClientResponse) -> bytes:
    """What comes until nothing more does; fails when the body ends."""
    received = b""
    while True:
        try:
            async with asyncio.timeout(0.05):
                piece = await response.content.readany()
        except TimeoutError:
            return received
        assert piece
        received += piece


async def raw(http: aiohttp.ClientSession, stand_in: StandIn, **fields: object) -> tuple[bytes, Exception | None]:
    async with http.post(completions(stand_in), json=body(scripted(**fields))) as response:
        return await all_of(response)


def completions(stand_in: StandIn) -> str:
    return f"{stand_in.url}/openai/v1/chat/completions"


def contents(events: bytes) -> list[str]:
    """The texts of the content events that can be decoded."""
    events_of_text = (
        json.loads(line[6:])
        for line in events.splitlines()
        if line.startswith(b'data: {"id"') and b'"delta":{"content":' in line
    )
    return [event["choices"][0]["delta"]["content"] for event in events_of_text]


class TestAsGroq:
    async def test_a_stream_reads_like_groqs(self, client: AsyncGroq) -> None:
        chunks = await chunks_of(client, scripted(text="One two thrée."))
        first, last = chunks[0], chunks[-1]
        assert text_of(chunks) == "One two thrée."
        assert [len(chunk.choices) for chunk in chunks] == [1] * 5
        assert first.choices[0].delta.role == "assistant"
        assert first.x_groq is not None
        assert first.x_groq.id
        assert first.x_groq.id.startswith("req_")
        assert {chunk.choices[0].finish_reason for chunk in chunks[:-1]} == {None}
        assert last.choices[0].finish_reason == "stop"
        assert last.x_groq is not None
        assert last.x_groq.usage is not None
        assert last.x_groq.usage.completion_tokens == 3
        assert {(c.id, c.object, c.model, c.created) for c in chunks} == {
            (first.id, "chat.completion.chunk", MODEL, first.created)
        }

    async def test_usage_comes_in_a_chunk_of_its_own_when_asked_for(
        self, http: aiohttp.ClientSession, stand_in: StandIn
    ) -> None:
        asked = body(scripted(tokens=2), stream_options={"include_usage": True})
        async with http.post(completions(stand_in), json=asked) as response:
            events = (await response.read()).strip().split(b"\n\n")
        usage = json.loads(events[-2][6:])
        assert usage["choices"] == []
        assert usage["usage"]["completion_tokens"] == 2
        assert events[-1] == b"data: [DONE]"

    async def test_a_reply_in_one_piece(self, client: AsyncGroq) -> None:
        completion = await client.chat.completions.create(
            model=MODEL,
            messages=[
                {"role": "system", "content": "<training_data>We open at nine.</training_data>"},
                {"role": "user", "content": "When do you open?"},
            ],
        )
        assert '"We open at nine."' in (completion.choices[0].message.content or "")
        assert completion.choices[0].finish_reason == "stop"
        assert completion.usage is not None
        assert completion.usage.total_tokens > completion.usage.completion_tokens > 0

    async def test_a_token_limit_cuts_the_reply(self, client: AsyncGroq) -> None:
        completion = await client.chat.completions.create(
            model=MODEL,
            max_completion_tokens=2,
            messages=[{"role": "user", "content": scripted(text="one two three")}],
        )
        assert completion.choices[0].message.content == "one two"
        assert completion.choices[0].finish_reason == "length"

    async def test_the_models_are_listed_and_found_by_name(self, client: AsyncGroq) -> None:
        listed = await client.models.list()
        names = {model.id for model in listed.data}
        assert names == {MODEL, "openai/gpt-oss-20b", "qwen/qwen3-32b"}
        assert (await client.models.retrieve(MODEL)).owned_by == "OpenAI"
        with pytest.raises(groq.NotFoundError):
            await client.models.retrieve("llama")

    async def test_the_other_path_answers_alike(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        async with http.get(f"{stand_in.url}/v1/models") as response:
            assert len((await response.json())["data"]) == 3
        asked = body(scripted(text="hi"), stream=False)
        async with http.post(f"{stand_in.url}/v1/chat/completions", json=asked) as response:
            assert (await response.json())["choices"][0]["message"]["content"] == "hi"

    async def test_headers(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        async with http.post(completions(stand_in), json=body("hi")) as response:
            headers = response.headers
            await response.read()
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["x-request-id"].startswith("req_")
        assert headers["x-ratelimit-reset-requests"] == "2m59.56s"
        for limit in ("limit", "remaining"):
            assert int(headers[f"x-ratelimit-{limit}-requests"]) > 0
            assert int(headers[f"x-ratelimit-{limit}-tokens"]) > 0
        assert "x-ratelimit-reset-tokens" in headers
        assert "retry-after" not in headers

    async def test_parts_of_a_message_are_read_like_text(self, client: AsyncGroq) -> None:
        completion = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": [{"type": "text", "text": scripted(text="parts")}]}],
        )
        assert completion.choices[0].message.content == "parts"


class TestRefusals:
    @pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer "}, {"Authorization": "x"}])
    async def test_a_key_is_needed(self, stand_in: StandIn, header: dict[str, str]) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(completions(stand_in), json=body("hi"), headers=header) as response,
        ):
            assert response.status == 401
            error = (await response.json())["error"]
        assert error["type"] == "invalid_request_error"
        assert error["code"] == "invalid_api_key"

    async def test_the_key_that_was_set_is_the_only_one(self, http: aiohttp.ClientSession) -> None:
        async with serve(Settings(0, 0, key="gsk_right")) as stand_in:
            async with http.get(f"{stand_in.url}/v1/models") as response:
                assert response.status == 401
            right = {"Authorization": "Bearer gsk_right"}
            async with http.get(f"{stand_in.url}/v1/models", headers=right) as response:
                assert response.status == 200

    async def test_an_unknown_model_is_not_found(self, client: AsyncGroq) -> None:
        with pytest.raises(groq.NotFoundError) as refused:
            await client.chat.completions.create(model="llama3-8b-8192", messages=[{"role": "user", "content": "hi"}])
        assert code_of(refused.value) == "model_not_found"

    @pytest.mark.parametrize("sent", [b"", b"{", b'{"model": "x"}', b'{"model": "x", "messages": []}'])
    async def test_a_malformed_request_is_a_400(
        self, http: aiohttp.ClientSession, stand_in: StandIn, sent: bytes
    ) -> None:
        async with http.post(completions(stand_in), data=sent) as response:
            assert response.status == 400
            assert (await response.json())["error"]["type"] == "invalid_request_error"

    async def test_a_huge_request_is_a_413(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        async with http.post(completions(stand_in), data=io.BytesIO(b" " * 5_000_000)) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "request_too_large"

    async def test_an_unknown_path_is_refused_in_groqs_form(
        self, http: aiohttp.ClientSession, stand_in: StandIn
    ) -> None:
        async with http.get(f"{stand_in.url}/openai/v2") as response:
            assert response.status == 404
            assert (await response.json())["error"]["code"] == "unknown_url"

    async def test_a_typo_in_a_script_is_a_400(self, client: AsyncGroq) -> None:
        with pytest.raises(groq.BadRequestError, match="tokns") as refused:
            await chunks_of(client, scripted(tokns=3))
        assert code_of(refused.value) == "bad_script"

    async def test_without_the_switch_there_are_no_scripts_and_no_control(self, http: aiohttp.ClientSession) -> None:
        async with serve(Settings(0, 0)) as stand_in:
            asked = body(scripted(status=500), stream=False)
            async with http.post(completions(stand_in), json=asked) as response:
                assert response.status == 200
            async with http.get(f"{stand_in.url}/_control/requests") as response:
                assert response.status == 404
            assert stand_in.requests == []


def code_of(error: groq.APIStatusError) -> object:
    assert isinstance(error.body, dict)
    return error.body["error"]["code"]


class TestScripts:
    async def test_text_and_tokens(self, client: AsyncGroq) -> None:
        assert text_of(await chunks_of(client, scripted(text=" as it\n is "))) == " as it\n is "
        assert len(await chunks_of(client, scripted(tokens=7))) == 7 + 2

    async def test_empty(self, client: AsyncGroq) -> None:
        chunks = await chunks_of(client, scripted(empty=True))
        assert text_of(chunks) == ""
        assert chunks[-1].choices[0].finish_reason == "stop"

    async def test_chunk_and_finish_reason(self, client: AsyncGroq) -> None:
        chunks = await chunks_of(client, scripted(tokens=7, chunk=3, finish_reason="length"))
        assert [len((c.choices[0].delta.content or "").split()) for c in chunks] == [0, 3, 3, 1, 0]
        assert chunks[-1].choices[0].finish_reason == "length"

    async def test_reasoning_comes_first(self, client: AsyncGroq) -> None:
        chunks = await chunks_of(client, scripted(text="Yes.", reasoning="let me see"))
        thought = [chunk.choices[0].delta.reasoning for chunk in chunks]
        assert thought == [None, "let", " me", " see", None, None]
        assert text_of(chunks) == "Yes."

    @pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 498, 500, 502, 503])
    async def test_every_status(self, client: AsyncGroq, status: int) -> None:
        with pytest.raises(groq.APIStatusError) as refused:
            await chunks_of(client, scripted(status=status))
        assert refused.value.status_code == status
        assert isinstance(refused.value.body, dict)
        assert refused.value.body["error"]["message"]
        assert "retry-after" not in refused.value.response.headers

    async def test_retry_after_and_error_code(self, client: AsyncGroq) -> None:
        with pytest.raises(groq.RateLimitError) as busy:
            await chunks_of(client, scripted(status=429, retry_after=1.5))
        assert busy.value.response.headers["retry-after"] == "1.5"
        assert busy.value.response.headers["x-ratelimit-remaining-tokens"] == "0"
        with pytest.raises(groq.BadRequestError) as long:
            await chunks_of(client, scripted(status=400, error_code="context_length_exceeded"))
        assert code_of(long.value) == "context_length_exceeded"

    @pytest.mark.parametrize(("fields", "status"), [({"status": 502}, 502), ({}, 200)])
    async def test_html(
        self,
        http: aiohttp.ClientSession,
        stand_in: StandIn,
        fields: dict[str, int],
        status: int,
    ) -> None:
        asked = body(scripted(html=True, **fields))
        async with http.post(completions(stand_in), json=asked) as response:
            assert response.status == status
            assert response.content_type == "text/html"
            assert (await response.text()).startswith("<!DOCTYPE html>")

    async def test_hang_accept(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        asked = body(scripted(hang="accept"))
        with pytest.raises(TimeoutError):
            await http.post(completions(stand_in), json=asked, timeout=aiohttp.ClientTimeout(total=0.05))
        await within_deadline(stand_in.left())

    @pytest.mark.parametrize(("hang", "words"), [("first", []), ("middle", ["lorem", " ipsum"])])
    async def test_hang_after_the_headers(
        self, http: aiohttp.ClientSession, stand_in: StandIn, hang: str, words: list[str]
    ) -> None:
        asked = body(scripted(hang=hang, tokens=9, after=2))
        async with http.post(completions(stand_in), json=asked) as response:
            assert response.status == 200
            received = await until_silent(response)
        assert contents(received) == words
        await within_deadline(stand_in.left())

    async def test_drip_goes_on_until_the_client_leaves(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        received = b""
        asked = body(scripted(drip_ms=1, text="abc"))
        async with http.post(completions(stand_in), json=asked) as response:
            while len(contents(received)) < 20:
                received += await response.content.readany()
        assert "".join(contents(received)).startswith("abcabcabc")
        await within_deadline(stand_in.left())

    @pytest.mark.parametrize("how", ["cut", "reset"])
    async def test_cut_leaves_the_body_unfinished(
        self, http: aiohttp.ClientSession, stand_in: StandIn, how: str
    ) -> None:
        received, error = await raw(http, stand_in, tokens=9, after=4, **{how: True})
        assert isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientOSError)
        if how == "cut":
            assert len(contents(received)) == 4
        await within_deadline(stand_in.under_way(0))
        assert stand_in.closed_by_client == 0

    async def test_clean_end_has_no_finish_and_no_done(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        received, error = await raw(http, stand_in, tokens=9, after=4, clean_end=True)
        assert error is None
        assert len(contents(received)) == 4
        assert b"[DONE]" not in received
        assert b'"finish_reason":"' not in received

    async def test_no_done_has_a_finish(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        received, _ = await raw(http, stand_in, tokens=2, no_done=True)
        assert b"[DONE]" not in received
        assert b'"finish_reason":"stop"' in received

    async def test_bad_json_comes_once_and_then_it_goes_on(
        self, http: aiohttp.ClientSession, stand_in: StandIn, client: AsyncGroq
    ) -> None:
        received, _ = await raw(http, stand_in, tokens=4, after=2, bad_json=True)
        assert len(contents(received.replace(b'{"con\n', b""))) == 4
        assert received.endswith(b"data: [DONE]\n\n")
        with pytest.raises(json.JSONDecodeError):
            await chunks_of(client, scripted(tokens=4, after=2, bad_json=True))

    @pytest.mark.parametrize("form", [True, "bare"])
    async def test_error_event_ends_the_reply(
        self, http: aiohttp.ClientSession, stand_in: StandIn, client: AsyncGroq, form: object
    ) -> None:
        received, error = await raw(http, stand_in, tokens=4, after=2, error_event=form)
        assert error is None
        assert len(contents(received)) == 2
        assert (b"event: error\n" in received) == (form is True)
        assert b"[DONE]" not in received
        with pytest.raises(groq.APIError, match="Internal Server Error"):
            await chunks_of(client, scripted(tokens=4, after=2, error_event=form))

    async def test_nul_and_a_lone_surrogate(self, http: aiohttp.ClientSession, stand_in: StandIn) -> None:
        received, _ = await raw(http, stand_in, text="one two", after=1, nul=True)
        assert contents(received) == ["one", "\x00\ud800", " two"]
        asked = body(scripted(text="one two", after=1, nul=True), stream=False)
        async with http.post(completions(stand_in), json=asked) as response:
            message = json.loads(await response.read())["choices"][0]["message"]
        assert message["content"] == "one\x00\ud800 two"

    @pytest.mark.parametrize("size", [1, 7, 1000])
    async def test_split_bytes_tears_events_and_characters(
        self, http: aiohttp.ClientSession, stand_in: StandIn, client: AsyncGroq, size: int
    ) -> None:
        fields: dict[str, Any] = {"text": "nåde 灯 👩‍👩‍👧", "split_bytes": size}
        async with http.post(completions(stand_in), json=body(scripted(**fields))) as response:
            sizes = {len(chunk) async for chunk, _ in response.content.iter_chunks()}
        assert size in sizes
        assert text_of(await chunks_of(client, scripted(**fields))) == "nåde 灯 👩‍👩‍👧"

    async def test_crlf_and_comments(self, http: aiohttp.ClientSession, stand_in: StandIn, client: AsyncGroq) -> None:
        fields = {"text": "one two", "crlf": True, "comments": True}
        received, _ = await raw(http, stand_in, **fields)
        assert received.count(b"\n") == received.count(b"\r\n")
        assert b": keep-alive\r\n\r\n" in received
        assert text_of(await chunks_of(client, scripted(**fields))) == "one two"

    async def test_speed(self, client: AsyncGroq) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        await chunks_of(client, scripted(tokens=4, first_token_ms=40, tokens_per_second=100))
        assert clock() - started >= 0.07

    @pytest.mark.parametrize("fields", [{"hang": "accept"}, {"hang": "first"}, {"cut": True}])
    async def test_a_reply_in_one_piece_can_fail_too(
        self, http: aiohttp.ClientSession, stand_in: StandIn, fields: dict[str, object]
    ) -> None:
        asked = body(scripted(**fields), stream=False)
        with pytest.raises((TimeoutError, aiohttp.ServerDisconnectedError)):
            await http.post(completions(stand_in), json=asked, timeout=aiohttp.ClientTimeout(total=0.05))
        await within_deadline(stand_in.under_way(0))


async def within_deadline(event: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        await event


class TestHolds:
    async def test_a_held_reply_waits_for_its_release(self, stand_in: StandIn, client: AsyncGroq) -> None:
        reading = asyncio.create_task(chunks_of(client, scripted(tokens=4, after=2, hold="a")))
        await within_deadline(stand_in.reached("a"))
        assert not reading.done()
        assert stand_in.active == 1
        stand_in.release("a")
        assert len(text_of(await reading).split()) == 4

    async def test_a_release_may_come_first(self, stand_in: StandIn, client: AsyncGroq) -> None:
        stand_in.release("b")
        assert text_of(await chunks_of(client, scripted(text="on", hold="b"))) == "on"
        await within_deadline(stand_in.reached("b"))

    async def test_a_fault_comes_after_the_hold(self, stand_in: StandIn, client: AsyncGroq) -> None:
        reading = asyncio.create_task(chunks_of(client, scripted(status=503, hold="c")))
        await within_deadline(stand_in.reached("c"))
        stand_in.release("c")
        with pytest.raises(groq.InternalServerError):
            await reading

    async def test_many_replies_wait_at_one_hold(self, stand_in: StandIn, client: AsyncGroq) -> None:
        asked = scripted(text="on", hold="d")
        reading = [asyncio.create_task(chunks_of(client, asked)) for _ in range(20)]
        await within_deadline(stand_in.reached("d", 20))
        stand_in.release("d")
        assert {text_of(chunks) for chunks in await asyncio.gather(*reading)} == {"on"}

    async def test_a_client_that_leaves_a_hold_is_noticed(self, stand_in: StandIn, http: aiohttp.ClientSession) -> None:
        asked = body(scripted(tokens=4, after=2, hold="e"))
        async with http.post(completions(stand_in), json=asked):
            await within_deadline(stand_in.reached("e"))
        await within_deadline(stand_in.left())
        assert stand_in.active == 0


class TestObservation:
    async def test_requests_are_recorded_and_counted(self, stand_in: StandIn, client: AsyncGroq) -> None:
        await chunks_of(client, "first")
        with pytest.raises(groq.InternalServerError):
            await chunks_of(client, scripted(status=500))
        assert stand_in.total == 2
        first = stand_in.requests[0]
        assert isinstance(first, dict)
        assert first["messages"] == [{"role": "user", "content": "first"}]
        stand_in.clear()
        assert (stand_in.total, stand_in.requests) == (0, [])

    async def test_only_the_newest_thousand_are_kept(self, stand_in: StandIn, http: aiohttp.ClientSession) -> None:
        async def ask(number: int) -> None:
            async with http.post(completions(stand_in), data=str(number).encode()) as response:
                await response.read()

        for start in range(0, 1050, 50):
            await asyncio.gather(*map(ask, range(start, start + 50)))
        assert stand_in.total == 1050
        assert sorted(msgspec.convert(stand_in.requests, list[int])) == list(range(50, 1050))

    async def test_a_queued_script_goes_before_that_of_the_message(self, stand_in: StandIn, client: AsyncGroq) -> None:
        stand_in.queue(Script(text="queued"), times=2)
        said = [text_of(await chunks_of(client, scripted(text="own"))) for _ in range(3)]
        assert said == ["queued", "queued", "own"]

    async def test_a_finished_reply_is_not_counted_as_left(self, stand_in: StandIn, client: AsyncGroq) -> None:
        await chunks_of(client, scripted(tokens=3))
        await within_deadline(stand_in.under_way(0))
        assert stand_in.closed_by_client == 0

    async def test_leaving_a_long_reply_without_reading_it_ends_it(
        self, stand_in: StandIn, http: aiohttp.ClientSession
    ) -> None:
        asked = body(scripted(tokens=1_000_000))
        async with http.post(completions(stand_in), json=asked):
            assert stand_in.active == 1
        await within_deadline(stand_in.left())


@asynccontextmanager
async def process(*arguments: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local_stack.groq_stand_in", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environ},
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def url_of(running: asyncio.subprocess.Process) -> str:
    assert running.stdout is not None
    async with asyncio.timeout(DEADLINE):
        line = json.loads(await running.stdout.readline())
    return f"http://127.0.0.1:{line['listening']}"


class TestAsAProcess:
    async def test_control_over_http(self, http: aiohttp.ClientSession) -> None:
        async with process("--scripts", GROQ_STAND_IN_FIRST_TOKEN_MS="0") as running:
            url = await url_of(running)

            async def call(method: str, path: str, json: object = None) -> Any:
                async with http.request(method, f"{url}/_control/{path}", json=json) as response:
                    assert response.status == 200
                    return await response.json()

            await call("POST", "script", {"script": {"tokens": 3, "after": 1, "hold": "h"}})
            asked = body("hi")
            async with http.post(f"{url}/v1/chat/completions", json=asked) as response:
                assert await call("GET", "reached/h") == {"reached": 1}
                assert await call("GET", "active") == {"active": 1, "closed_by_client": 0}
                await call("POST", "release/h")
                assert len(contents(await response.read())) == 3
            assert await call("GET", "requests") == {"total": 1, "requests": [asked]}
            await call("DELETE", "requests")
            assert await call("GET", "requests") == {"total": 0, "requests": []}

            await call("POST", "script", {"script": {"hang": "first"}})
            async with http.post(f"{url}/v1/chat/completions", json=asked):
                pass
            counted = await call("GET", "active?closed_by_client=1&active=0")
            assert counted == {"active": 0, "closed_by_client": 1}
            await call("POST", "script", {"script": {"hang": "first"}, "times": 5})
            assert await call("DELETE", "script") == {"queued": 0}

    async def test_a_poll_that_saw_nothing_is_a_408_and_a_bad_one_a_400(
        self, http: aiohttp.ClientSession, stand_in: StandIn
    ) -> None:
        control = f"{stand_in.url}/_control"
        async with http.get(f"{control}/reached/x?seconds=0") as response:
            assert (response.status, await response.json()) == (408, {"reached": 0})
        async with http.get(f"{control}/active?active=some") as response:
            assert response.status == 400
        async with http.post(f"{control}/script", json={"script": {"cutt": True}}) as response:
            assert response.status == 400

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_ends_it_soon_in_the_middle_of_a_stream(
        self, http: aiohttp.ClientSession, number: signal.Signals
    ) -> None:
        async with process(GROQ_STAND_IN_SCRIPTS="1") as running:
            url = await url_of(running)
            asked = body(scripted(hang="first"))
            async with http.post(f"{url}/v1/chat/completions", json=asked):
                running.send_signal(number)
                async with asyncio.timeout(1.5):
                    assert await running.wait() == 0

    async def test_a_port_in_use_or_a_bad_setting_is_said_in_a_sentence(self) -> None:
        async with serve(AT_FULL_SPEED) as stand_in, process("--port", str(stand_in.port)) as late:
            _, said = await late.communicate()
            assert late.returncode == 1
            assert said.startswith(b"The stand-in for Groq did not start: ")
        async with process(GROQ_STAND_IN_TOKENS_PER_SECOND="fast") as wrong:
            _, said = await wrong.communicate()
            assert b"GROQ_STAND_IN_TOKENS_PER_SECOND must be a number" in said
            assert b"Traceback" not in said
