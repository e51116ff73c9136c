"""chat/store.py: the same promises over both doors to the database, and through a pooler by transaction."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from django.test import override_settings
from psycopg import sql

from chat import owners
from chat.domain import EarlierTurn, Message, Outcome, Send, Turn
from chat.errors import KeyReused, ReplyInProgress, TrainingDataFull
from chat.store import Limits, Store
from safycore_backend.data_api import DataApiDoor
from safycore_backend.database import Claims, DatabaseError, DatabaseUnavailable, Door, SessionEnded
from safycore_backend.postgres import PostgresDoor
from tests.cast import Actor
from tests.conftest import NewActor
from tests.pgbouncer import MISSING, PROGRAM, by_transaction

TRAINING_CHARS = 1_000
COMPLETE = Outcome("complete", "stop", {"completion_tokens": 3, "completion_time": 0.25})
ODD_TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 \U0001f1e9\U0001f1ea",
    "right to left": "שלום \u202eworld\u202c مرحبا \u200f",
    "zero width": "a\u200db\u200cc\u200bd\ufeffe",
    "blanks around": "  \t leading and trailing \n\n ",
    "line ends": "one\r\ntwo\rthree\nfour\u2028five\u2029six\x85seven\x0b\x0c",
    "not normalised": "e\u0301 \u00e9 ﬁ K",
    "quotes": """'; drop table messages; -- "$$ \\ \\u0000 %s {} $1 \\'""",
    "controls": "\x01\x02\x1b[31m\x7f\x80",
    "32,000 astral characters": "\U0001f600" * 32_000,
    "noncharacters": "\ufffe\uffff\U0010ffff\ufffd",
}


@asynccontextmanager
async def opened(name: str, environment: Mapping[str, str]) -> AsyncIterator[Door]:
    if name == "transaction_pooler":
        if PROGRAM is None:
            pytest.skip(MISSING)
        async with by_transaction(environment["SUPABASE_DB_URL"]) as url, opened_at(PostgresDoor(url)) as door:
            yield door
    else:
        postgres = PostgresDoor(environment["SUPABASE_DB_URL"])
        async with opened_at(postgres if name == "postgres" else DataApiDoor()) as door:
            yield door


@asynccontextmanager
async def opened_at(door: Door) -> AsyncIterator[Door]:
    await door.open()
    try:
        yield door
    finally:
        await door.close()


@pytest.fixture(params=["postgres", "data_api", "transaction_pooler"], scope="module")
async def store(
    request: pytest.FixtureRequest, environment: Mapping[str, str], owner_sql: psycopg.AsyncConnection[Any]
) -> AsyncIterator[Store]:
    """The store behind each door in turn."""
    limits = Limits(TRAINING_CHARS, history_messages=100, history_chars=200_000, replies_per_person=1_000)
    with override_settings(SUPABASE_URL=environment["SUPABASE_URL"], SUPABASE_KEY=environment["SUPABASE_KEY"]):
        async with opened(request.param, environment) as door:
            yield Store(door, limits, owners.this_process())
    # Replies that nobody will end: tests/policies counts what runs.
    await owner_sql.execute("update public.messages set status = 'interrupted' where status = 'streaming'")


def claims_of(actor: Actor) -> Claims:
    assert actor.token is not None
    return Claims(actor.id, str(actor.claims["session_id"]), float(actor.claims["exp"]), actor.token)


@pytest.fixture(scope="session")
def a(alice: Actor) -> Claims:
    return claims_of(alice)


@pytest.fixture(scope="session")
def b(bob: Actor) -> Claims:
    return claims_of(bob)


def message(text: str, session_id: str, **fields: Any) -> Send:
    return Send(
        **{"message": text, "session_id": session_id, "model": "openai/gpt-oss-120b", "request_hash": "hash"} | fields
    )


async def begun(store: Store, claims: Claims, send: Send) -> Turn:
    turn = await store.begin_turn(claims, send)
    assert isinstance(turn, Turn)
    return turn


async def said(store: Store, claims: Claims, text: str, answer: str, session_id: str, **fields: Any) -> Turn:
    """One whole turn."""
    turn = await begun(store, claims, message(text, session_id, **fields))
    assert await store.finish(claims, turn.message.id, answer, COMPLETE) == "complete"
    return turn


async def all_of(store: Store, claims: Claims, session_id: str) -> list[Message]:
    return (await store.page(claims, session_id, 200, None)).messages


# Beginning


async def test_a_turn_begins_with_the_message_and_the_empty_row_of_its_reply(
    store: Store, a: Claims, chat_id: str
) -> None:
    turn = await begun(store, a, message("Hello", chat_id, client_message_id=f"key-{chat_id}"))
    sent, reply = turn.user_message, turn.message
    assert (sent.role, sent.content, sent.status, sent.seq) == ("user", "Hello", "sent", 1)
    assert (reply.role, reply.content, reply.status, reply.seq) == ("assistant", "", "streaming", 2)
    assert (sent.user_id, sent.session_id) == (reply.user_id, reply.session_id) == (a.user_id, chat_id)
    assert (reply.reply_to, reply.model) == (sent.id, "openai/gpt-oss-120b")
    assert sent.client_message_id == f"key-{chat_id}"
    assert (turn.history, turn.training_data) == ([], [])
    assert await all_of(store, a, chat_id) == [sent, reply]


async def test_a_second_message_is_refused_while_a_reply_runs_and_leaves_nothing(
    store: Store, a: Claims, chat_id: str
) -> None:
    turn = await begun(store, a, message("one", chat_id))
    with pytest.raises(ReplyInProgress) as refusal:
        await store.begin_turn(a, message("two", chat_id, training_data="not kept"))
    assert refusal.value.extra == {"message_id": turn.message.id}
    assert [each.content for each in await all_of(store, a, chat_id)] == ["one", ""]
    assert await store.training_data(a, chat_id) == []


async def test_of_twenty_messages_at_once_one_begins(store: Store, a: Claims, chat_id: str) -> None:
    results = await asyncio.gather(
        *(store.begin_turn(a, message(f"text {n}", chat_id)) for n in range(20)), return_exceptions=True
    )
    started = [result for result in results if isinstance(result, Turn)]
    refused = [result for result in results if isinstance(result, ReplyInProgress)]
    assert (len(started), len(refused)) == (1, 19)
    assert {refusal.extra["message_id"] for refusal in refused} == {started[0].message.id}
    assert [each.seq for each in await all_of(store, a, chat_id)] == [1, 2]


async def test_the_sequence_counts_without_gaps_through_every_refusal(store: Store, a: Claims, chat_id: str) -> None:
    for round_ in range(4):
        results = await asyncio.gather(
            *(store.begin_turn(a, message(f"{round_}.{n}", chat_id)) for n in range(5)),
            return_exceptions=True,
        )
        (turn,) = (result for result in results if isinstance(result, Turn))
        assert await store.finish(a, turn.message.id, f"answer {round_}", COMPLETE) == "complete"
    rows = await all_of(store, a, chat_id)
    assert [each.seq for each in rows] == list(range(1, 9))
    assert [each.role for each in rows] == ["user", "assistant"] * 4


async def test_what_fails_as_it_is_committed_is_an_error_and_stores_nothing(
    store: Store, a: Claims, chat_id: str, owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    async with refused_at_commit(owner_sql, chat_id):
        with pytest.raises((DatabaseError, DatabaseUnavailable)):
            await store.begin_turn(a, message("Hello", chat_id))
        assert await all_of(store, a, chat_id) == []
    await begun(store, a, message("Hello", chat_id))


@asynccontextmanager
async def refused_at_commit(owner_sql: psycopg.AsyncConnection[Any], session_id: str) -> AsyncIterator[None]:
    """What every statement accepts, and the end of the transaction does not."""
    refusing = sql.SQL(
        """
        create function pg_temp.refuse() returns trigger language plpgsql as $$
          begin
            raise check_violation;
          end
        $$;
        create constraint trigger refused_at_commit after insert on public.messages
          deferrable initially deferred for each row
          when (new.session_id = {}) execute function pg_temp.refuse();
        """
    ).format(sql.Literal(session_id))
    await owner_sql.execute(refusing)
    try:
        yield
    finally:
        await owner_sql.execute("drop trigger refused_at_commit on public.messages; drop function pg_temp.refuse()")


async def test_the_history_of_a_turn_is_exactly_what_was_committed_before_it(
    store: Store, a: Claims, chat_id: str
) -> None:
    expected: list[tuple[str, str, str]] = []
    for n in range(5):
        turn = await said(store, a, f"question {n}", f"answer {n}", chat_id)
        assert [(each.role, each.content, each.status) for each in turn.history] == expected
        expected += [("user", f"question {n}", "sent"), ("assistant", f"answer {n}", "complete")]


async def test_the_history_is_cut_at_its_limits_and_keeps_the_newest(
    store: Store, a: Claims, chat_id: str, environment: Mapping[str, str]
) -> None:
    limits = Limits(TRAINING_CHARS, history_messages=3, history_chars=25, replies_per_person=1_000)
    tight = Store(store._door, limits, owners.this_process())
    for n in range(3):
        await said(tight, a, f"question {n}", f"answer {n}", chat_id)
    turn = await begun(tight, a, message("next", chat_id))
    assert [each.content for each in turn.history] == ["question 2", "answer 2"]


# Keys


async def test_the_same_key_with_the_same_body_gives_the_same_turn(store: Store, a: Claims, chat_id: str) -> None:
    send = message("once", chat_id, client_message_id=f"key-{chat_id}")
    turn = await begun(store, a, send)
    running = await store.begin_turn(a, send)
    await store.finish(a, turn.message.id, "the answer", COMPLETE)
    ended = await store.begin_turn(a, send)
    assert isinstance(running, EarlierTurn)
    assert isinstance(ended, EarlierTurn)
    assert (running.message.id, running.message.status) == (turn.message.id, "streaming")
    assert (ended.message.id, ended.message.content) == (turn.message.id, "the answer")
    assert ended.message.usage == COMPLETE.usage
    assert len(await all_of(store, a, chat_id)) == 2


async def test_the_same_key_with_another_body_is_refused(store: Store, a: Claims, chat_id: str) -> None:
    await said(store, a, "once", "answer", chat_id, client_message_id=f"key-{chat_id}")
    with pytest.raises(KeyReused):
        await store.begin_turn(a, message("twice", chat_id, client_message_id=f"key-{chat_id}", request_hash="other"))
    assert len(await all_of(store, a, chat_id)) == 2


async def test_fifty_equal_keys_at_once_make_one_turn(store: Store, a: Claims, chat_id: str) -> None:
    send = message("once", chat_id, client_message_id=f"key-{chat_id}")
    results = await asyncio.gather(*(store.begin_turn(a, send) for _ in range(50)))
    assert sum(isinstance(result, Turn) for result in results) == 1
    assert len({result.message.id for result in results}) == 1
    assert len(await all_of(store, a, chat_id)) == 2


async def test_another_persons_equal_key_makes_another_turn(store: Store, a: Claims, b: Claims, chat_id: str) -> None:
    send = message("once", chat_id, client_message_id=f"key-{chat_id}")
    hers, his = await begun(store, a, send), await begun(store, b, send)
    assert hers.message.id != his.message.id
    assert (hers.message.user_id, his.message.user_id) == (a.user_id, b.user_id)


# Going on, and the end


async def test_a_checkpoint_keeps_what_there_is(store: Store, a: Claims, chat_id: str) -> None:
    turn = await begun(store, a, message("Hello", chat_id))
    state = await store.checkpoint(a, turn.message.id, "half an ans")
    assert (state.running, state.stop_requested) == (True, False)
    row = await store.message(a, turn.message.id)
    assert row is not None
    assert (row.content, row.status) == ("half an ans", "streaming")


async def test_a_checkpoint_learns_that_somebody_asked_to_stop(store: Store, a: Claims, chat_id: str) -> None:
    turn = await begun(store, a, message("Hello", chat_id))
    assert await store.request_stop(a, chat_id) == turn.message.id
    assert await store.request_stop(a, chat_id) == turn.message.id
    assert (await store.checkpoint(a, turn.message.id, "half")).stop_requested


async def test_nothing_runs_and_nothing_can_be_stopped_in_an_unknown_session(
    store: Store, a: Claims, chat_id: str
) -> None:
    assert await store.request_stop(a, chat_id) is None
    assert await store.running(a, chat_id) is None


@pytest.mark.parametrize(
    "outcome",
    [
        COMPLETE,
        Outcome("stopped"),
        Outcome("interrupted", error="model_broken"),
        Outcome("error", "stop", {"total_tokens": 1}, "busy"),
    ],
    ids=lambda outcome: outcome.status,
)
async def test_a_reply_ends_once_and_says_how(store: Store, a: Claims, chat_id: str, outcome: Outcome) -> None:
    turn = await begun(store, a, message("Hello", chat_id))
    assert await store.running(a, chat_id) == turn.message
    assert await store.finish(a, turn.message.id, "the end", outcome) == outcome.status
    assert await store.finish(a, turn.message.id, "the end", outcome) == outcome.status, "the same again is fine"
    assert await store.running(a, chat_id) is None
    row = await store.message(a, turn.message.id)
    assert row is not None
    assert (row.content, row.status, row.finish_reason) == ("the end", outcome.status, outcome.finish_reason)
    assert (row.usage, row.error_code) == (outcome.usage, outcome.error)


async def test_an_ended_reply_never_changes_again(store: Store, a: Claims, chat_id: str) -> None:
    turn = await said(store, a, "Hello", "the end", chat_id)
    before = await store.message(a, turn.message.id)
    assert await store.finish(a, turn.message.id, "the end", Outcome("stopped")) == "complete"
    assert await store.finish(a, turn.message.id, "another end", Outcome("error")) == "complete"
    assert not (await store.checkpoint(a, turn.message.id, "back")).running
    assert await store.message(a, turn.message.id) == before


async def test_a_reply_whose_process_died_is_interrupted_and_cannot_come_back(
    store: Store, a: Claims, chat_id: str, owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    turn = await begun(store, a, message("Hello", chat_id))
    await store.checkpoint(a, turn.message.id, "half")
    await owner_sql.execute(
        "update messages set heartbeat_at = heartbeat_at - interval '1 minute' where id = %s", (turn.message.id,)
    )
    following = await begun(store, a, message("Are you there?", chat_id))
    assert [(each.content, each.status) for each in following.history] == [("Hello", "sent"), ("half", "interrupted")]
    assert await store.finish(a, turn.message.id, "half and more", COMPLETE) == "interrupted"
    row = await store.message(a, turn.message.id)
    assert row is not None
    assert (row.content, row.status, row.error_code) == ("half", "interrupted", "process_lost")


async def test_the_running_sessions_are_those_of_the_caller_while_their_replies_live(
    store: Store, a: Claims, b: Claims, chat_id: str, owner_sql: psycopg.AsyncConnection[Any]
) -> None:
    ids = [f"{chat_id}-{name}" for name in ("running", "dead", "ended")]
    for session_id in ids:
        await begun(store, b, message("Hello", session_id))
    turns = [await begun(store, a, message("Hello", session_id)) for session_id in ids]
    await owner_sql.execute(
        "update messages set heartbeat_at = heartbeat_at - interval '1 minute' where id = %s", (turns[1].message.id,)
    )
    await store.finish(a, turns[2].message.id, "the end", COMPLETE)
    assert await store.running_sessions(a) & set(ids) == {ids[0]}
    assert await store.running_sessions(b) >= set(ids)
    await store.clear(b, ids[0])
    assert ids[0] not in await store.running_sessions(b)


async def test_what_was_cleared_does_not_come_back(store: Store, a: Claims, chat_id: str) -> None:
    await said(store, a, "old", "older", chat_id, training_data="a fact")
    turn = await begun(store, a, message("Hello", chat_id))
    assert await store.clear(a, chat_id) == 5
    assert not (await store.checkpoint(a, turn.message.id, "half")).running
    assert await store.finish(a, turn.message.id, "whole", COMPLETE) is None
    assert await all_of(store, a, chat_id) == []
    assert await store.training_data(a, chat_id) == []
    assert await store.message(a, turn.message.id) is None
    assert await store.clear(a, chat_id) == 0


async def test_a_cleared_session_starts_again_from_one(store: Store, a: Claims, chat_id: str) -> None:
    key = f"key-{chat_id}"
    await said(store, a, "old", "older", chat_id, client_message_id=key)
    await store.clear(a, chat_id)
    turn = await begun(store, a, message("new", chat_id, client_message_id=key, request_hash="other"))
    assert (turn.user_message.seq, turn.history) == (1, [])


async def test_clearing_one_session_leaves_the_others(store: Store, a: Claims, b: Claims, chat_id: str) -> None:
    for claims, session_id in ((a, chat_id), (a, f"{chat_id}-2"), (b, chat_id)):
        await said(store, claims, "keep", "me", session_id, training_data="a fact")
    await store.clear(a, chat_id)
    assert len(await all_of(store, a, f"{chat_id}-2")) == len(await all_of(store, b, chat_id)) == 2
    assert len(await store.training_data(b, chat_id)) == 1


async def test_clearing_while_messages_arrive_leaves_whole_turns_or_nothing(
    store: Store, a: Claims, chat_id: str
) -> None:
    await asyncio.gather(
        *(store.begin_turn(a, message(f"text {n}", chat_id)) for n in range(8)),
        *(store.clear(a, chat_id) for _ in range(4)),
        return_exceptions=True,
    )
    assert [each.seq for each in await all_of(store, a, chat_id)] in ([], [1, 2])


# Pages


async def test_pages_walk_back_through_everything_once(store: Store, a: Claims, chat_id: str) -> None:
    for n in range(5):
        await said(store, a, f"question {n}", f"answer {n}", chat_id)
    pages: list[list[int]] = []
    cursor = None
    while True:
        page = await store.page(a, chat_id, 3, cursor)
        pages.insert(0, [each.seq for each in page.messages])
        cursor = page.next
        if cursor is None:
            break
    assert pages == [[1], [2, 3, 4], [5, 6, 7], [8, 9, 10]]


async def test_a_page_that_ends_with_the_first_message_has_no_next(store: Store, a: Claims, chat_id: str) -> None:
    await said(store, a, "question", "answer", chat_id)
    assert (await store.page(a, chat_id, 2, None)).next is None
    assert (await store.page(a, chat_id, 1, None)).next == 2
    beyond = await store.page(a, chat_id, 5, 1)
    assert (beyond.messages, beyond.next) == ([], None)


async def test_an_unknown_session_is_an_empty_page(store: Store, a: Claims, chat_id: str) -> None:
    page = await store.page(a, chat_id, 50, None)
    assert (page.messages, page.next) == ([], None)


# Training data


async def test_the_same_text_is_kept_once_per_session(store: Store, a: Claims, chat_id: str) -> None:
    first = await store.add_training_data(a, chat_id, "a fact")
    again = await store.add_training_data(a, chat_id, "a fact")
    elsewhere = await store.add_training_data(a, f"{chat_id}-2", "a fact")
    other = await store.add_training_data(a, chat_id, "a fact ")
    assert first == again
    assert elsewhere.id != first.id
    assert await store.training_data(a, chat_id) == [first, other]


async def test_the_same_text_ten_times_at_once_is_kept_once(store: Store, a: Claims, chat_id: str) -> None:
    kept = await asyncio.gather(*(store.add_training_data(a, chat_id, "a fact") for _ in range(10)))
    assert len({text.id for text in kept}) == 1


async def test_a_turn_brings_the_training_data_along_oldest_first(store: Store, a: Claims, chat_id: str) -> None:
    await store.add_training_data(a, chat_id, "fact 1")
    turn = await said(store, a, "Hello", "answer", chat_id, training_data="fact 2")
    later = await begun(store, a, message("And now?", chat_id))
    assert turn.training_data == later.training_data == ["fact 1", "fact 2"]


async def test_training_data_over_the_limit_is_refused_and_nothing_is_stored(
    store: Store, a: Claims, chat_id: str
) -> None:
    await store.add_training_data(a, chat_id, "x" * TRAINING_CHARS)
    with pytest.raises(TrainingDataFull):
        await store.add_training_data(a, chat_id, "y")
    with pytest.raises(TrainingDataFull):
        await store.begin_turn(a, message("Hello", chat_id, training_data="y"))
    assert await all_of(store, a, chat_id) == []
    assert len(await store.training_data(a, chat_id)) == 1
    await begun(store, a, message("Hello", chat_id, training_data="x" * TRAINING_CHARS))


async def test_the_limit_holds_for_texts_that_come_at_once(store: Store, a: Claims, chat_id: str) -> None:
    texts = [str(n) * (TRAINING_CHARS // 3) for n in range(9)]
    await asyncio.gather(*(store.add_training_data(a, chat_id, text) for text in texts), return_exceptions=True)
    assert len(await store.training_data(a, chat_id)) == 3


async def test_a_removed_text_is_gone(store: Store, a: Claims, chat_id: str) -> None:
    text = await store.add_training_data(a, chat_id, "a fact")
    assert await store.delete_training_data(a, text.id)
    assert not await store.delete_training_data(a, text.id)
    assert (await begun(store, a, message("Hello", chat_id))).training_data == []


# Texts


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
async def test_every_text_comes_back_byte_for_byte(store: Store, a: Claims, chat_id: str, text: str) -> None:
    turn = await begun(store, a, message(text, chat_id))
    await store.checkpoint(a, turn.message.id, text)
    checkpointed = await store.message(a, turn.message.id)
    assert checkpointed is not None
    assert checkpointed.content == text
    await store.finish(a, turn.message.id, text, COMPLETE)
    assert [each.content for each in await all_of(store, a, chat_id)] == [text, text]
    kept = await store.add_training_data(a, f"{chat_id}-kept", text[:TRAINING_CHARS])
    assert kept.content == text[:TRAINING_CHARS]
    assert (await begun(store, a, message("next", chat_id))).history[-1].content == text


@pytest.mark.parametrize("name", [name for name in ODD_TEXTS if name != "32,000 astral characters"])
async def test_session_ids_and_keys_are_kept_byte_for_byte(store: Store, a: Claims, name: str) -> None:
    session_id = f"{ODD_TEXTS[name][:100]} {uuid.uuid4()}"
    turn = await begun(store, a, message("Hello", session_id, client_message_id=session_id))
    assert turn.message.session_id == session_id
    assert turn.user_message.client_message_id == session_id
    assert len(await all_of(store, a, session_id)) == 2


async def test_a_session_id_of_255_astral_characters_fits(store: Store, a: Claims) -> None:
    session_id = uuid.uuid4().hex.ljust(255, "\U0001f600")
    await begun(store, a, message("Hello", session_id, client_message_id=session_id))
    assert len(await all_of(store, a, session_id)) == 2


async def test_session_ids_that_look_alike_are_different(store: Store, a: Claims, chat_id: str) -> None:
    alike = [chat_id, chat_id.upper(), f"{chat_id} ", f" {chat_id}", f"{chat_id}\u200b", f"{chat_id}%"]
    for session_id in alike:
        await begun(store, a, message(session_id, session_id))
    for session_id in alike:
        assert [each.content for each in await all_of(store, a, session_id)] == [session_id, ""]


async def test_moments_are_rfc_3339_in_utc(store: Store, a: Claims, chat_id: str) -> None:
    turn = await begun(store, a, message("Hello", chat_id))
    text = await store.add_training_data(a, chat_id, "a fact")
    for moment in (turn.message.created_at, text.created_at, text.updated_at):
        assert len(moment) == len("2026-01-01T00:00:00.000000Z")
        assert moment[10] == "T"
        assert moment.endswith("Z")


# Other people


async def test_somebody_elses_rows_look_absent_and_stay_as_they_are(
    store: Store, a: Claims, b: Claims, chat_id: str
) -> None:
    turn = await begun(store, a, message("secret", chat_id, training_data="secret fact"))
    await store.checkpoint(a, turn.message.id, "half")
    (fact,) = await store.training_data(a, chat_id)
    before = await all_of(store, a, chat_id)
    assert await store.message(b, turn.message.id) is None
    assert await store.running(b, chat_id) is None
    assert await store.request_stop(b, chat_id) is None
    assert not (await store.checkpoint(b, turn.message.id, "mine")).running
    assert await store.finish(b, turn.message.id, "mine", COMPLETE) is None
    assert await all_of(store, b, chat_id) == []
    assert await store.training_data(b, chat_id) == []
    assert not await store.delete_training_data(b, fact.id)
    assert await store.clear(b, chat_id) == 0
    assert await all_of(store, a, chat_id) == before
    assert await store.training_data(a, chat_id) == [fact]
    assert not (await store.checkpoint(a, turn.message.id, "half")).stop_requested


async def test_two_people_both_have_a_session_of_one_name(store: Store, a: Claims, b: Claims, chat_id: str) -> None:
    await said(store, a, "from Alice", "to Alice", chat_id)
    turn = await said(store, b, "from Bob", "to Bob", chat_id)
    assert turn.history == []
    assert [each.content for each in await all_of(store, a, chat_id)] == ["from Alice", "to Alice"]
    assert [each.content for each in await all_of(store, b, chat_id)] == ["from Bob", "to Bob"]


async def test_a_signed_out_person_can_do_nothing_but_have_a_running_reply_saved(
    store: Store, newcomer: NewActor, chat_id: str
) -> None:
    carol = await newcomer("carol")
    claims = claims_of(carol)
    turn = await begun(store, claims, message("Hello", chat_id))
    assert (await carol.call("POST", "/api/auth/logout/", {})).status_code == 200
    for attempt in (
        store.begin_turn(claims, message("again", f"{chat_id}-2")),
        store.page(claims, chat_id, 50, None),
        store.message(claims, turn.message.id),
        store.running(claims, chat_id),
        store.running_sessions(claims),
        store.request_stop(claims, chat_id),
        store.clear(claims, chat_id),
        store.add_training_data(claims, chat_id, "a fact"),
        store.training_data(claims, chat_id),
        store.delete_training_data(claims, str(uuid.uuid4())),
    ):
        with pytest.raises(SessionEnded):
            await attempt
    assert await store.finish(claims, turn.message.id, "whole", COMPLETE) == "complete"
