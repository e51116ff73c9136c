"""Tokens by public key: which signatures are believed, and by which algorithm."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from safycore_backend.errors import NotAuthenticated
from users.errors import AuthUnavailable
from users.key_set import KeySet
from users.tokens import TokenVerifier

EC_KEY, OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA_KEY, OTHER_RSA_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
KEYS: list[dict[str, object]] = [
    {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec"},
    {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa"},
]


async def published() -> list[dict[str, object]]:
    return KEYS


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(KeySet(published))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "sub": str(uuid.uuid4()),
        "aud": "authenticated",
        "role": "authenticated",
        "email": "carol@example.com",
        "session_id": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 3600,
        **changes,
    }


def signed(key: Any, algorithm: str, kid: Any, **changes: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC_KEY, "ES256", "ec"), (RSA_KEY, "RS256", "rsa")])
async def test_a_signature_by_a_published_key_is_believed(
    verifier: TokenVerifier, key: Any, algorithm: str, kid: str
) -> None:
    said = claims(amr=[{"method": "otp", "timestamp": 1}, {"method": "password"}])
    verified = await verifier.verify(jwt.encode(said, key, algorithm, headers={"kid": kid}))
    assert verified.person.id == said["sub"]
    assert verified.person.email == said["email"]
    assert verified.person.claims.auth_session_id == said["session_id"]
    assert verified.person.claims.expires_at == said["exp"]
    assert verified.methods == {"otp", "password"}


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (OTHER_EC_KEY, "ES256", "ec"),
        (OTHER_RSA_KEY, "RS256", "rsa"),
        (EC_KEY, "ES256", "rsa"),
        (RSA_KEY, "RS256", "ec"),
        (RSA_KEY, "RS512", "rsa"),
        (RSA_KEY, "PS256", "rsa"),
        (EC_KEY, "ES256", None),
        (EC_KEY, "ES256", "unknown"),
        (EC_KEY, "ES256", ""),
        (EC_KEY, "ES256", "e" * 256),
        (EC_KEY, "ES256", "../../dev/null"),
        (EC_KEY, "ES256", "ec\x00"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "key",
)
async def test_any_other_signature_is_refused(verifier: TokenVerifier, key: Any, algorithm: str, kid: Any) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier.verify(signed(key, algorithm, kid))


@pytest.mark.parametrize("form", ["PEM", "DER", "JWK"])
@pytest.mark.parametrize("kid", ["rsa", "ec", None])
async def test_a_public_key_is_no_shared_secret(verifier: TokenVerifier, form: str, kid: str | None) -> None:
    public = RSA_KEY.public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = {
        "PEM": public.public_bytes(serialization.Encoding.PEM, info),
        "DER": public.public_bytes(serialization.Encoding.DER, info),
        "JWK": json.dumps(KEYS[1]).encode(),
    }
    with pytest.raises(NotAuthenticated):
        await verifier.verify(_hs256(secrets[form], kid))


def _hs256(secret: bytes, kid: str | None) -> str:
    """By hand: PyJWT itself would not sign with a public key."""
    header = {"alg": "HS256", "typ": "JWT"} | ({"kid": kid} if kid else {})
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims())]
    start = b".".join(parts)
    end = base64.urlsafe_b64encode(hmac.digest(secret, start, hashlib.sha256)).rstrip(b"=")
    return (start + b"." + end).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"aud": "anon"},
        {"iss": "https://evil.example.com"},
        {"role": "service_role"},
        {"is_anonymous": True},
    ],
    ids=str,
)
async def test_a_good_signature_does_not_excuse_bad_claims(verifier: TokenVerifier, changes: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier.verify(signed(EC_KEY, "ES256", "ec", **changes))


async def test_without_a_key_set_the_answer_is_unavailable_and_never_yes() -> None:
    async def down() -> list[dict[str, object]]:
        raise httpx.ConnectError("down")

    verifier = TokenVerifier(KeySet(down))
    for token in (signed(EC_KEY, "ES256", "ec"), signed(OTHER_EC_KEY, "ES256", "ec")):
        with pytest.raises(AuthUnavailable):
            await verifier.verify(token)


async def test_what_is_no_token_asks_for_no_key_set() -> None:
    async def never() -> list[dict[str, object]]:
        raise AssertionError("asked for the key set")

    verifier = TokenVerifier(KeySet(never))
    rubbish = [
        "",
        ".",
        "..",
        "a.b.c",
        "A" * 1_000_000,
        signed(EC_KEY, "ES256", "ec") + "A" * 9_000,
        "жетон.жетон.жетон",
    ]
    for token in [*rubbish, signed(EC_KEY, "ES256", None), signed(RSA_KEY, "RS512", "rsa")]:
        with pytest.raises(NotAuthenticated):
            await verifier.verify(token)


async def test_a_person_without_an_address_is_a_person(verifier: TokenVerifier) -> None:
    for email in (None, "", 7):
        assert (await verifier.verify(signed(EC_KEY, "ES256", "ec", email=email))).person.email is None
