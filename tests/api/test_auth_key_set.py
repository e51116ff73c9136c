"""A server whose project signs with key pairs: tokens by ES256 and RS256, over a real key set."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.answers import refused
from tests.api.accounts import assert_not_authenticated, get_profile
from tests.cast import Actor
from tests.conftest import NewServer

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
KEY_SET = {
    "keys": [
        {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec", "alg": "ES256"},
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "alg": "RS256"},
    ]
}


class Project:
    """What a Supabase project publishes of its keys; `answer` None is an HTML page of an overloaded gateway."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.answer: dict[str, Any] | None = KEY_SET

    async def key_set(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.answer is None:
            return web.Response(text="<html>Try again</html>", content_type="text/html")
        return web.json_response(self.answer)


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    served = Project()
    app = web.Application()
    app.router.add_get("/auth/v1/.well-known/jwks.json", served.key_set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


def signed(alice: Actor, project: Project, key: Any, algorithm: str, kid: str, **changes: Any) -> str:
    claims = {**alice.claims, "iss": f"{project.url}/auth/v1", **changes}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid})


def settings(project: Project) -> dict[str, str]:
    # The issuer by its default: that of the project.
    return {"SUPABASE_URL": project.url, "SUPABASE_JWT_SECRET": "", "SUPABASE_JWT_ISSUER": f"{project.url}/auth/v1"}


async def test_tokens_by_published_keys_are_taken_and_others_are_not(
    new_server: NewServer, project: Project, alice: Actor
) -> None:
    server = await new_server(**settings(project))
    for key, algorithm, kid in ((EC_KEY, "ES256", "ec"), (RSA_KEY, "RS256", "rsa")):
        response = await get_profile(server.url, signed(alice, project, key, algorithm, kid))
        assert response.status_code == 200, response.text
        assert response.json()["user"]["id"] == alice.id
        bad_claims: list[dict[str, Any]] = [
            {"iss": "https://evil.example.com/auth/v1"},
            {"iss": f"{project.url}/auth/v1/"},
            {"aud": ["authenticated"]},
            {"role": "service_role"},
            {"exp": 1},
            {"session_id": "00000000-0000-4000-8000-000000000000"},
        ]
        for changes in bad_claims:
            assert_not_authenticated(
                await get_profile(server.url, signed(alice, project, key, algorithm, kid, **changes))
            )
    assert_not_authenticated(await get_profile(server.url, signed(alice, project, EC_KEY, "ES256", "rsa")))
    for number in range(100):
        assert_not_authenticated(
            await get_profile(server.url, signed(alice, project, EC_KEY, "ES256", f"kid-{number}"))
        )
    assert project.asked == 1


async def test_a_cold_start_without_a_key_set_is_unavailable_until_there_is_one(
    new_server: NewServer, project: Project, alice: Actor
) -> None:
    project.answer = None
    server = await new_server(**settings(project))
    token = signed(alice, project, EC_KEY, "ES256", "ec")
    answer = await get_profile(server.url, token)
    refused(answer, 503, "auth_unavailable")
    assert not re.search(r"html|json|key", answer.text, re.IGNORECASE)
