"""schemathesis against every operation of the OpenAPI document, by nobody, by a person, and after a session has ended.

What fits the document and what does not is generated for each; no answer may be a 5xx, have a status, a content type or
a body that the document does not tell, or say anything of the inside.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy, one_of
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.accounts import log_in
from tests.cast import Actor, sign_up
from tests.conftest import NewServer
from tests.processes import CHECKOUT, Server
from tests.security.report import cases, record

STATES = ("nobody", "a person", "a person whose session has ended")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN_SESSION = "the-session"
# Of ours, of Python's and of the databases': what no answer says, whatever it was asked.
INTERNALS = re.compile(
    r"Traceback|File \"|\.py\b|psycopg|sqlite|postgres|pg_catalog|SELECT .* FROM|violates|django\.|"
    r"Exception|sb_secret_|sb_publishable_|supabase|service_role|127\.0\.0\.1|" + re.escape(str(CHECKOUT)),
    re.IGNORECASE,
)


@dataclass
class Found:
    """What came of all cases: how many, how many were refused, and one example of each thing that should not be."""

    tried: int = 0
    refused: int = 0
    server_errors: int = 0
    leaked: int = 0
    wrong: dict[str, str] = field(default_factory=dict)


def operations(document: dict[str, Any]) -> list[APIOperation[Any, Any, Any, Any]]:
    # Whose token is sent is the state's business, not chance's.
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    found = schemathesis.openapi.from_dict(document, config=config).get_all_operations()
    return [each.ok() for each in found if isinstance(each, Ok)]


def strategy_for(operation: APIOperation[Any, Any, Any, Any]) -> SearchStrategy[Any]:
    return one_of(*_strategies(operation))


def _strategies(operation: APIOperation[Any, Any, Any, Any]) -> Iterator[SearchStrategy[Any]]:
    """Cases that fit the document, at random and in a session that is there, and cases that do not."""
    yield operation.as_strategy(GenerationMode.POSITIVE)
    if "{session_id}" in operation.path:
        yield operation.as_strategy(GenerationMode.POSITIVE, path_parameters={"session_id": KNOWN_SESSION})
    if operation.path_parameters or operation.query or operation.body:
        yield operation.as_strategy(GenerationMode.NEGATIVE)


class Fuzzer:
    """Sends cases one after the other, over one connection, and keeps what was found."""

    def __init__(self, base_url: str, token: str | None, name: str, found: Found) -> None:
        self._base_url = base_url
        self._name = name
        self._found = found
        self._session = requests.Session()
        self._session.trust_env = False
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def run(self, strategy: SearchStrategy[Any], most: int) -> None:
        settings = hypothesis.settings(
            max_examples=most,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        # Where everything fits, nothing can be made that does not.
        with self._session, suppress(hypothesis.errors.Unsatisfiable):
            settings(hypothesis.given(strategy)(self.one))()

    def one(self, case: Any) -> None:
        response = case.call(base_url=self._base_url, session=self._session, headers=self._headers, timeout=20)
        self._found.tried += 1
        self._found.refused += 400 <= response.status_code < 500
        self._found.server_errors += response.status_code >= 500
        self._look_for_internals(response)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self._found.wrong.setdefault(f"{self._name}: {failure.title} {response.status_code}", str(failures))

    def _look_for_internals(self, response: Any) -> None:
        internal = None if response.status_code < 400 else INTERNALS.search(response.text)
        if internal:
            self._found.leaked += 1
            self._found.wrong[f"{self._name}: tells {internal[0]!r}"] = response.text


@pytest.fixture
async def server(new_server: NewServer) -> Server:
    return await new_server(LOG_LEVEL="WARNING")


@pytest.fixture
async def somebody(server: Server) -> AsyncIterator[Actor]:
    actor = await sign_up(server.url, "fuzz")
    await actor.say("Hello", KNOWN_SESSION, training_data="a fact")
    yield actor
    await actor.close()


async def token_of(state: str, somebody: Actor) -> str | None:
    """A token of a session of its own: the operation may be the one that ends it."""
    if state == "nobody":
        return None
    token: str = (await log_in(somebody.base_url, somebody.email)).json()["access_token"]
    if state == "a person whose session has ended":
        headers = {"Authorization": f"Bearer {token}"}
        assert (await somebody.call("POST", "/api/auth/logout/", headers=headers)).status_code == 200
    return token


async def test_whatever_is_sent_the_answers_are_those_of_the_document(server: Server, somebody: Actor) -> None:
    document = (await somebody.call("GET", "/api/schema/", headers={"Accept": "application/json"})).json()
    found = Found()
    for operation in operations(document):
        strategy = strategy_for(operation)
        for state in STATES:
            name = f"{operation.method.upper()} {operation.path} by {state}"
            token = await token_of(state, somebody)
            # In a thread of its own: the stand-in model answers in this one.
            await asyncio.to_thread(Fuzzer(server.url, token, name, found).run, strategy, cases(4, 200))
    record("fuzz", tried=found.tried, refused=found.refused, leaked=found.leaked, server_errors=found.server_errors)
    assert found.wrong == {}, "\n\n".join(f"{name}\n{example}" for name, example in sorted(found.wrong.items()))
    assert found.tried >= cases(200, 10_000)
    assert b"Traceback" not in server.log.read_bytes()


async def test_an_answer_that_the_document_does_not_tell_is_found(server: Server, somebody: Actor) -> None:
    """A fuzzer that finds nothing would prove nothing."""
    document = (await somebody.call("GET", "/api/schema/", headers={"Accept": "application/json"})).json()
    document["paths"] = {"/api/auth/profile/": {"get": document["paths"]["/api/auth/profile/"]["get"]}}
    document["components"]["schemas"]["ProfileAnswer"]["properties"]["user"] = {"type": "integer"}
    del document["paths"]["/api/auth/profile/"]["get"]["responses"]["401"]
    (operation,) = operations(document)
    for token, title in ((None, "Undocumented status code"), (somebody.token, "Response violates schema")):
        found = Found()
        await asyncio.to_thread(Fuzzer(server.url, token, "profile", found).run, strategy_for(operation), 1)
        assert [name for name in found.wrong if title in name], found.wrong
