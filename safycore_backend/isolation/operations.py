"""What can be asked of the API with an id in it, read from the OpenAPI document and held against the URLconf.

Nothing is listed here by hand: a new address is tried as soon as it exists, or named as one that cannot be.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

Place = Literal["path", "query", "header", "body"]
# They answer everybody alike, and have no rows of people behind them.
_WITHOUT_PEOPLE = {"/healthz", "/readyz", "/metrics", "/api/schema/", "/api/docs/"}
_READS = {"get", "head"}
_METHODS = {"get", "head", "post", "put", "patch", "delete"}
_ID = re.compile(r"(^|_)(ids?|key|uuid)$", re.IGNORECASE)


class CannotTry(Exception):
    """Nobody can tell what to send; the text says where."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a request that takes an id."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API. `path` has its parameters in braces; `body` what must be in it beside ids.

    `is_open` says that it needs no token.
    """

    method: str
    path: str
    slots: tuple[Slot, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    is_open: bool = False

    @property
    def reads(self) -> bool:
        return self.method in _READS

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def by_path(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.place == "path")

    def request(self, slot: Slot | None, value: str, *, elsewhere: str, also: Mapping[str, Any]) -> Request:
        """The call with `value` in the slot, and `elsewhere` where else a session must be named.

        `also` is added to a body: what it may not decide.
        """
        paths = {each.name: elsewhere for each in self.by_path}
        query = {**self.query, **{each.name: elsewhere for each in self.slots if each.place == "query"}}
        body = {**also, **(self.body or {}), **self._sessions(elsewhere)}
        headers: dict[str, str] = {}
        if slot is not None:
            {"path": paths, "query": query, "header": headers, "body": body}[slot.place][slot.name] = value
        sent = None if self.body is None else body
        return Request(self.method.upper(), self.path.format(**paths), query, headers, sent)

    def _sessions(self, elsewhere: str) -> dict[str, str]:
        """Named in every body: a default one would let one attempt run into another."""
        return {slot.name: elsewhere for slot in self.slots if slot.place == "body" and slot.name == "session_id"}


def known_operations() -> tuple[list[Operation], list[str]]:
    """What to try, and a sentence for each address that nobody can tell how to try."""
    document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # as it comes
    found, unknown = described_operations(document)
    return found, [*unknown, *undescribed(routes(get_resolver().url_patterns), document["paths"])]


def described_operations(document: Mapping[str, Any]) -> tuple[list[Operation], list[str]]:
    """The document's operations that take an id or read something, and what of it cannot be tried."""
    found, unknown = [], []
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method not in _METHODS:
                continue
            try:
                operation = _operation(document, method, path, described)
            except CannotTry as exc:
                unknown.append(f"{method.upper()} {path}: {exc}")
            else:
                found += [operation] if operation.slots or operation.reads else []
    return found, unknown


def undescribed(addresses: Iterable[str], described: Iterable[str]) -> Iterator[str]:
    for address in sorted(set(addresses) - set(described) - _WITHOUT_PEOPLE):
        yield f"{address}: not in the OpenAPI document, so nobody can tell how to try it"


def routes(patterns: Iterable[Any], prefix: str = "/") -> Iterator[str]:
    """Every address of a URLconf, its parameters in braces as in the document."""
    for each in patterns:
        path = prefix + re.sub(r"(?<!P)<(?:\w+:)?(\w+)>", r"{\1}", str(each.pattern))
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            yield path


def _operation(document: Mapping[str, Any], method: str, path: str, described: Mapping[str, Any]) -> Operation:
    parameters = described.get("parameters", [])
    schema = _body_schema(document, described)
    slots = [_slot(document, each) for each in parameters if each["in"] == "path" or _ID.search(_plain(each["name"]))]
    properties: Mapping[str, Any] = schema.get("properties", {}) if schema else {}
    slots += [_body_slot(document, name, each) for name, each in properties.items() if _ID.search(name)]
    missing = set(re.findall(r"{(\w+)}", path)) - {slot.name for slot in slots}
    if missing:
        raise CannotTry(f"the document does not describe {', '.join(sorted(missing))}")
    return Operation(
        method,
        path,
        tuple(slots),
        {each["name"]: str(_example(document, each["schema"])) for each in parameters if _wanted(each)},
        None if schema is None else _body(document, schema, whole=method == "patch"),
        {} in described.get("security", []),
    )


def _wanted(parameter: Mapping[str, Any]) -> bool:
    return bool(parameter["in"] == "query" and parameter.get("required") and not _ID.search(parameter["name"]))


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _slot(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Slot:
    _must_be_text(document, parameter["name"], parameter["schema"])
    place: dict[str, Place] = {"path": "path", "query": "query", "header": "header"}
    if parameter["in"] not in place:
        raise CannotTry(f"{parameter['name']} is in a {parameter['in']}")
    return Slot(place[parameter["in"]], parameter["name"])


def _body_slot(document: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> Slot:
    _must_be_text(document, name, schema)
    return Slot("body", name)


def _must_be_text(document: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> None:
    kind = _resolved(document, schema).get("type")
    if kind not in ("string", ["string", "null"]):
        raise CannotTry(f"{name} is no text but {kind}, and people's ids are texts")


def _body_schema(document: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if "requestBody" not in described:
        return None
    content = described["requestBody"]["content"]
    if "application/json" not in content:
        raise CannotTry(f"its body is {', '.join(content)}, not JSON")
    return _resolved(document, content["application/json"]["schema"])


def _body(document: Mapping[str, Any], schema: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """What must be in a body, ids left out; in a PATCH, where nothing must, all that can be."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    wanted = properties if whole else schema.get("required", [])
    return {name: _example(document, properties[name]) for name in wanted if not _ID.search(name)}


def _example(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    schema = _resolved(document, schema)
    if schema.get("enum"):
        return schema["enum"][0]
    examples = {
        "string": str(uuid.uuid4()) if schema.get("format") == "uuid" else "tried by verify_isolation",
        "integer": schema.get("minimum", 1),
        "number": schema.get("minimum", 1),
        "boolean": False,
        "array": [],
        "object": {},
    }
    if schema.get("type") not in examples:
        raise CannotTry(f"nobody can tell what fits {dict(schema)}")
    return examples[schema["type"]]


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema or len(schema.get("allOf", [])) == 1:
        schema = schema["allOf"][0] if "allOf" in schema else _named(document, schema["$ref"])
    return schema


def _named(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found
