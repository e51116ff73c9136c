"""/api/schema/ and /api/docs/: the reference is valid, whole, and needs nobody else's server."""

import re
from typing import Any

import django
import httpx
import pytest
from django.urls import get_resolver

from tests.answers import refused
from tests.api.test_isolation_http import METHODS, OPEN, routes
from tests.cast import Actor

django.setup()

# The second is the first, with a token to try again with.
ERROR_SHAPES = ("ErrorAnswer", "PasswordResetRefused")
UNDOCUMENTED = {"/healthz", "/readyz", "/api/schema/", "/api/docs/"}


@pytest.fixture
async def schema(anon: Actor) -> dict[str, Any]:
    response = await anon.call("GET", "/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def addresses() -> dict[str, Any]:
    """Every address of the URLconf that the reference must tell, parameters as {}, with the class behind it."""
    named = {path: view for path, view in routes() if path not in UNDOCUMENTED}
    return {re.sub(r"some-session|[0-9a-f-]{36}", "{}", path): view for path, view in named.items()}


async def test_every_address_and_method_is_documented_and_no_other(schema: dict[str, Any]) -> None:
    assert get_resolver().url_patterns
    documented = {(filled(path), verb) for path, verbs in schema["paths"].items() for verb in verbs}
    there = {
        (path, method.lower())
        for path, view in addresses().items()
        for method in METHODS
        if hasattr(view, method.lower())
    }
    assert documented == there


async def test_every_operation_says_what_it_does_what_it_answers_and_who_may_ask(schema: dict[str, Any]) -> None:
    for path, verbs in schema["paths"].items():
        for verb, operation in verbs.items():
            name = f"{verb} {path}"
            assert operation["description"], name
            assert any(status.startswith("2") for status in operation["responses"]), name
            if path in OPEN:
                assert {} in operation.get("security", [{}]), name
            else:
                assert operation["security"] == [{"supabase": []}], name
                assert "401" in operation["responses"], name


async def test_errors_are_documented_in_the_form_they_have(schema: dict[str, Any]) -> None:
    shapes = {f"#/components/schemas/{name}": schema["components"]["schemas"][name] for name in ERROR_SHAPES}
    assert all(set(shape["required"]) == {"error", "code", "request_id"} for shape in shapes.values())
    for verbs in schema["paths"].values():
        for operation in verbs.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert answer["content"]["application/json"]["schema"]["$ref"] in shapes


async def test_both_forms_of_the_stream_are_documented(schema: dict[str, Any]) -> None:
    for path in ("/api/chat/stream/", "/api/chat/conversation/{session_id}/stream/"):
        (operation,) = schema["paths"][path].values()
        assert set(operation["responses"]["200"]["content"]) == {"text/plain", "text/event-stream"}


async def test_the_idempotency_key_is_documented_where_it_works(schema: dict[str, Any]) -> None:
    for path in ("/api/chat/", "/api/chat/stream/"):
        parameters = schema["paths"][path]["post"]["parameters"]
        assert "Idempotency-Key" in {each["name"] for each in parameters if each["in"] == "header"}


async def test_answers_have_the_fields_that_are_documented(schema: dict[str, Any], alice: Actor, chat_id: str) -> None:
    answer = await alice.say("Hello", chat_id, training_data="a fact")
    page = (await alice.call("GET", f"/api/chat/conversation/{chat_id}/")).json()
    sessions = (await alice.call("GET", "/api/chat/sessions/")).json()
    texts = (await alice.call("GET", f"/api/chat/training-data/?session_id={chat_id}")).json()
    components = schema["components"]["schemas"]
    for name, shown in (
        ("ChatAnswer", answer),
        ("ConversationAnswer", page),
        ("MessageFields", page["messages"][1]),
        ("SessionsAnswer", sessions),
        ("SessionFields", sessions["sessions"][0]),
        ("TrainingDataAnswer", texts),
        ("TrainingDataFields", texts["training_data"][0]),
    ):
        assert components[name]["properties"].keys() == shown.keys(), name


async def test_the_reference_page_loads_nothing_from_elsewhere(anon: Actor) -> None:
    page = await anon.call("GET", "/api/docs/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 3
    assert [address for address in loaded if not address.startswith("/")] == []
    assert "//" not in "".join(loaded)


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST", "DELETE", "TRACE"])
async def test_the_reference_is_only_read(anon: Actor, method: str, path: str) -> None:
    refused(await anon.call(method, path), 405, "method_not_allowed")


async def test_all_that_the_reference_page_loads_is_served(anon: Actor) -> None:
    page = await anon.call("GET", "/api/docs/")
    for address in set(re.findall(r'(?:src|href)="([^"]+)"', page.text)):
        response = await anon.call("GET", address)
        assert response.status_code == 200, address
        assert len(response.content) > 100, address


async def test_static_addresses_lead_nowhere_else(anon: Actor) -> None:
    for path in ("/static/%2e%2e/manage.py", "/static/..%2f..%2fmanage.py", "/static/%00", "/static//etc/passwd"):
        response = await anon.call("GET", path)
        assert response.status_code in {400, 404}, path
        assert "import" not in response.text


async def test_a_missing_static_file_does_not_spoil_its_connection(alice: Actor) -> None:
    """Connections are kept alive, by browsers and by proxies for many people: what comes next must not suffer."""
    async with httpx.AsyncClient(base_url=alice.base_url, limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(10):
            missing = await client.get("/static/nothing.css")
            then = await client.get("/api/chat/sessions/", headers={"Authorization": f"Bearer {alice.token}"})
            assert (missing.status_code, then.status_code) == (404, 200)
