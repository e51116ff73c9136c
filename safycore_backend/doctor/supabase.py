"""Supabase over HTTP: is it there, are these its keys, how does it sign, who may sign up, what time is it there."""

import time
import uuid
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import jwt
import msgspec
from django.conf import settings

from safycore_backend.doctor import keys
from safycore_backend.doctor.examination import Check, Facts
from safycore_backend.doctor.report import Outcome, fail, ok, warn
from safycore_backend.environment import is_this_machine

MOST_SECONDS_OFF = 5.0
_ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}
_COPY_URL = "Copy SUPABASE_URL from the project's Connect dialog: https://<project>.supabase.co, without a path."
_COPY_KEY = "Copy the publishable key from the project's settings, API Keys, into SUPABASE_KEY."
_COPY_SIGNING = "Copy the legacy JWT secret from the project's settings, JWT Keys, into SUPABASE_JWT_SECRET."
_NEEDS_KEY = ("supabase.reachable", "supabase.key_kind", "supabase.key")


async def _get(facts: Facts, path: str, **headers: str) -> httpx.Response:
    return await facts.http.get(f"{settings.SUPABASE_URL}{path}", headers=headers)


def _json(response: httpx.Response) -> Any:
    try:
        return msgspec.json.decode(response.content)
    except msgspec.MsgspecError:
        return None


async def reachable(facts: Facts) -> Outcome:
    url = settings.SUPABASE_URL
    before = time.time()
    try:
        # Without a key: whether that is right is another question.
        response = await _get(facts, "/auth/v1/health")
    except httpx.HTTPError as exc:
        return fail(
            f"{url} cannot be reached ({type(exc).__name__})",
            _COPY_URL,
            "A project that was paused is restored in the dashboard; this machine must reach it over https.",
        )
    facts.supabase_ahead = _ahead(response, (before + time.time()) / 2)
    if response.status_code >= 500:
        return fail(
            f"{url} answers {response.status_code}", "See the project's status in the dashboard; try again later."
        )
    if not isinstance(_json(response), dict):
        return fail(f"{url} answers, but not as Supabase Auth does", _COPY_URL)
    if not url.startswith("https://") and not is_this_machine(url):
        return fail(f"{url} is not https: keys and passwords travel in the open", _COPY_URL)
    return ok(url)


