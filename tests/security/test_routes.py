"""Every address of the URLconf is protected, by the same refusal, or on the short list of open ones."""

import pytest
from rest_framework.permissions import AllowAny, IsAuthenticated

from safycore_backend.api import AsyncAPIView
from tests.api.test_isolation_http import METHODS, OPEN, routes
from tests.cast import Actor

# /metrics asks for a token of its own: test_metrics_token.py.
WITHOUT_A_VIEW_OF_OURS = {"/healthz", "/readyz", "/metrics", "/api/schema/", "/api/docs/"}
# By the clock and by the address, never by who asks.
MAY_DIFFER = {"date", "allow", "vary"}
PROTECTED = sorted({path for path, _ in routes()} - OPEN)
TOKENS = ("", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer a.b.c", "bearer null", "Bearer undefined")


def test_an_open_view_is_on_the_list_and_every_other_one_asks_who_you_are() -> None:
    for path, view in routes():
        if path in WITHOUT_A_VIEW_OF_OURS:
            continue
        assert issubclass(view, AsyncAPIView), path
        assert view.permission_classes == ([AllowAny] if path in OPEN else [IsAuthenticated]), path


def test_the_list_of_open_addresses_names_nothing_that_is_gone() -> None:
    assert {path for path, _ in routes()} >= OPEN
    assert len(PROTECTED) >= 14


async def test_whoever_is_not_signed_in_gets_one_answer_letter_by_letter(anon: Actor) -> None:
    answers = set()
    for path, view in routes():
        if path in OPEN:
            continue
        for method in (each for each in METHODS if hasattr(view, each.lower())):
            for token in TOKENS:
                headers = {"X-Request-ID": "the-same-id"} | ({"Authorization": token} if token else {})
                response = await anon.call(method, path, headers=headers)
                told = sorted((name, value) for name, value in response.headers.items() if name not in MAY_DIFFER)
                answers.add((response.status_code, response.content, tuple(told)))
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] == 401


@pytest.mark.parametrize("path", PROTECTED)
async def test_no_other_method_is_a_way_around_it(anon: Actor, path: str) -> None:
    views = dict(routes())
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"):
        response = await anon.call(method, path, headers={"X-HTTP-Method-Override": "GET"})
        taken = method == "OPTIONS" or hasattr(views[path], "get" if method == "HEAD" else method.lower())
        assert response.status_code == (401 if taken else 405), method
