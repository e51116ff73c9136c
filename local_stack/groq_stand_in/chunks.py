"""The bytes of a reply: Groq's chunks as server-sent events, and the whole in one."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

DONE = b"data: [DONE]\n\n"
FINGERPRINT = "fp_standin000"
# NUL and half of a surrogate pair, as JSON escapes: no decoder of ours would let them be encoded.
NUL_AND_SURROGATE = rb'"\u0000\ud800"'

_TEXT_END = b'},"logprobs":null,"finish_reason":null}]}\n\n'


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a reply is: the same in each of its chunks."""

    model: str
    request_id: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4()}")
    created: int = field(default_factory=lambda: int(time.time()))

    def frame(self, kind: str) -> dict[str, object]:
        """The fields every object of this reply begins with."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """What a reply cost; times in seconds."""

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    started: float = field(default_factory=time.perf_counter)

    def usage(self) -> dict[str, object]:
        """Groq's usage object, as of now."""
        elapsed = time.perf_counter() - self.started
        return {
            "queue_time": 0.001,
            "prompt_tokens": self.prompt_tokens,
            "prompt_time": 0.001,
            "completion_tokens": self.completion_tokens,
            "completion_time": elapsed,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "total_time": elapsed + 0.001,
            "completion_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
        }


class Chunks:
    """Encodes one reply; every method gives one whole event.

    What does not change within a reply is encoded once: an event costs the encoding of its text.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        frame = msgspec.json.encode(identity.frame("chat.completion.chunk"))
        self._frame = frame[:-1]
        self._before = b"data: " + self._frame + b',"choices":[{"index":0,"delta":{"content":'

    def role(self) -> bytes:
        first = _choice({"role": "assistant", "content": ""}, None)
        return self._event(choices=[first], x_groq={"id": self._identity.request_id})

    def text(self, text: str) -> bytes:
        return self.raw_text(msgspec.json.encode(text))

    def raw_text(self, json: bytes) -> bytes:
        """A content chunk around a JSON string that is taken as it is."""
        return self._before + json + _TEXT_END

    def reasoning(self, text: str) -> bytes:
        return self._event(choices=[_choice({"reasoning": text, "channel": "analysis"}, None)])

    def finish(self, reason: str, usage: Mapping[str, object]) -> bytes:
        x_groq = {"id": self._identity.request_id, "usage": usage}
        return self._event(choices=[_choice({}, reason)], x_groq=x_groq)

    def usage(self, usage: Mapping[str, object]) -> bytes:
        return self._event(choices=[], usage=usage)

    def malformed(self) -> bytes:
        return b"data: " + self._frame + b',"choices":[{"index":0,"delta":{"con\n\n'

    def _event(self, **fields: object) -> bytes:
        return b"data: " + self._frame + b"," + msgspec.json.encode(fields)[1:] + b"\n\n"


def whole(identity: Identity, content: bytes, reasoning: str, finish_reason: str, usage: object) -> bytes:
    """The answer to a request that does not stream; `content` is a JSON string."""
    message: dict[str, object] = {"role": "assistant", "content": msgspec.Raw(content)}
    if reasoning:
        message["reasoning"] = reasoning
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return msgspec.json.encode(
        {
            **identity.frame("chat.completion"),
            "choices": [choice],
            "usage": usage,
            "x_groq": {"id": identity.request_id},
            "service_tier": "on_demand",
        }
    )


def _choice(delta: dict[str, str], finish_reason: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
