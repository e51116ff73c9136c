"""POST /api/chat/: a message, and the whole reply."""

import asyncio
import itertools
import json
import uuid
from typing import Any

import pytest

from chat.text import strip_markdown
from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.cast import Actor
from tests.conftest import NewActor
from tests.processes import Server

MARKDOWN = "# Title\n\nSome **bold** text, `code` and a [link](https://example.com).\n\n- one\n- two\n"


def script(**fields: Any) -> str:
    """A message that tells the stand-in model how to answer."""
    return f"!script {json.dumps(fields)}\nGo on."


def prompts(model: StandIn) -> list[list[dict[str, str]]]:
    """The messages of every request that the model got."""
    return [body["messages"] for body in model.requests]  # type: ignore[index]  # the bodies are JSON objects


async def test_a_message_gets_a_reply_and_both_are_kept(either_server: Server, alice: Actor, chat_id: str) -> None:
    alice = alice.on(either_server.url)
    answer = await alice.say("Hello", chat_id)
    assert answer.keys() == {"response", "session_id", "message_id", "status", "usage"}
    assert (answer["session_id"], answer["status"]) == (chat_id, "complete")
    assert answer["usage"]["completion_tokens"] > 0
    sent, reply = await alice.history(chat_id)
    assert (sent["role"], sent["content"], sent["status"]) == ("user", "Hello", "sent")
    assert (reply["role"], reply["id"], reply["status"]) == ("assistant", answer["message_id"], "complete")
    assert answer["response"] == strip_markdown(reply["content"]) != ""