def _ahead(response: httpx.Response, here: float) -> float | None:
    """How many seconds the other clock is ahead of ours; its Date has whole seconds, so half a one is added."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp() + 0.5 - here
    except (KeyError, ValueError):
        return None


async def key_kind(facts: Facts) -> Outcome:
    kind = keys.kind(settings.SUPABASE_KEY)
    if kind in keys.POWERFUL:
        return fail(
            f"SUPABASE_KEY is a {kind} key, which passes row level security",
            _COPY_KEY,
            "A secret key belongs into SUPABASE_SECRET_KEY, and only where an administrative command needs it.",
        )
    if kind == "unknown":
        return warn("SUPABASE_KEY is of no kind that is known here", _COPY_KEY)
    if kind == "legacy anon":
        return ok("a legacy anon key", "Supabase retires these: make a publishable key and use that one.")
    return ok(f"a {kind} key")


async def key(facts: Facts) -> Outcome:
    response = await _get(facts, "/auth/v1/settings", apikey=settings.SUPABASE_KEY)
    found = _json(response)
    if response.status_code in {401, 403}:
        return fail("Supabase does not take SUPABASE_KEY", _COPY_KEY, "See that key and URL are of the same project.")
    if response.status_code != 200 or not isinstance(found, dict):
        return fail(f"Supabase answers {response.status_code} to it", _COPY_URL, _COPY_KEY)
    facts.auth_settings = found
    return ok("Supabase takes it")


async def secret_key(facts: Facts) -> Outcome:
    if not settings.SUPABASE_SECRET_KEY:
        return ok("not set, as a server needs it")
    kind = keys.kind(settings.SUPABASE_SECRET_KEY)
    copy = "Copy a secret key (sb_secret_...) from the project's settings, API Keys, or leave the variable out."
    if kind in keys.PUBLIC:
        return fail(f"SUPABASE_SECRET_KEY is a {kind} key", copy)
    response = await _get(facts, "/rest/v1/", apikey=settings.SUPABASE_SECRET_KEY)
    if response.status_code == 401:
        return fail("Supabase does not take SUPABASE_SECRET_KEY", copy)
    return ok(f"a {kind} key; no request uses it")


async def key_set(facts: Facts) -> Outcome:
    response = await _get(facts, "/auth/v1/.well-known/jwks.json")
    found = _json(response)
    published = found.get("keys") if isinstance(found, dict) else None
    if response.status_code != 200 or not isinstance(published, list):
        return fail(f"the key set cannot be read (status {response.status_code})", _COPY_URL)
    kinds = {str(each.get("kty")) for each in published if isinstance(each, dict)}
    facts.algorithms = sorted(_ALGORITHMS[each] for each in kinds & _ALGORITHMS.keys())
    if facts.algorithms:
        return ok(f"tokens are signed with {' and '.join(facts.algorithms)}; {len(published)} public keys")
    if kinds:
        return fail(
            f"the key set has keys of other kinds only ({', '.join(sorted(kinds))})",
            "Make a signing key of kind ES256 or RS256 in the project's settings, JWT Keys, and rotate to it.",
        )
    if settings.SUPABASE_JWT_SECRET:
        return ok("it is empty: tokens are signed with a shared secret (HS256)")
    return warn(
        "it is empty and SUPABASE_JWT_SECRET is not set: Supabase is asked about every token, which is slow",
        "Migrate the project to signing keys (settings, JWT Keys); until then set SUPABASE_JWT_SECRET.",
    )


async def jwt_secret(facts: Facts) -> Outcome:
    secret = settings.SUPABASE_JWT_SECRET
    if not secret:
        return ok("not set")
    signed = [key for key in (settings.SUPABASE_KEY, settings.SUPABASE_SECRET_KEY) if keys.claims(key)]
    if signed and not keys.signed_with(secret, signed[0]):
        return fail("the project's legacy key is not signed with SUPABASE_JWT_SECRET", _COPY_SIGNING)
    if not await _verifies(facts, secret):
        return fail(
            "Supabase does not verify what is signed with SUPABASE_JWT_SECRET",
            "Leave SUPABASE_JWT_SECRET out." if facts.algorithms else _COPY_SIGNING,
        )
    if facts.algorithms:
        return warn(
            "Supabase still verifies HS256 beside its signing keys: whoever has the secret can be anybody",
            "Once no old token is left, revoke the legacy secret (settings, JWT Keys) and leave the variable out.",
        )
    return ok("Supabase verifies what is signed with it")


async def _verifies(facts: Facts, secret: str) -> bool:
    """Ask with a token of nobody's: a server that verifies it says that there is no such person."""
    now = int(time.time())
    nobody = {"sub": str(uuid.uuid4()), "session_id": str(uuid.uuid4()), "role": "authenticated"}
    issuer = {"iss": settings.SUPABASE_JWT_ISSUER} if settings.SUPABASE_JWT_ISSUER else {}
    token = jwt.encode({**nobody, **issuer, "aud": "authenticated", "iat": now, "exp": now + 60}, secret, "HS256")
    response = await _get(facts, "/auth/v1/user", apikey=settings.SUPABASE_KEY, Authorization=f"Bearer {token}")
    answer = _json(response)
    code = (answer.get("error_code") or answer.get("code")) if isinstance(answer, dict) else None
    return code in {"user_not_found", "session_not_found"}


