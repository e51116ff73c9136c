"""What will be said, decided before the first byte goes out."""

from dataclasses import dataclass

import msgspec

from . import tokens
from .answers import answer
from .chunks import NUL_AND_SURROGATE, Spent
from .request import CompletionRequest
from .script import Script


@dataclass(frozen=True, slots=True)
class Reply:
    tokens: list[str]
    reasoning: list[str]
    finish_reason: str
    prompt_tokens: int

    def spent(self) -> Spent:
        """The cost, with the clock started now."""
        thought = len(self.reasoning)
        return Spent(self.prompt_tokens, len(self.tokens) + thought, thought)

    def json_text(self, script: Script) -> bytes:
        """The whole content as a JSON string, with what the script puts into it."""
        head, tail = self.tokens[: script.after], self.tokens[script.after :]
        odd = NUL_AND_SURROGATE[1:-1] if script.nul else b""
        return b'"' + _inner("".join(head)) + odd + _inner("".join(tail)) + b'"'


def compose(request: CompletionRequest, question: str, script: Script) -> Reply:
    """The scripted reply to a request, or the usual one, cut to its token limit."""
    said = _said(request, question, script)
    limit = request.token_limit
    cut = limit is not None and len(said) > limit
    return Reply(
        tokens=said[:limit],
        reasoning=tokens.split(script.reasoning),
        finish_reason=script.finish_reason or ("length" if cut else "stop"),
        prompt_tokens=request.prompt_tokens,
    )


def _said(request: CompletionRequest, question: str, script: Script) -> list[str]:
    if script.empty:
        return []
    if script.tokens is not None:
        return tokens.lorem(script.tokens)
    if script.text is not None:
        return tokens.split(script.text)
    return tokens.split(answer(question, request.system))


def _inner(text: str) -> bytes:
    return msgspec.json.encode(text)[1:-1]
