"""The OpenAPI document tells enough to call everything without trying: in words, in names and in examples."""

import re
from collections.abc import Iterator
from typing import Any

import django
import pytest
from jsonschema import Draft202012Validator

django.setup()

from drf_spectacular.generators import SchemaGenerator  # noqa: E402  # reads the settings

from safycore_backend.api_description import TAGS  # noqa: E402

Content = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb.upper()} {path}", operation


def contents(document: dict[str, Any]) -> Iterator[Content]:
    """Every body that is sent or answered, in each of its media types."""
    for name, operation in operations(document):
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for which, body in bodies.items():
            for media_type, content in body.get("content", {}).items():
                yield f"{name} {which} {media_type}", content


def test_every_operation_has_a_summary_a_description_and_a_tag_that_is_explained(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in TAGS if tag["description"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert len(operation["summary"]) < 40, name
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name
        assert set(operation["tags"]) <= tags, name


def test_operations_have_names_that_make_good_methods_of_a_client(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) > 20
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    # What the library makes up by itself ends in one of these.
    assert [name for name in names if re.search(r"_(create|retrieve|destroy|partial_update)(_\d+)?$", name)] == []


def test_schemas_have_names_of_their_own(document: dict[str, Any]) -> None:
    assert [name for name in document["components"]["schemas"] if "RequestRequest" in name or "Patched" in name] == []


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    described = 0
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter["description"], f"{name} {parameter['name']}"
            described += 1
    assert described > 20


def test_every_body_and_every_answer_has_an_example(document: dict[str, Any]) -> None:
    assert [name for name, content in contents(document) if not content.get("examples")] == []


def test_every_example_fits_the_schema_that_it_stands_by(document: dict[str, Any]) -> None:
    seen = 0
    for name, content in contents(document):
        # The schemas refer to components by their place in the document.
        schema = {**content["schema"], "components": document["components"]}
        check = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for example in content["examples"].values():
            assert [fault.message for fault in check.iter_errors(example["value"])] == [], name
            seen += 1
    assert seen > 100


def test_every_error_that_a_body_is_refused_with_is_shown_by_its_code(document: dict[str, Any]) -> None:
    shown = document["paths"]["/api/chat/"]["post"]["responses"]["429"]["content"]["application/json"]["examples"]
    codes = {example["value"]["code"] for example in shown.values()}
    assert codes == {"too_many_requests", "too_many_replies", "token_limit_reached"}


def test_the_document_says_where_the_server_is_and_what_a_token_is(document: dict[str, Any]) -> None:
    assert document["servers"] == [{"url": "/", "description": "This server"}]
    scheme = document["components"]["securitySchemes"]["supabase"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert "access_token" in scheme["description"]


def test_the_password_that_deleting_an_account_asks_for_is_described(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/auth/account/"]["delete"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["$ref"].endswith("/DeleteAccountRequest")
