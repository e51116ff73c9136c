"""/api/chat/sessions/: a person's sessions, newest first, and whether they are replying; rename and delete."""

import asyncio
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import pytest

from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.api.test_chat import script
from tests.cast import Actor
from tests.conftest import NewActor
from tests.processes import Server


async def sessions(actor: Actor, query: str = "?limit=200") -> list[dict[str, Any]]:
    response = await actor.call("GET", f"/api/chat/sessions/{query}")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["sessions"]
    return found


async def only(actor: Actor, session_id: str) -> dict[str, Any]:
    (found,) = (each for each in await sessions(actor) if each["session_id"] == session_id)
    return found


async def test_somebody_new_has_no_sessions(any_server: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    response = await carol.call("GET", "/api/chat/sessions/")
    assert response.json() == {"sessions": [], "next": None}


async def test_the_newest_session_comes_first_and_a_message_makes_it_the_newest(
    any_server: Server, newcomer: NewActor
) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    for session_id in ("one", "two", "three", "one"):
        await carol.say("Hello", session_id)
    assert [each["session_id"] for each in await sessions(carol)] == ["one", "three", "two"]
    names = {"session_id", "title", "created_at", "updated_at", "replying"}
    assert all(each.keys() == names for each in await sessions(carol))
    assert (await only(carol, "one"))["updated_at"] > (await only(carol, "one"))["created_at"]


async def test_sessions_that_begin_in_one_moment_are_all_listed(either_database: Server, newcomer: NewActor) -> None:
    """Of several people, of whom one has never been here."""
    people = [(await newcomer(name)).on(either_database.url) for name in ("carol", "dave")]
    await people[0].say("Hello", "first")
    told = [(person, f"{n}") for person in people for n in range(4)]
    await asyncio.gather(*(person.say(f"Message {session_id}", session_id) for person, session_id in told))
    titles = [{row["session_id"]: row["title"] for row in await sessions(person)} for person in people]
    begun = {f"{n}": f"Message {n}" for n in range(4)}
    assert titles == [{"first": "Hello"} | begun, begun]


async def test_a_session_is_listed_before_its_reply_is_over_for_the_sender(
    either_database: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(either_database.url)
    await alice.say("Hello", chat_id)
    assert (await sessions(alice))[0]["session_id"] == chat_id


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("What is the capital of Peru?", "What is the capital of Peru?"),
        ("  many \n blanks\t and lines ", "many blanks and lines"),
        ("x" * 80, "x" * 80),
        ("word " * 40, ("word " * 16).rstrip() + "…"),
        ("👩‍👩‍👧‍👦 family", "👩‍👩‍👧‍👦 family"),
    ],
    ids=["short", "blanks", "just fits", "long", "emoji"],
)
async def test_the_first_message_gives_the_title(
    either_database: Server, alice: Actor, chat_id: str, message: str, title: str
) -> None:
    alice = alice.on(either_database.url)
    await alice.say(message, chat_id)
    await alice.say("A later message", chat_id)
    assert (await only(alice, chat_id))["title"] == title


