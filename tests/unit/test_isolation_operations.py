"""isolation/operations.py: what verify_isolation tries follows from the API itself."""

from typing import Any

import django
from django.urls import path, re_path

django.setup()

from drf_spectacular.generators import SchemaGenerator  # noqa: E402  # Django first
from drf_spectacular.utils import OpenApiParameter, extend_schema  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from safycore_backend.isolation.operations import (  # noqa: E402
    Operation,
    Slot,
    described_operations,
    known_operations,
    routes,
    undescribed,
)


class NotesView(APIView):
    @extend_schema(responses={200: None})
    def get(self, request: Any, note_id: str) -> None: ...

    @extend_schema(request={"application/json": {"type": "object", "properties": {"session_id": {"type": "string"}}}})
    def post(self, request: Any, note_id: str) -> None: ...


class NumbersView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("number", int, OpenApiParameter.PATH)],
        responses={200: None},
    )
    def delete(self, request: Any, number: int) -> None: ...


class UploadView(APIView):
    @extend_schema(request={"multipart/form-data": {"type": "object"}}, responses={200: None})
    def post(self, request: Any, session_id: str) -> None: ...


def described(*patterns: Any) -> tuple[list[Operation], list[str]]:
    document = SchemaGenerator(patterns=list(patterns)).get_schema(public=True)  # type: ignore[no-untyped-call]  # as it comes
    return described_operations(document)


def test_a_new_address_is_tried_at_every_place_that_takes_an_id() -> None:
    operations, unknown = described(path("api/notes/<str:note_id>/", NotesView.as_view()))
    assert unknown == []
    assert {each.name: set(each.slots) for each in operations} == {
        "GET /api/notes/{note_id}/": {Slot("path", "note_id")},
        "POST /api/notes/{note_id}/": {Slot("path", "note_id"), Slot("body", "session_id")},
    }


def test_an_id_that_nobody_of_ours_has_is_named_as_one_that_cannot_be_tried() -> None:
    operations, unknown = described(path("api/numbers/<int:number>/", NumbersView.as_view()))
    assert operations == []
    assert unknown == ["DELETE /api/numbers/{number}/: number is no text but integer, and people's ids are texts"]


def test_a_body_that_cannot_be_made_up_is_named() -> None:
    operations, unknown = described(path("api/uploads/<str:session_id>/", UploadView.as_view()))
    assert operations == []
    assert unknown == ["POST /api/uploads/{session_id}/: its body is multipart/form-data, not JSON"]


def test_an_address_outside_of_the_document_is_named() -> None:
    found = routes([path("api/secret/<str:session_id>/", NotesView.as_view()), re_path("^x/(?P<a>.+)$", lambda r: r)])
    assert list(undescribed(found, [])) == [
        "/^x/(?P<a>.+)$: not in the OpenAPI document, so nobody can tell how to try it",
        "/api/secret/{session_id}/: not in the OpenAPI document, so nobody can tell how to try it",
    ]


def test_every_address_of_ours_can_be_tried() -> None:
    operations, unknown = known_operations()
    assert unknown == []
    names = {each.name for each in operations}
    assert len(names) > 12
    assert {
        "DELETE /api/chat/conversation/{session_id}/clear/",
        "POST /api/chat/conversation/{session_id}/stop/",
        "GET /api/chat/conversation/{session_id}/stream/",
        "POST /api/chat/conversation/{session_id}/regenerate/",
        "DELETE /api/chat/training-data/{training_id}/",
    } <= names


def test_a_request_carries_the_id_in_one_place_and_somebody_elses_user_id_in_its_body() -> None:
    operation = Operation("post", "/notes/{id}/", (Slot("path", "id"), Slot("body", "session_id")), {}, {"text": "x"})
    first = operation.request(Slot("path", "id"), "theirs", elsewhere="mine", also={"user_id": "another"})
    assert (first.path, first.body) == ("/notes/theirs/", {"user_id": "another", "text": "x", "session_id": "mine"})
    second = operation.request(Slot("body", "session_id"), "theirs", elsewhere="mine", also={})
    assert (second.path, second.body) == ("/notes/mine/", {"text": "x", "session_id": "theirs"})
