"""safycore_backend/media.py: JSON is read strictly and written plainly."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from safycore_backend.media import JSONParser, JSONRenderer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


def parsed(body: bytes) -> object:
    return JSONParser().parse(io.BytesIO(body))


@given(VALUES)
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert parsed(json.dumps(value).encode()) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode()) == value
    assert parsed(JSONRenderer().render(value)) == value if value is not None else True


def test_no_body_is_an_empty_object() -> None:
    assert parsed(b"") == {}


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"{",
        b"{} {}",
        b"[1,]",
        b"{'a': 1}",
        b"// comment\n{}",
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'{"\\ud800": 1}',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"a\nb"',
        b'"a\x00b"',
        b"01",
        b"+1",
        b".5",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parsed(body)


def test_nothing_is_written_for_nothing() -> None:
    assert JSONRenderer().render(None) == b""


def test_text_is_written_in_utf8_on_one_line() -> None:
    assert JSONRenderer().render({"a": "ü\n\U0001f600"}) == '{"a":"ü\\n\U0001f600"}'.encode()
