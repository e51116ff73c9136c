"""chat/records.py: titles, and the cursors of the list of sessions."""

import datetime as dt
from base64 import urlsafe_b64encode

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

django.setup()

from chat.records import TITLE_LENGTH, Listed, _cursor, _cursor_after, title_from  # noqa: E402  # needs the apps
from safycore_backend.errors import InvalidInput  # noqa: E402


@given(st.text())
def test_a_title_is_one_line_that_fits(message: str) -> None:
    title = title_from(message)
    assert len(title) <= TITLE_LENGTH
    assert title == " ".join(title.split())
    assert bool(title) == bool(message.strip())


def test_a_short_message_is_its_own_title() -> None:
    assert title_from("  What   is\nthis? ") == "What is this?"
    assert title_from("x" * TITLE_LENGTH) == "x" * TITLE_LENGTH


def test_a_long_message_ends_in_an_ellipsis() -> None:
    assert title_from("x" * (TITLE_LENGTH + 1)) == "x" * (TITLE_LENGTH - 1) + "…"
    assert title_from("word " * 100).endswith("word…")


@given(
    st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),  # noqa: DTZ001  # bounds are naive
    st.integers(1, 2**62),
)
def test_a_cursor_leads_back_to_its_row(moment: dt.datetime, row_id: int) -> None:
    row = Listed(row_id, "x", "", moment, moment)
    assert _cursor(_cursor_after(row)) == (moment, row_id)


@pytest.mark.parametrize(
    "plain", ["", " ", "x 1", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z x", "2026-13-01T00:00:00Z 1", " 1", "1 1"]
)
def test_a_forged_cursor_is_refused(plain: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _cursor(urlsafe_b64encode(plain.encode()).decode())
    assert refusal.value.fields is not None
    assert refusal.value.fields.keys() == {"before"}


@given(st.text(max_size=255))
def test_no_text_is_worse_than_refused(cursor: str) -> None:
    try:
        moment, row_id = _cursor(cursor)
    except InvalidInput:
        return
    assert moment.tzinfo is not None
    assert row_id <= 2**62
