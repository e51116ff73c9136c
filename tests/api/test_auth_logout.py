"""POST /api/auth/logout/: the token is refused from then on, on every instance."""

from tests.api.accounts import assert_not_authenticated, get_profile, post
from tests.api.conftest import SignIn
from tests.cast import Actor
from tests.processes import Server

LOGOUT = "/api/auth/logout/"


async def test_the_token_is_refused_at_once(either_server: Server, alice: Actor, sign_in: SignIn) -> None:
    session = (await sign_in(alice.email)).on(either_server.url)
    assert (await session.call("GET", "/api/auth/profile/")).status_code == 200
    response = await session.call("POST", LOGOUT)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"message"}
    assert_not_authenticated(await session.call("GET", "/api/auth/profile/"))
    assert_not_authenticated(await session.call("GET", "/api/chat/sessions/"))
    assert_not_authenticated(await session.call("POST", "/api/chat/", {"message": "Still here?"}))


async def test_the_refresh_token_is_dead(alice: Actor, sign_in: SignIn) -> None:
    session = await sign_in(alice.email)
    await session.call("POST", LOGOUT)
    assert_not_authenticated(await post(alice.base_url, "refresh", {"refresh_token": session.refresh_token}))


async def test_signing_out_twice_is_refused_like_any_ended_session(alice: Actor, sign_in: SignIn) -> None:
    session = await sign_in(alice.email)
    assert (await session.call("POST", LOGOUT)).status_code == 200
    assert_not_authenticated(await session.call("POST", LOGOUT))


async def test_other_sessions_and_other_people_stay_signed_in(alice: Actor, bob: Actor, sign_in: SignIn) -> None:
    leaving, staying = await sign_in(alice.email), await sign_in(alice.email)
    await leaving.call("POST", LOGOUT)
    for person in (staying, alice, bob):
        assert (await person.call("GET", "/api/auth/profile/")).status_code == 200
    assert (await post(alice.base_url, "refresh", {"refresh_token": staying.refresh_token})).status_code == 200


async def test_a_server_that_never_saw_the_token_refuses_it(
    alice: Actor, sign_in: SignIn, data_api_server: Server
) -> None:
    session = await sign_in(alice.email)
    await session.call("POST", LOGOUT)
    assert_not_authenticated(await get_profile(data_api_server.url, session.token))


async def test_a_server_that_knows_the_token_refuses_it_as_soon(
    alice: Actor, sign_in: SignIn, postgres_server: Server, data_api_server: Server, chat_id: str
) -> None:
    """The two share no cache, only the database."""
    for here, there in ((postgres_server, data_api_server), (data_api_server, postgres_server)):
        session = await sign_in(alice.email)
        elsewhere = session.on(there.url)
        assert (await elsewhere.call("GET", "/api/auth/profile/")).status_code == 200
        assert (await session.on(here.url).call("POST", LOGOUT)).status_code == 200
        assert_not_authenticated(await elsewhere.call("GET", f"/api/chat/conversation/{chat_id}/"))
        assert_not_authenticated(await elsewhere.call("POST", "/api/chat/", {"message": "x", "session_id": chat_id}))
        assert_not_authenticated(await elsewhere.call("GET", "/api/auth/profile/"))
        assert_not_authenticated(await elsewhere.call("POST", LOGOUT))


async def test_a_server_that_knows_the_token_lists_and_renames_no_sessions(
    alice: Actor, sign_in: SignIn, data_api_server: Server, chat_id: str
) -> None:
    """These come from Django's own database, which knows nothing of signed-out tokens."""
    await alice.say("Hello", chat_id)
    session = await sign_in(alice.email)
    elsewhere = session.on(data_api_server.url)
    assert (await elsewhere.call("GET", "/api/chat/sessions/")).status_code == 200
    await session.call("POST", LOGOUT)
    assert_not_authenticated(await elsewhere.call("GET", "/api/chat/sessions/"))
    assert_not_authenticated(await elsewhere.call("PATCH", f"/api/chat/sessions/{chat_id}/", {"title": "Mine"}))