async def test_a_message_of_blanks_leaves_the_session_id_as_title(
    either_database: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(either_database.url)
    await alice.say(" \n ", chat_id)
    assert (await only(alice, chat_id))["title"] == chat_id


async def test_pages_walk_through_all_sessions_once(any_server: Server, newcomer: NewActor) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    for n in range(5):
        await carol.say("Hello", f"session {n}")
    walked, query = [], "?limit=2"
    while True:
        page = (await carol.call("GET", f"/api/chat/sessions/{query}")).json()
        walked += [each["session_id"] for each in page["sessions"]]
        if page["next"] is None:
            break
        query = f"?limit=2&before={quote(page['next'])}"
    assert walked == [f"session {n}" for n in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    "query",
    [
        *(f"limit={value}" for value in ("0", "-1", "201", "x", "", "9" * 400)),
        *(f"before={value}" for value in ("x", "", "%00", "MjAyNg==", "!!!", "%ED%A0%80", "a" * 256, "1")),
    ],
)
async def test_a_bad_cursor_or_limit_is_refused(either_database: Server, alice: Actor, query: str) -> None:
    alice = alice.on(either_database.url)
    answer = refused(await alice.call("GET", f"/api/chat/sessions/?{query}"), 400, "invalid_input")
    assert answer["fields"].keys() == {query.partition("=")[0]}


@pytest.mark.parametrize(
    "cursor",
    [
        "2026-01-01T00:00:00Z -99999999999999999999999999999999999999",
        "2026-01-01T00:00:00Z 99999999999999999999999999999999999999",
        "0001-01-01T00:00:00Z 1",
        "0001-01-01T00:00:00+23:59 1",
        "9999-12-31T23:59:59-23:59 1",
        "2026-01-01 1",
        "2026-01-01T00:00:00Z 1 2",
        "2026-01-01T00:00:00Z \u0661",
    ],
)
async def test_a_forged_cursor_breaks_nothing(either_database: Server, alice: Actor, cursor: str) -> None:
    alice = alice.on(either_database.url)
    before = urlsafe_b64encode(cursor.encode()).decode()
    response = await alice.call("GET", f"/api/chat/sessions/?before={before}")
    assert response.status_code in {200, 400}, response.text


# Replying


async def test_the_list_tells_its_owner_and_nobody_else_where_a_reply_runs(
    any_server: Server, alice: Actor, bob: Actor, chat_id: str, model: StandIn
) -> None:
    alice, bob = alice.on(any_server.url), bob.on(any_server.url)
    for each in (alice, bob):
        await each.say("Hello", chat_id)
    await alice.say("Hello", f"{chat_id}-other")
    sending = asyncio.create_task(alice.say(script(text="one two", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    assert (await only(alice, chat_id))["replying"] is True
    assert (await only(alice, f"{chat_id}-other"))["replying"] is False
    assert not any(each["replying"] for each in await sessions(bob))
    model.release(chat_id)
    await sending
    assert (await only(alice, chat_id))["replying"] is False


async def test_every_server_knows_where_a_reply_runs(
    postgres_server: Server, data_api_server: Server, alice: Actor, chat_id: str, model: StandIn
) -> None:
    await alice.say("Hello", chat_id)
    sending = asyncio.create_task(alice.say(script(text="one two", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    assert (await only(alice.on(data_api_server.url), chat_id))["replying"] is True
    stopped = await alice.call("POST", f"/api/chat/conversation/{chat_id}/stop/")
    assert stopped.status_code == 200
    await sending
    assert (await only(alice.on(data_api_server.url), chat_id))["replying"] is False


async def test_a_renamed_session_tells_it_too(alice: Actor, chat_id: str, model: StandIn) -> None:
    await alice.say("Hello", chat_id)
    sending = asyncio.create_task(alice.say(script(text="one two", after=1, hold=chat_id), chat_id))
    await model.reached(chat_id)
    response = await alice.call("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "New"})
    assert (response.json()["title"], response.json()["replying"]) == ("New", True)
    model.release(chat_id)
    await sending


# Renaming


async def test_a_session_can_be_renamed_and_stays_where_it_is(
    any_server: Server, newcomer: NewActor, chat_id: str
) -> None:
    carol = (await newcomer("carol")).on(any_server.url)
    await carol.say("Hello", "older")
    await carol.say("Hello", "newer")
    response = await carol.call("PATCH", "/api/chat/sessions/older/", {"title": "  Größe & <b>Farbe</b> 🎨 "})
    assert response.status_code == 200
    assert response.json() == await only(carol, "older")
    assert response.json()["title"] == "Größe & <b>Farbe</b> 🎨"
    await carol.say("Hello again", "older")
    assert (await only(carol, "older"))["title"] == "Größe & <b>Farbe</b> 🎨"


@pytest.mark.parametrize("title", ["", "  ", "x" * 256, None, 5, ["x"], "a\x00b"])
async def test_a_bad_title_is_refused(either_database: Server, alice: Actor, chat_id: str, title: Any) -> None:
    alice = alice.on(either_database.url)
    await alice.say("Hello", chat_id)
    answer = refused(await alice.call("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": title}), 400)
    assert answer["fields"].keys() == {"title"}
    assert (await only(alice, chat_id))["title"] == "Hello"


async def test_only_the_title_can_be_changed(either_database: Server, alice: Actor, bob: Actor, chat_id: str) -> None:
    alice, bob = alice.on(either_database.url), bob.on(either_database.url)
    await alice.say("Hello", chat_id)
    before = await only(alice, chat_id)
    forged = {"title": "New", "session_id": "another", "user_id": bob.id, "created_at": "1999-01-01T00:00:00Z", "id": 1}
    await alice.call("PATCH", f"/api/chat/sessions/{chat_id}/", forged)
    assert await only(alice, chat_id) == {**before, "title": "New"}
    assert chat_id not in {each["session_id"] for each in await sessions(bob)}


# Deleting


async def test_deleting_a_session_deletes_all_that_was_said_in_it(
    any_server: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(any_server.url)
    await alice.say("Hello", chat_id, training_data="a fact")
    response = await alice.call("DELETE", f"/api/chat/sessions/{chat_id}/")
    assert response.status_code == 200
    assert isinstance(response.json()["message"], str)
    assert chat_id not in {each["session_id"] for each in await sessions(alice)}
    assert await alice.history(chat_id) == []
    texts = await alice.call("GET", f"/api/chat/training-data/?session_id={chat_id}")
    assert texts.json() == {"training_data": []}
    refused(await alice.call("DELETE", f"/api/chat/sessions/{chat_id}/"), 404, "not_found")


async def test_a_session_of_nothing_but_training_data_can_be_deleted(alice: Actor, chat_id: str) -> None:
    await alice.call("POST", "/api/chat/training-data/", {"session_id": chat_id, "content": "a fact"})
    assert (await alice.call("DELETE", f"/api/chat/sessions/{chat_id}/")).status_code == 200
    texts = await alice.call("GET", f"/api/chat/training-data/?session_id={chat_id}")
    assert texts.json() == {"training_data": []}


async def test_what_does_not_exist_can_be_neither_renamed_nor_deleted(
    any_server: Server, alice: Actor, chat_id: str
) -> None:
    alice = alice.on(any_server.url)
    refused(await alice.call("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "New"}), 404, "not_found")
    refused(await alice.call("DELETE", f"/api/chat/sessions/{chat_id}/"), 404, "not_found")


async def test_sessions_are_found_by_a_part_of_their_title_in_any_case(
    either_database: Server, newcomer: NewActor
) -> None:
    carol = (await newcomer("carol")).on(either_database.url)
    for title in ("Opening hours", "Prices of 100% rye bread", "A_b"):
        await carol.say(title, title)
    found = {
        search: [each["title"] for each in await sessions(carol, f"?search={quote(search)}")]
        for search in ("OPENING", "e", "%", "_", "nothing")
    }
    assert found == {
        "OPENING": ["Opening hours"],
        "e": ["Prices of 100% rye bread", "Opening hours"],
        "%": ["Prices of 100% rye bread"],
        "_": ["A_b"],
        "nothing": [],
    }


async def test_a_search_is_paged_and_finds_nobody_elses(either_database: Server, newcomer: NewActor) -> None:
    carol, dave = [(await newcomer(name)).on(either_database.url) for name in ("carol", "dave")]
    for number in range(3):
        await carol.say(f"bread {number}", f"bread-{number}")
    await dave.say("bread of Dave", "chat")
    first = (await carol.call("GET", "/api/chat/sessions/?search=bread&limit=2")).json()
    rest = (await carol.call("GET", f"/api/chat/sessions/?search=bread&limit=2&before={first['next']}")).json()
    titles = [each["title"] for each in [*first["sessions"], *rest["sessions"]]]
    assert titles == ["bread 2", "bread 1", "bread 0"]
    assert rest["next"] is None
