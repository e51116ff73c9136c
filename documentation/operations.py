"""The OpenAPI document as a page: every operation with its parameters, examples and errors."""

import json
from collections.abc import Iterator
from typing import Any

import tests.environment  # noqa: F401  # before Django, which refuses to start without

_HEAD = """\
# OpenAPI

Generated from the server's own document: [openapi.json](openapi.json). A running server has it at `/api/schema/`, and
a page to try calls on at `/api/docs/`.
"""


def openapi_document() -> dict[str, Any]:
    """The document that this version of the server gives."""
    import django

    django.setup()
    from drf_spectacular.generators import SchemaGenerator

    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def reference(document: dict[str, Any]) -> str:
    """Markdown."""
    return "\n".join([_HEAD, *(line for tag in document["tags"] for line in _tagged(document, tag))])


def _tagged(document: dict[str, Any], tag: dict[str, str]) -> Iterator[str]:
    yield f"## {tag['name']}\n\n{tag['description']}\n"
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            if tag["name"] in operation["tags"]:
                yield from _operation(f"{verb.upper()} {path}", operation)


def _operation(call: str, operation: dict[str, Any]) -> Iterator[str]:
    is_open = {} in operation.get("security", [{}])
    yield f"### {operation['summary']}\n\n`{call}` · `{operation['operationId']}`{' · open' if is_open else ''}\n"
    yield f"{operation['description']}\n"
    yield from _parameters(operation.get("parameters", []))
    if "requestBody" in operation:
        yield from _examples("Body", operation["requestBody"])
    for status, answer in operation["responses"].items():
        if status < "400":
            yield from _examples(f"Answer {status}", answer)
    yield from _errors(operation["responses"])


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if parameters:
        rows = (f"| `{each['name']}` | {each['in']} | {each['description']} |" for each in parameters)
        yield "\n".join(["| parameter | in | |", "|---|---|---|", *rows, ""])


def _examples(title: str, body: dict[str, Any]) -> Iterator[str]:
    for media_type, content in body.get("content", {}).items():
        for name, example in content["examples"].items():
            value = example["value"]
            is_text = isinstance(value, str)
            shown = value.strip() if is_text else json.dumps(value, indent=2, ensure_ascii=False)
            yield f"{title}, `{media_type}`, {example.get('summary', name)}:\n"
            yield f"```{'text' if is_text else 'json'}\n{shown}\n```\n"


def _errors(responses: dict[str, Any]) -> Iterator[str]:
    refused = {
        status: [example["value"]["code"] for example in answer["content"]["application/json"]["examples"].values()]
        for status, answer in responses.items()
        if status >= "400"
    }
    if refused:
        rows = (f"| {status} | {', '.join(f'`{code}`' for code in codes)} |" for status, codes in refused.items())
        yield "\n".join(["| [errors](errors.md) | |", "|---|---|", *rows, ""])
