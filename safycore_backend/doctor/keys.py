"""The kinds of Supabase's keys, told from the keys themselves."""

from typing import Any, Literal

import jwt

Kind = Literal["publishable", "secret", "legacy anon", "legacy service_role", "unknown"]
POWERFUL: tuple[Kind, ...] = ("secret", "legacy service_role")
PUBLIC: tuple[Kind, ...] = ("publishable", "legacy anon")


def kind(key: str) -> Kind:
    """The kind of an API key. A legacy one is a token; what it says of its role is read unverified."""
    if key.startswith("sb_publishable_"):
        return "publishable"
    if key.startswith("sb_secret_"):
        return "secret"
    role = claims(key).get("role")
    if role == "anon":
        return "legacy anon"
    return "legacy service_role" if role == "service_role" else "unknown"


def claims(key: str) -> dict[str, Any]:
    """What a legacy key says, unverified; nothing for a key of the new kind."""
    try:
        found: dict[str, Any] = jwt.decode(key, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}
    return found


def signed_with(secret: str, key: str) -> bool:
    """Whether a legacy key bears the secret's signature."""
    try:
        jwt.decode(key, secret, algorithms=["HS256"], options={"verify_exp": False, "verify_aud": False})
    except jwt.PyJWTError:
        return False
    return True