async def test_the_answer_is_stripped_of_markdown_and_the_stored_text_is_not(
    either_server: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(either_server.url)
    answer = await alice.say(script(text=MARKDOWN), chat_id)
    assert answer["response"] == strip_markdown(MARKDOWN)
    assert (await alice.history(chat_id))[-1]["content"] == MARKDOWN


async def test_markdown_is_left_in_where_it_is_asked_for(alice: Actor, chat_id: str) -> None:
    body = {"message": script(text=MARKDOWN), "session_id": chat_id}
    response = await alice.call("POST", "/api/chat/?format=markdown", body)
    assert response.json()["response"] == MARKDOWN


async def test_an_unknown_format_is_refused_before_anything_is_stored(alice: Actor, chat_id: str) -> None:
    body = {"message": "Hello", "session_id": chat_id}
    for path in ("/api/chat/", "/api/chat/stream/"):
        answer = refused(await alice.call("POST", f"{path}?format=html", body), 400, "invalid_input")
        assert answer["fields"].keys() == {"format"}
    assert await alice.history(chat_id) == []


async def test_the_model_reads_what_was_said_in_order_and_nothing_of_other_sessions(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    await alice.say("elsewhere", f"{chat_id}-2")
    said: list[tuple[str, str]] = []
    for question in ("first question", "second question", "third question"):
        await alice.say(question, chat_id)
        assert [(each["role"], each["content"]) for each in prompts(model)[-1][1:]] == [*said, ("user", question)]
        said = [(each["role"], each["content"]) for each in await alice.history(chat_id)]
    assert [each["role"] for each in prompts(model)[-1]] == ["system", "user", "assistant", "user", "assistant", "user"]


async def test_training_data_is_honoured_on_every_later_message(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    fact = "The lighthouse of Aldermoor was built in 1873."
    first = await alice.say("When was the lighthouse built?", chat_id, training_data=fact)
    later = await alice.say("When was the lighthouse built, once more?", chat_id)
    await alice.say("And a word about something else.", chat_id)
    assert "1873" in first["response"]
    assert "1873" in later["response"]
    for prompt in prompts(model):
        system = [each["content"] for each in prompt if each["role"] == "system"]
        assert sum(text.count(fact) for text in system) == 1
        assert all(fact not in each["content"] for each in prompt if each["role"] == "user")


async def test_empty_training_data_is_none(alice: Actor, chat_id: str, model: StandIn) -> None:
    await alice.say("Hello", chat_id, training_data="")
    assert [each["role"] for each in prompts(model)[-1]] == ["system", "user"]


async def test_the_model_can_be_chosen(either_server: Server, alice: Actor, chat_id: str, model: StandIn) -> None:
    alice = alice.on(either_server.url)
    await alice.say("Hello", chat_id, model="openai/gpt-oss-20b")
    await alice.say("Hello again", chat_id)
    assert [body["model"] for body in model.requests] == [  # type: ignore[index]  # the bodies are JSON objects
        "openai/gpt-oss-20b",
        "openai/gpt-oss-120b",
    ]


async def test_a_model_that_is_not_on_offer_is_refused(alice: Actor, chat_id: str, model: StandIn) -> None:
    # The stand-in has it: what counts is what this server offers.
    body = {"message": "Hello", "session_id": chat_id, "model": "qwen/qwen3-32b"}
    answer = refused(await alice.call("POST", "/api/chat/", body), 400, "invalid_input")
    assert answer["fields"].keys() == {"model"}
    assert await alice.history(chat_id) == []
    assert model.total == 0


async def test_without_a_session_id_a_new_session_is_made_and_named(either_server: Server, alice: Actor) -> None:
    alice = alice.on(either_server.url)
    answers = [(await alice.call("POST", "/api/chat/", {"message": "Hello"})).json() for _ in range(2)]
    first, second = (answer["session_id"] for answer in answers)
    assert first != second
    assert str(uuid.UUID(first)) == first
    assert (await alice.history(first))[0]["content"] == "Hello"


async def test_without_a_session_id_the_default_session_is_used(
    either_server: Server, newcomer: NewActor, chat_id: str
) -> None:
    carol = (await newcomer("carol")).on(either_server.url)
    changed = await carol.call("PATCH", "/api/auth/profile/", {"default_session_id": chat_id})
    assert changed.status_code == 200
    answer = (await carol.call("POST", "/api/chat/", {"message": "Hello"})).json()
    assert answer["session_id"] == chat_id
    elsewhere = await carol.say("Hello", f"{chat_id}-2")
    assert elsewhere["session_id"] == f"{chat_id}-2"


async def test_a_second_message_is_refused_while_a_reply_runs_and_names_it(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    running = asyncio.create_task(alice.say(script(tokens=3, after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    answers = [
        refused(await alice.call("POST", path, {"message": "Me too", "session_id": chat_id}), 409, "reply_in_progress")
        for path in ("/api/chat/", "/api/chat/stream/")
    ]
    assert (await alice.say("Elsewhere", f"{chat_id}-2"))["status"] == "complete"
    model.release(chat_id)
    message_id = (await running)["message_id"]
    assert {answer["message_id"] for answer in answers} == {message_id}
    assert len(await alice.history(chat_id)) == 2
    await alice.say("Now it is my turn", chat_id)


async def test_of_twenty_messages_at_once_one_is_answered(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    alice = alice.on(either_server.url)
    sending = [
        asyncio.create_task(
            alice.call("POST", "/api/chat/", {"message": script(tokens=2, hold=chat_id), "session_id": chat_id})
        )
        for _ in range(20)
    ]
    refusals = [await each for each in itertools.islice(asyncio.as_completed(sending), 19)]
    assert {refusal.status_code for refusal in refusals} == {409}
    model.release(chat_id)
    answers = await asyncio.gather(*sending)
    assert sorted(answer.status_code for answer in answers) == [200] + 19 * [409]
    assert model.total == 1
    assert len(await alice.history(chat_id)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "  \n leading and trailing blanks \t ",
        "👩‍👩‍👧‍👦 \U0001f1e9\U0001f1ea e\u0301",
        "שלום \u202eworld\u202c مرحبا",
        "one\r\ntwo\u2028three\x85",
        " ",
        "\U0001f600" * 32_000,
    ],
    ids=["blanks", "emoji", "right to left", "line ends", "one blank", "32,000 astral characters"],
)
async def test_a_message_is_kept_and_handed_on_byte_for_byte(
    either_server: Server, alice: Actor, chat_id: str, model: StandIn, text: str
) -> None:
    alice = alice.on(either_server.url)
    await alice.say(text, chat_id)
    assert (await alice.history(chat_id))[0]["content"] == text
    assert prompts(model)[-1][-1] == {"role": "user", "content": text}


async def test_what_a_body_may_not_decide_changes_nothing(alice: Actor, bob: Actor, chat_id: str) -> None:
    forged = {"user_id": bob.id, "role": "system", "id": str(uuid.uuid4()), "created_at": "1999-01-01T00:00:00Z"}
    await alice.say("Hello", chat_id, **forged)
    sent, reply = await alice.history(chat_id)
    assert (sent["user_id"], sent["role"], reply["role"]) == (alice.id, "user", "assistant")
    assert sent["id"] != forged["id"]
    assert not sent["created_at"].startswith("1999")
    assert await bob.history(chat_id) == []
