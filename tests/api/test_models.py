"""GET /api/models/: the models on offer, to anybody."""

from tests.cast import Actor
from tests.conftest import NewServer


async def test_the_models_on_offer_are_listed_and_their_default_is_marked(anon: Actor) -> None:
    response = await anon.call("GET", "/api/models/")
    assert response.status_code == 200
    assert response.json() == {
        "models": [{"id": "openai/gpt-oss-120b", "default": True}, {"id": "openai/gpt-oss-20b", "default": False}]
    }


async def test_the_list_is_what_was_configured_and_each_can_be_used(
    new_server: NewServer, alice: Actor, chat_id: str
) -> None:
    server = await new_server(GROQ_MODEL="qwen/qwen3-32b", GROQ_MODELS="openai/gpt-oss-20b, qwen/qwen3-32b")
    alice = alice.on(server.url)
    models = (await alice.call("GET", "/api/models/")).json()["models"]
    assert models == [{"id": "qwen/qwen3-32b", "default": True}, {"id": "openai/gpt-oss-20b", "default": False}]
    for each in models:
        assert (await alice.say("Hello", chat_id, model=each["id"]))["status"] == "complete"
