"""POST /api/chat/conversation/<id>/regenerate/: another answer to the last message."""

from typing import cast

import httpx

from local_stack.groq_stand_in import Script, StandIn
from tests.cast import Actor
from tests.processes import Server


async def regenerate(person: Actor, chat_id: str, **options: object) -> httpx.Response:
    return await person.call("POST", f"/api/chat/conversation/{chat_id}/regenerate/", {}, **options)


def prompt(model: StandIn, index: int) -> list[dict[str, str]]:
    """What the model was given to read."""
    body = cast("dict[str, list[dict[str, str]]]", model.requests[index])
    return body["messages"]


async def test_the_history_shows_the_newest_answer_and_keeps_the_former(
    either_server: Server, alice: Actor, model: StandIn, chat_id: str
) -> None:
    alice = alice.on(either_server.url)
    model.queue(Script(text="The first answer."))
    first = await alice.say("Which?", chat_id)
    model.queue(Script(text="The second answer."))
    answer = await regenerate(alice, chat_id)
    assert (answer.status_code, answer.text) == (200, "The second answer.")
    assert [each["content"] for each in await alice.history(chat_id)] == ["Which?", "The second answer."]
    versions = (await alice.call("GET", f"/api/chat/conversation/{chat_id}/?versions=true")).json()["messages"]
    assert [(each["content"], each["superseded"]) for each in versions] == [
        ("Which?", False),
        ("The first answer.", True),
        ("The second answer.", False),
    ]
    assert versions[1]["id"] == first["message_id"]
    assert versions[2]["reply_to"] == versions[0]["id"]


async def test_the_model_is_asked_the_same_again_without_its_former_answer(
    alice: Actor, model: StandIn, chat_id: str
) -> None:
    await alice.say("One", chat_id, training_data="Some data.")
    await alice.say("Two", chat_id)
    await regenerate(alice, chat_id)
    assert prompt(model, -1) == prompt(model, -2)


async def test_the_next_message_goes_on_from_the_newest_answer(alice: Actor, model: StandIn, chat_id: str) -> None:
    model.queue(Script(text="Old."))
    await alice.say("One", chat_id)
    model.queue(Script(text="New."))
    await regenerate(alice, chat_id)
    await alice.say("Two", chat_id)
    said = [message["content"] for message in prompt(model, -1) if message["role"] != "system"]
    assert said == ["One", "New.", "Two"]


async def test_it_streams_events_to_whoever_asks_for_them(alice: Actor, chat_id: str) -> None:
    await alice.say("One", chat_id)
    answer = await regenerate(alice, chat_id, headers={"Accept": "text/event-stream"})
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert answer.text.rstrip().endswith("data: [DONE]")


async def test_a_failed_reply_can_be_made_again(alice: Actor, model: StandIn, chat_id: str) -> None:
    model.queue(Script(status=500), times=2)
    failed = await alice.call("POST", "/api/chat/", {"message": "Hello", "session_id": chat_id})
    assert failed.status_code == 503
    answer = await regenerate(alice, chat_id)
    assert answer.status_code == 200
    sent, reply = await alice.history(chat_id)
    assert (sent["content"], reply["status"]) == ("Hello", "complete")


async def test_while_a_reply_runs_no_other_is_begun(alice: Actor, model: StandIn, chat_id: str) -> None:
    hold = f"regenerate-{chat_id}"
    await alice.say("One", chat_id)
    model.queue(Script(tokens=5, after=2, hold=hold))
    async with alice.http.stream("POST", f"/api/chat/conversation/{chat_id}/regenerate/", json={}) as running:
        assert running.status_code == 200
        second = await regenerate(alice, chat_id)
        assert (second.status_code, second.json()["code"]) == (409, "reply_in_progress")
        assert second.json()["message_id"] == running.headers["x-message-id"]
        model.release(hold)
        await running.aread()


async def test_an_empty_session_has_nothing_to_answer_again(alice: Actor, chat_id: str) -> None:
    answer = await regenerate(alice, chat_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_to_regenerate")


async def test_nobody_else_can_have_it_answered_again(
    alice: Actor, mallory: Actor, anon: Actor, model: StandIn, chat_id: str
) -> None:
    await alice.say("Mine", chat_id)
    before = await alice.history(chat_id)
    calls = model.total
    assert (await regenerate(mallory, chat_id)).status_code == 404
    assert (await regenerate(anon, chat_id)).status_code == 401
    assert await alice.history(chat_id) == before
    assert model.total == calls


async def test_an_unknown_model_is_refused_and_nothing_changes(alice: Actor, chat_id: str) -> None:
    await alice.say("One", chat_id)
    before = await alice.history(chat_id)
    answer = await alice.call("POST", f"/api/chat/conversation/{chat_id}/regenerate/", {"model": "llama"})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["model"])
    assert await alice.history(chat_id) == before
