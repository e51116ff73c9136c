"""JSON in and out by msgspec, and the two media types of a streamed reply."""

from typing import IO, Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer


class JSONParser(BaseParser):
    """Decodes strictly: UTF-8, no NaN, no lone surrogates; anything else is a ParseError (400)."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read()
        try:
            return msgspec.json.decode(body) if body else {}
        # RecursionError: JSON nested so deep that decoding it would exhaust the stack.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise ParseError("The request body is not valid JSON.") from exc


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


class _StreamRenderer(JSONRenderer):
    """Lets DRF accept the media type; the view streams by itself."""


class PlainTextRenderer(_StreamRenderer):
    media_type = "text/plain"
    format = "text"


class JSONLinesRenderer(_StreamRenderer):
    media_type = "application/x-ndjson"
    format = "jsonl"


class EventStreamRenderer(_StreamRenderer):
    media_type = "text/event-stream"
    format = "sse"