async def sign_up(facts: Facts) -> Outcome:
    found = facts.auth_settings
    if not found.get("external", {}).get("email", True):
        return fail(
            "the project's e-mail provider is off: nobody can sign in with a password",
            "Switch it on: Authentication, Sign In / Providers, Email.",
        )
    confirmed = (
        "addresses are taken as they are" if found.get("mailer_autoconfirm") else "addresses are confirmed by mail"
    )
    if found.get("disable_signup"):
        return warn(
            f"sign-up is closed; {confirmed}",
            "Where people should sign up themselves: Authentication, Sign In / Providers, Allow new users to sign up.",
        )
    if found.get("mailer_autoconfirm") and not is_this_machine(settings.SITE_URL):
        return warn(
            f"anybody can sign up; {confirmed}",
            "Set up a mail server of your own (SMTP), then Confirm email: Authentication, Sign In / Providers.",
        )
    return ok(f"anybody can sign up; {confirmed}")


async def redirects(facts: Facts) -> Outcome:
    page = f"{settings.SITE_URL}/reset-password"
    if is_this_machine(settings.SUPABASE_URL):
        return ok(f"links in mails lead to {page}")
    return ok(
        f"links in mails lead to {page}; what the project allows cannot be asked from here",
        f"See Authentication, URL Configuration: Site URL {settings.SITE_URL}, and {page} among the redirect URLs.",
    )


async def clock(facts: Facts) -> Outcome:
    if facts.supabase_ahead is None:
        return ok("Supabase told no time")
    return drift(facts.supabase_ahead, "Supabase")


def drift(ahead: float, whose: str) -> Outcome:
    """The verdict on a clock that is so many seconds ahead of this machine's."""
    told = f"{abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} {whose}"
    if abs(ahead) > MOST_SECONDS_OFF:
        return fail(
            f"this machine's clock is {told}: good tokens are refused, or old ones taken",
            "Set this machine's clock by NTP, for example: timedatectl set-ntp true",
        )
    return ok(f"within {MOST_SECONDS_OFF:.0f} s of {whose}'s")


async def functions(facts: Facts) -> Outcome:
    """Whether the Data API shows our functions. It tells nobody who calls without a token more than that."""
    address = f"{settings.SUPABASE_URL}/rest/v1/rpc/session_is_live"
    response = await facts.http.post(address, json={}, headers={"apikey": settings.SUPABASE_KEY})
    if response.status_code == 404:
        return fail(
            "it does not show our functions",
            "Apply the migrations (see docs/operations/hosted-supabase.md); then see that it is on and shows public.",
        )
    return ok(
        "it shows our functions; this server reaches people's rows through it",
        "Set SUPABASE_DB_URL and run close_data_api, so that people cannot use it past the server's limits.",
    )


_BASE = (
    Check("supabase.reachable", "Supabase", reachable, silent=_COPY_URL),
    Check("supabase.key_kind", "SUPABASE_KEY, its kind", key_kind),
    Check("supabase.key", "SUPABASE_KEY", key, ("supabase.reachable", "supabase.key_kind")),
    Check("supabase.secret_key", "SUPABASE_SECRET_KEY", secret_key, ("supabase.reachable",)),
    Check("supabase.key_set", "Key set", key_set, ("supabase.reachable",)),
    Check("supabase.jwt_secret", "SUPABASE_JWT_SECRET", jwt_secret, (*_NEEDS_KEY, "supabase.key_set")),
    Check("supabase.sign_up", "Sign-up", sign_up, _NEEDS_KEY),
    Check("supabase.redirects", "Redirect addresses", redirects),
    Check("supabase.clock", "Clock, by Supabase", clock, ("supabase.reachable",)),
)
_FUNCTIONS = Check("supabase.functions", "Data API", functions, _NEEDS_KEY)


def checks() -> tuple[Check, ...]:
    """The Data API is asked only where the server uses it; else the database tells more."""
    return _BASE if settings.SUPABASE_DB_URL else (*_BASE, _FUNCTIONS)
