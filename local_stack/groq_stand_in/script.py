"""What a test can ask of one reply.

A script travels as a line `!script {json}` in the last user message, the only way through a
product that forwards nothing else, or waits in a queue (`POST /_control/script`).
"""

import re
from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Number = Annotated[float, msgspec.Meta(ge=0, le=1e9)]

_LINE = re.compile(r"^!script\b(.*)$\n?", re.MULTILINE)


class ScriptError(ValueError):
    """The script cannot be played; the text says why."""


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one reply is to go; whatever is left out goes as usual.

    What is said: `text` verbatim, or `tokens` pieces of lorem ipsum, or else the usual answer;
    `empty` for none at all; `reasoning` before it; `finish_reason` after it.

    How fast: `chunk` tokens per event, `first_token_ms`, `tokens_per_second` (0: no pause),
    `drip_ms` for one character every so often, for ever.

    Where: `after` so many tokens come `hold` (wait until that name is released, also before an
    answer with `status`), `nul` (NUL and a lone surrogate in the content), `bad_json` (a
    malformed event, then on as usual) and whatever ends the reply: `hang` "middle", `cut` (the
    connection is closed in mid-body), `reset` (the same by RST), `clean_end` (the body ends well,
    without a finish), `error_event` ("bare": without its `event: error` line).

    Instead of a reply: `hang` "accept" (no answer) or "first" (headers only); `status` with
    `error_code` and `retry_after` in seconds; `html` for a page instead of JSON.

    The bytes: `split_bytes` per write, `crlf` line ends, `comments` between events, `no_done` to
    leave out `[DONE]`.
    """

    text: str | None = None
    tokens: Count | None = None
    empty: bool = False
    reasoning: str = ""
    finish_reason: str | None = None
    chunk: Positive = 1
    first_token_ms: Number | None = None
    tokens_per_second: Number | None = None
    drip_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    after: Count = 0
    hold: str = ""
    nul: bool = False
    bad_json: bool = False
    hang: Literal["accept", "first", "middle"] | None = None
    cut: bool = False
    reset: bool = False
    clean_end: bool = False
    error_event: bool | Literal["bare"] = False
    status: Literal[400, 401, 404, 413, 429, 498, 500, 502, 503] | None = None
    error_code: str | None = None
    retry_after: Number | None = None
    html: bool = False
    split_bytes: Positive | None = None
    crlf: bool = False
    comments: bool = False
    no_done: bool = False

    def __post_init__(self) -> None:
        if len(self._endings()) > 1:
            raise ValueError(f"only one of {', '.join(self._endings())} can end a reply")
        if self.text is not None and self.tokens is not None:
            raise ValueError("text and tokens exclude each other")

    def _endings(self) -> list[str]:
        names = ("status", "hang", "cut", "reset", "clean_end", "error_event", "drip_ms")
        return [name for name in names if getattr(self, name)]

    @property
    def refuses(self) -> bool:
        """Whether there is an error instead of a reply."""
        return self.status is not None or self.html

    @property
    def breaks_off(self) -> bool:
        """Whether the reply ends at `after`, without the usual ending."""
        return bool(self.cut or self.reset or self.clean_end or self.error_event or self.hang)


AS_USUAL = Script()


def parse(json: str | bytes) -> Script:
    """A script from JSON; raise ScriptError, so that a typo in a test fails loudly."""
    try:
        return msgspec.json.decode(json, type=Script)
    except msgspec.DecodeError as error:
        raise ScriptError(f"not a script: {error}") from error


def taken_from(message: str) -> tuple[Script, str]:
    """The script in a message, and the message without its line."""
    found = _LINE.search(message)
    if found is None:
        return AS_USUAL, message
    return parse(found[1]), message[: found.start()] + message[found.end() :]
