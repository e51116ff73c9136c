"""What a client sends to `chat/completions`; fields not listed are accepted and ignored."""

from typing import Annotated, Literal

import msgspec

from .tokens import estimate


class Part(msgspec.Struct):
    type: str
    text: str = ""


class Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The words of the message, whichever form they came in."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class CompletionRequest(msgspec.Struct):
    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None

    @property
    def question(self) -> str:
        """The newest message of the user, or nothing."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def system(self) -> list[str]:
        return [m.text for m in self.messages if m.role in ("system", "developer")]

    @property
    def prompt_tokens(self) -> int:
        """An estimate, with a few tokens for the frame of each message."""
        return sum(estimate(message.text) + 4 for message in self.messages)

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


decoder = msgspec.json.Decoder(CompletionRequest)
