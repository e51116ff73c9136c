"""Access tokens: is this one of ours, and whose is it?

Every refusal is the same NotAuthenticated. What a token says is believed only after its signature, by a key that our
settings or the project's key set name; the algorithm is chosen by the kind of key, never by the token.
"""

import functools
import re
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings

from safycore_backend.database import Claims
from safycore_backend.errors import NotAuthenticated
from users import auth_api
from users.confirmations import Confirmations
from users.domain import Person
from users.key_set import KeySet

MAX_TOKEN_BYTES = 8_192
# PyJWT takes a padded signature as well; a token has one spelling, and is remembered under that one only.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LEEWAY_SECONDS = 5
_REQUIRED = ["exp", "sub", "role", "session_id", "aud"]
# A session that began so was opened by whoever had a mail in hand.
_BY_MAIL = {"otp", "recovery", "magiclink"}
# Added to a session later; they prove something else than the password.
_SECOND_FACTORS = {"totp", "mfa/totp", "mfa/phone", "mfa/webauthn"}


@dataclass(frozen=True, slots=True)
class Verified:
    """A person and how they signed in: the methods of the token's `amr`, empty where the project's tokens have none."""

    person: Person
    methods: frozenset[str]

    @property
    def only_recovers(self) -> bool:
        """Whether the session began with a link or code of a mail and nothing else: it may set a password, no more."""
        return bool(self.methods & _BY_MAIL) and self.methods <= _BY_MAIL | _SECOND_FACTORS


class TokenVerifier:
    """Verifies by the shared secret (HS256), by the key set (ES256, RS256), or else by asking Supabase."""

    def __init__(self, key_set: KeySet) -> None:
        self._key_set = key_set
        self._confirmations = Confirmations(auth_api.confirm_token)

    async def verify(self, token: str, *, asked_by: str | None = None) -> Verified:
        """Raises NotAuthenticated, or AuthUnavailable when no key is known yet and none can be had.

        `asked_by` is the client's address, where nothing else limits how often it may make us ask Supabase: it raises
        LimitReached then.
        """
        try:
            claims = await self._claims(token, asked_by)
            return Verified(_person(token, claims), _methods(claims))
        # OverflowError: a number of seconds that no clock holds.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as exc:
            raise NotAuthenticated from exc

    async def ready(self) -> bool:
        """Whether there is something to verify tokens with."""
        return bool(settings.SUPABASE_JWT_SECRET) or await self._key_set.known()

    async def _claims(self, token: str, asked_by: str | None) -> dict[str, Any]:
        # Before any parsing or crypto: nobody makes us work on a megabyte.
        if len(token) > MAX_TOKEN_BYTES or not _COMPACT.fullmatch(token):
            raise jwt.DecodeError("not a token")
        header = jwt.get_unverified_header(token)
        if "crit" in header:
            raise jwt.InvalidTokenError("critical extensions are not understood")
        algorithm = header.get("alg")
        if algorithm == "HS256":
            if settings.SUPABASE_JWT_SECRET:
                return _decode(token, settings.SUPABASE_JWT_SECRET, "HS256")
            return await self._asked(token, asked_by)
        if algorithm in {"ES256", "RS256"}:
            return await self._by_key_set(token, header, algorithm)
        raise jwt.InvalidAlgorithmError("algorithm not taken")

    async def _by_key_set(self, token: str, header: dict[str, Any], algorithm: str) -> dict[str, Any]:
        kid = header.get("kid")
        if not isinstance(kid, str) or len(kid) > 255:
            raise jwt.InvalidTokenError("no usable kid")
        key = await self._key_set.find(kid)
        if key is None or key.algorithm_name != algorithm:
            raise jwt.InvalidKeyError("no such key")
        return _decode(token, key, algorithm)

    async def _asked(self, token: str, asked_by: str | None) -> dict[str, Any]:
        """For a project whose tokens are signed with a secret that we were not given: Supabase decides."""
        # What it says is checked first: nobody makes us ask about a token that could not be good.
        claims = _decode(token, None, "HS256")
        if asked_by is None:
            await auth_api.confirm_token(token)
        else:
            await self._confirmations.confirm(token, asked_by)
        return claims


@functools.cache
def verifier() -> TokenVerifier:
    """The one of this process, with the one key set."""
    return TokenVerifier(KeySet())


def _decode(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    """The claims, checked; with key None the caller has had the signature confirmed elsewhere."""
    claims: dict[str, Any] = jwt.decode(
        token,
        key or "",
        algorithms=[algorithm],
        audience="authenticated",
        issuer=settings.SUPABASE_JWT_ISSUER or None,
        leeway=_LEEWAY_SECONDS,
        options={
            "require": _REQUIRED + (["iss"] if settings.SUPABASE_JWT_ISSUER else []),
            "strict_aud": True,
            "verify_signature": key is not None,
            "verify_exp": True,
            "verify_nbf": True,
            "verify_iat": True,
            "verify_aud": True,
            "verify_iss": True,
        },
    )
    if not settings.SUPABASE_JWT_ISSUER and "iss" in claims:
        raise jwt.InvalidIssuerError("these tokens carry no issuer")
    return claims


def _person(token: str, claims: dict[str, Any]) -> Person:
    """Raises ValueError, TypeError or PyJWTError for claims that are signed but not those of a signed-in person."""
    if claims["role"] != "authenticated" or claims.get("is_anonymous", False) is not False:
        raise jwt.InvalidTokenError("not a signed-in person")
    if type(claims["exp"]) not in {int, float}:
        raise jwt.InvalidTokenError("exp is no number")
    email = claims.get("email")
    user_id = _canonical_uuid(claims["sub"])
    return Person(
        id=user_id,
        email=email if isinstance(email, str) and email else None,
        claims=Claims(user_id, _canonical_uuid(claims["session_id"]), float(claims["exp"]), token),
    )


def _canonical_uuid(value: Any) -> str:
    """Raises ValueError or TypeError unless the value is a UUID as Supabase writes it."""
    if not isinstance(value, str):
        raise TypeError("not a UUID")
    canonical = str(uuid.UUID(value))
    if canonical != value:
        raise ValueError("not a canonical UUID")
    return canonical


def _methods(claims: dict[str, Any]) -> frozenset[str]:
    entries = claims.get("amr")
    if not isinstance(entries, list):
        return frozenset()
    return frozenset(str(entry["method"]) for entry in entries if isinstance(entry, dict) and "method" in entry)
