"""`POST chat/completions`: from a request's bytes to the reply."""

import secrets
from collections import deque
from dataclasses import dataclass

import msgspec
from aiohttp import web

from . import script as scripts
from .access import check_key, known_model, rate_limits
from .chunks import Chunks, Identity, whole
from .errors import GroqError, by_status, html_page
from .observation import Activity, Holds, Recorder
from .player import Pacer, cut, forever, play
from .reply import compose
from .request import CompletionRequest, decoder
from .script import Script
from .settings import Settings
from .steps import steps


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a completion, understood."""

    http: web.Request
    wanted: CompletionRequest
    question: str
    script: Script
    identity: Identity
    headers: dict[str, str]


class Completions:
    """Answers completion requests, and keeps what tests want to see and steer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.recorder = Recorder()
        self.activity = Activity()
        self.holds = Holds()
        self.queue: deque[Script] = deque()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One completion. Raises GroqError for whatever Groq would refuse."""
        with self.activity.under_way(request):
            body = await request.read()
            if self._settings.scripts:
                self.recorder.add(body)
            check_key(request, self._settings.key)
            return await self._answer(self._understood(request, body))

    def _understood(self, request: web.Request, body: bytes) -> Call:
        wanted = _decoded(body)
        script, question = self._script(wanted.question)
        identity = Identity(known_model(wanted.model).id, f"req_{secrets.token_hex(13)}")
        headers = rate_limits(wanted.prompt_tokens, exhausted=script.status == 429)
        headers["x-request-id"] = identity.request_id
        return Call(request, wanted, question, script, identity, headers)

    def _script(self, message: str) -> tuple[Script, str]:
        """What is to happen (a queued script goes first), and the message without its script."""
        if not self._settings.scripts:
            return scripts.AS_USUAL, message
        try:
            script, question = scripts.taken_from(message)
        except scripts.ScriptError as error:
            raise GroqError(400, str(error), code="bad_script") from error
        return (self.queue.popleft() if self.queue else script), question

    async def _answer(self, call: Call) -> web.StreamResponse:
        if call.script.hang == "accept":
            await forever()
        if call.script.refuses:
            return await self._refuse(call)
        return await (self._stream(call) if call.wanted.stream else self._at_once(call))

    async def _refuse(self, call: Call) -> web.Response:
        script = call.script
        if script.hold:
            await self.holds.wait(script.hold)
        if script.html:
            return html_page(script.status or 200, call.headers)
        error = by_status(
            script.status or 500,
            model=call.identity.model,
            code=script.error_code,
            retry_after=script.retry_after,
        )
        response = error.response()
        response.headers.extend(call.headers)
        return response

    async def _stream(self, call: Call) -> web.StreamResponse:
        reply = compose(call.wanted, call.question, call.script)
        chunks = Chunks(call.identity)
        planned = steps(reply, call.script, chunks, wants_usage=call.wanted.wants_usage)
        pacer = Pacer(self._settings, call.script)
        response = web.StreamResponse(headers=call.headers | {"cache-control": "no-cache"})
        response.content_type = "text/event-stream"
        try:
            await response.prepare(call.http)
            await play(planned, call.http, response, pacer=pacer, holds=self.holds)
            await response.write_eof()
        except ConnectionResetError:
            # The client left; the cancellation that says so is on its way.
            await forever()
        return response

    async def _at_once(self, call: Call) -> web.Response:
        """The reply in one piece: holds and cuts come before it, and no time passes otherwise."""
        script, reply = call.script, compose(call.wanted, call.question, call.script)
        usage = reply.spent().usage()
        if script.hold:
            await self.holds.wait(script.hold)
        if script.hang:
            await forever()
        if script.cut or script.reset:
            await cut(call.http, reset=script.reset)
        content, reasoning = reply.json_text(script), "".join(reply.reasoning)
        body = whole(call.identity, content, reasoning, reply.finish_reason, usage)
        return web.Response(
            body=body[:-2] if script.bad_json else body,
            content_type="application/json",
            headers=call.headers,
        )


def _decoded(body: bytes) -> CompletionRequest:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise GroqError(400, f"invalid request: {error}", code="json_invalid") from error
