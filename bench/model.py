"""A scripted model that costs next to nothing: `python -m bench.model`.

It speaks as much of the protocol as a proxy of it needs. Every token is one of a few words, encoded once; a reply is a
count of what is still to be sent, and one timer moves all of them. The pace is set for all replies to come
by `POST /_pace`, and `GET /_stats` tells how many there were, so that whatever stands before the model needs to know
nothing of it.

The first line of its output is `{"listening": <port>}`.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass

import msgspec
import uvloop

HOST = "127.0.0.1"
BACKLOG = 2048
NAME = "openai/gpt-oss-120b"
# Part of every token, and of nothing else that a server might send.
WORD = "syllable"
# LiteLLM takes a hundred equal pieces in a row for a model that has gone mad.
VARIANTS = 8
TICK_SECONDS = 0.002
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Pace:
    """How replies are made. `tokens_per_second` 0: one in every turn of the loop, as fast as it can."""

    tokens: int = 128
    tokens_per_second: float = 0
    first_token_ms: float = 0

    @property
    def seconds(self) -> float:
        """What a reply takes by itself."""
        between = (self.tokens - 1) / self.tokens_per_second if self.tokens_per_second else 0
        return self.first_token_ms / 1000 + between


@dataclass
class Stats:
    """What it did since it was last asked: replies begun, whole, left by their clients, the most at once, lateness."""

    begun: int = 0
    whole: int = 0
    left: int = 0
    peak: int = 0
    latest_ms: float = 0


def _event(fields: dict[str, object]) -> bytes:
    frame = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1, "model": NAME}
    data = b"data: " + msgspec.json.encode(frame | fields) + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    return _event({"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]})


def _end(tokens: int) -> bytes:
    usage = {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens}
    done = b"data: [DONE]\n\n"
    return _choice({}, "stop") + _event({"choices": [], "usage": usage}) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ROLE = _choice({"role": "assistant", "content": ""})
TOKENS = [_choice({"content": f"{WORD}{number} "}) for number in range(VARIANTS)]


def _json(body: object, status: str = "200 OK") -> bytes:
    encoded = msgspec.json.encode(body)
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(encoded)}\r\n\r\n"
    return head.encode() + encoded


class Reply:
    """One reply on its way."""

    __slots__ = ("_model", "_transport", "due", "left", "pace")

    def __init__(self, model: "Model", transport: asyncio.Transport, due: float) -> None:
        self._model = model
        self._transport = transport
        self.pace = model.pace
        self.left = self.pace.tokens
        self.due = due

    def step(self) -> bool:
        """Send the next token; whether there is another one."""
        if self._transport.is_closing():
            self._model.ended(whole=False)
            return False
        self.left -= 1
        token = TOKENS[self.left % VARIANTS]
        if self.left:
            self._transport.write(token)
            return True
        self._transport.write(token + _end(self.pace.tokens))
        self._model.ended(whole=True)
        return False


class Model:
    """All replies, moved by one timer; those without a pace by every turn of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.pace = Pace()
        self._stats = Stats()
        self._active = 0
        self._loop = loop
        self._slots: defaultdict[int, list[Reply]] = defaultdict(list)
        self._next_slot = 0
        self._eager: list[Reply] = []

    def begin(self, transport: asyncio.Transport) -> None:
        now = self._loop.time()
        self._active += 1
        self._stats.begun += 1
        self._stats.peak = max(self._stats.peak, self._active)
        transport.write(STREAM_HEAD + ROLE)
        reply = Reply(self, transport, now + self.pace.first_token_ms / 1000)
        if reply.due > now:
            self._await(reply)
        else:
            self._step(reply)

    def ended(self, *, whole: bool) -> None:
        self._active -= 1
        self._stats.whole += whole
        self._stats.left += not whole

    def stats(self) -> Stats:
        stats, self._stats = self._stats, Stats(peak=self._active)
        return stats

    def _step(self, reply: Reply) -> None:
        if not reply.step():
            return
        if not reply.pace.tokens_per_second:
            if not self._eager:
                self._loop.call_soon(self._run_eager)
            self._eager.append(reply)
            return
        # By the plan, not by the clock: one that fell behind catches up.
        reply.due += 1 / reply.pace.tokens_per_second
        self._await(reply)

    def _run_eager(self) -> None:
        eager, self._eager = self._eager, []
        for reply in eager:
            self._step(reply)

    def _await(self, reply: Reply) -> None:
        if not self._slots:
            self._next_slot = int(self._loop.time() / TICK_SECONDS)
            self._loop.call_later(TICK_SECONDS, self._run_slots)
        self._slots[max(int(reply.due / TICK_SECONDS), self._next_slot)].append(reply)

    def _run_slots(self) -> None:
        now = self._loop.time()
        while self._next_slot <= int(now / TICK_SECONDS):
            replies = self._slots.pop(self._next_slot, ())
            self._next_slot += 1
            for reply in replies:
                self._stats.latest_ms = max(self._stats.latest_ms, 1000 * (now - reply.due))
                self._step(reply)
        if self._slots:
            self._loop.call_later(TICK_SECONDS, self._run_slots)


class Caller(asyncio.Protocol):
    """One connection: one request after the other."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        body_end = end + len(_HEAD_END) + _content_length(head)
        if len(self._received) < body_end:
            return
        body = bytes(self._received[end + len(_HEAD_END) : body_end])
        del self._received[:body_end]
        self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        target = head.split(b" ", 2)[1]
        if target.endswith(b"/chat/completions"):
            self._complete(body)
        elif target.endswith(b"/models"):
            listed = [{"id": NAME, "object": "model", "created": 1, "owned_by": "bench"}]
            self._transport.write(_json({"object": "list", "data": listed}))
        elif target == b"/_pace":
            self._model.pace = Pace(**json.loads(body))
            self._transport.write(_json({}))
        elif target == b"/_stats":
            self._transport.write(_json(asdict(self._model.stats())))
        else:
            self._transport.write(_json({"error": {"message": "There is no such address."}}, "404 Not Found"))

    def _complete(self, body: bytes) -> None:
        try:
            streams = json.loads(body).get("stream")
        except ValueError:
            self._transport.write(_json({"error": {"message": "This is not JSON."}}, "400 Bad Request"))
            return
        if streams:
            self._model.begin(self._transport)
            return
        message = {"role": "assistant", "content": f"{WORD} " * self._model.pace.tokens}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 20, "completion_tokens": self._model.pace.tokens, "total_tokens": 20}
        frame = {"id": "chatcmpl-bench", "object": "chat.completion", "created": 1, "model": NAME}
        self._transport.write(_json(frame | {"choices": choices, "usage": usage}))


def _content_length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def serve(port: int, say: Callable[[str], None]) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    model = Model(loop)
    server = await loop.create_server(lambda: Caller(model), HOST, port, backlog=BACKLOG)
    say(json.dumps({"listening": server.sockets[0].getsockname()[1]}))
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.model", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    port = parser.parse_args().port
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(port, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
