"""Bad tokens at every protected address: always the same 401, and nothing happens."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any

import django
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.urls import URLPattern, URLResolver, get_resolver

from local_stack.groq_stand_in import StandIn
from tests.api.accounts import NOT_AUTHENTICATED, Owner, assert_not_authenticated, error_of, get_profile
from tests.api.conftest import SignIn
from tests.cast import Actor, sign_up
from tests.clients import http_client
from tests.conftest import NewActor, NewServer
from tests.processes import Server

OPEN = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/auth/signup/",
    "/api/auth/login/",
    "/api/auth/refresh/",
    "/api/auth/password-reset/",
    "/api/auth/password-reset/confirm/",
    "/api/models/",
    "/api/schema/",
    "/api/docs/",
}
SEGMENTS = {"<str:session_id>": "chat", "<uuid:training_id>": "00000000-0000-4000-8000-000000000000"}
# Good for every address, so that nothing but the token can be the reason of a refusal.
BODY = {
    "message": "Hello",
    "session_id": "chat",
    "content": "A text",
    "title": "A title",
    "default_session_id": "chat",
    "password": "correct horse battery staple",
    "current_password": "correct horse battery staple",
    "new_password": "something completely different",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

Call = tuple[str, str]


def addresses() -> Iterator[tuple[str, Any]]:
    """Every address of the URLconf with its view, placeholders filled in."""
    django.setup()
    yield from _walk(get_resolver().url_patterns, "/")


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Any]]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, route)
            continue
        for placeholder, value in SEGMENTS.items():
            route = route.replace(placeholder, value)
        assert "<" not in route, f"say in SEGMENTS what to put into {route}"
        yield route, entry.callback


@pytest.fixture(scope="module")
def protected() -> list[Call]:
    """Every method at every address that asks for a token."""
    return [
        (method, path)
        for path, view in addresses()
        if path not in OPEN
        for method in METHODS
        if hasattr(view.view_class, method.lower())
    ]


class Forge:
    """Makes tokens out of one person's: rightly signed unless said otherwise."""

    def __init__(self, person: Actor, environment: Mapping[str, str]) -> None:
        assert person.token is not None
        self.token = person.token
        self.refresh_token = str(person.refresh_token)
        self.claims = person.claims
        self.environment = environment
        self.secret = environment["SUPABASE_JWT_SECRET"]

    def signed(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        return self.raw({"alg": "HS256", "typ": "JWT", **(header or {})}, {**self.claims, **changes})

    def without(self, *names: str) -> str:
        return self.raw({"alg": "HS256", "typ": "JWT"}, {k: v for k, v in self.claims.items() if k not in names})

    def raw(self, header: Any, claims: Any, secret: str | bytes | None = None) -> str:
        """Whatever is given, bytes as they are, signed with HMAC-SHA256: our own secret by default."""
        key = self.secret if secret is None else secret
        start = ".".join(
            _b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, claims)
        )
        key = key.encode() if isinstance(key, str) else key
        return f"{start}.{_b64(hmac.digest(key, start.encode(), hashlib.sha256))}"

    def unsigned(self, algorithm: Any, signature: str = "") -> str:
        return self.raw({"alg": algorithm, "typ": "JWT"}, self.claims).rpartition(".")[0] + "." + signature

    def by_key(self, algorithm: str, header: Mapping[str, Any] | None = None) -> str:
        """Signed with a key of the forger's own."""
        return jwt.encode(self.claims, KEYS[algorithm], algorithm, headers=dict(header or {}))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}
PUBLIC_PEM = (
    KEYS["RS256"].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)
JWK = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEYS["ES256"].public_key()))
NOW = int(time.time())

CORPUS: dict[str, Callable[[Forge], str]] = {
    # The algorithm
    **{
        f"alg {alg!r}": partial(Forge.unsigned, algorithm=alg)
        for alg in ("none", "None", "NONE", "nOnE", "", None, "none ")
    },
    "alg none, a signature left on": lambda f: f.unsigned("none", f.token.rpartition(".")[2]),
    "alg missing": lambda f: f.raw({"typ": "JWT"}, f.claims),
    "alg a number": lambda f: f.raw({"alg": 256}, f.claims),
    "alg a list": lambda f: f.raw({"alg": ["HS256"]}, f.claims),
    "alg in small letters": lambda f: f.raw({"alg": "hs256"}, f.claims),
    "alg HS512": lambda f: jwt.encode(f.claims, f.secret, "HS512"),
    "alg HS384": lambda f: jwt.encode(f.claims, f.secret, "HS384"),
    "alg ES256, signed with the secret": lambda f: f.raw({"alg": "ES256", "kid": "a"}, f.claims),
    "alg RS256, signed with the secret": lambda f: f.raw({"alg": "RS256", "kid": "a"}, f.claims),
    "alg PS256": lambda f: jwt.encode(f.claims, KEYS["RS256"], "PS256", headers={"kid": "a"}),
    # The key
    "a retired secret": lambda f: f.raw({"alg": "HS256"}, f.claims, "a secret of last year, long enough for HS256"),
    "an empty secret": lambda f: f.raw({"alg": "HS256"}, f.claims, b""),
    "HS256 with a public key": lambda f: f.raw({"alg": "HS256", "typ": "JWT"}, f.claims, PUBLIC_PEM),
    "HS256 with the publishable key": lambda f: f.raw({"alg": "HS256"}, f.claims, f.environment["SUPABASE_KEY"]),
    "ES256 by a key of one's own": lambda f: f.by_key("ES256", {"kid": "mine"}),
    "RS256 by a key of one's own": lambda f: f.by_key("RS256", {"kid": "mine"}),
    "ES256 without a kid": lambda f: f.by_key("ES256"),
    "kid a path": lambda f: f.by_key("ES256", {"kid": "../../../../dev/null"}),
    "kid SQL": lambda f: f.by_key("ES256", {"kid": "' union select 'key' --"}),
    "kid with NUL": lambda f: f.by_key("ES256", {"kid": "a\x00b"}),
    "kid of 5 kB": lambda f: f.by_key("ES256", {"kid": "k" * 5_000}),
    "kid of 10 kB": lambda f: f.by_key("ES256", {"kid": "k" * 10_000}),
    "kid a number": lambda f: f.raw({"alg": "ES256", "kid": 7}, f.claims),
    "kid a list, rightly signed": lambda f: f.signed({"kid": ["a"]}),
    "jku": lambda f: f.by_key("ES256", {"kid": "mine", "jku": "http://127.0.0.1:9/jwks.json"}),
    "x5u": lambda f: f.by_key("RS256", {"kid": "mine", "x5u": "http://127.0.0.1:9/x.pem"}),
    "an embedded jwk": lambda f: f.by_key("ES256", {"kid": "mine", "jwk": JWK}),
    "an embedded jwk, HS256": lambda f: f.raw(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": _b64(b"mine" * 8)}}, f.claims, b"mine" * 8
    ),
    "crit, rightly signed": lambda f: f.signed({"crit": ["exp"]}),
    "crit unknown, rightly signed": lambda f: f.signed(
        {"crit": ["http://example.com/unknown"], "http://example.com/unknown": 1}
    ),
    "crit empty, rightly signed": lambda f: f.signed({"crit": []}),
    "b64 false, rightly signed": lambda f: f.signed({"b64": False}),
    # Times, all rightly signed
    "expired": lambda f: f.signed(exp=NOW - 60),
    "expired long ago": lambda f: f.signed(exp=1),
    "exp negative": lambda f: f.signed(exp=-1),
    "exp missing": lambda f: f.without("exp"),
    "exp text": lambda f: f.signed(exp="tomorrow"),
    "exp digits in text": lambda f: f.signed(exp=str(NOW + 3600)),
    "exp null": lambda f: f.signed(exp=None),
    "exp true": lambda f: f.signed(exp=True),
    "exp a list": lambda f: f.signed(exp=[NOW + 3600]),
    "exp an object": lambda f: f.signed(exp={"at": NOW + 3600}),
    "exp infinite": lambda f: f.signed(exp=float("inf")),
    "exp not a number": lambda f: f.signed(exp=float("nan")),
    "exp beyond every float": lambda f: f.signed(exp=10**400),
    "nbf in the future": lambda f: f.signed(nbf=NOW + 3600),
    "nbf text": lambda f: f.signed(nbf="later"),
    "nbf infinite": lambda f: f.signed(nbf=float("inf")),
    "iat in the future": lambda f: f.signed(iat=NOW + 3600),
    "iat text": lambda f: f.signed(iat="earlier"),
    "iat infinite": lambda f: f.signed(iat=float("inf")),
    # For whom and from whom, all rightly signed
    "aud wrong": lambda f: f.signed(aud="anon"),
    "aud missing": lambda f: f.without("aud"),
    "aud null": lambda f: f.signed(aud=None),
    "aud a list": lambda f: f.signed(aud=["authenticated"]),
    "aud in other letters": lambda f: f.signed(aud="Authenticated"),
    "iss present": lambda f: f.signed(iss="https://evil.example.com/auth/v1"),
    "iss a look-alike": lambda f: f.signed(iss=f.environment["SUPABASE_URL"] + "/auth/v1"),
    "iss null": lambda f: f.signed(iss=None),
    "iss empty": lambda f: f.signed(iss=""),
    "sub missing": lambda f: f.without("sub"),
    "sub null": lambda f: f.signed(sub=None),
    "sub empty": lambda f: f.signed(sub=""),
    "sub a number": lambda f: f.signed(sub=7),
    "sub no UUID": lambda f: f.signed(sub="alice"),
    "sub with NUL": lambda f: f.signed(sub=f.claims["sub"] + "\x00"),
    "sub in capitals": lambda f: f.signed(sub=f"{{{f.claims['sub']}}}"),
    "sub somebody unknown": lambda f: f.signed(sub=str(uuid.uuid4())),
    "sub a list": lambda f: f.signed(sub=[f.claims["sub"]]),
    "role anon": lambda f: f.signed(role="anon"),
    "role service_role": lambda f: f.signed(role="service_role"),
    "role postgres": lambda f: f.signed(role="postgres"),
    "role missing": lambda f: f.without("role"),
    "role null": lambda f: f.signed(role=None),
    "role a list": lambda f: f.signed(role=["authenticated"]),
    "anonymous": lambda f: f.signed(is_anonymous=True),
    "anonymous, in text": lambda f: f.signed(is_anonymous="true"),
    "anonymous, by a number": lambda f: f.signed(is_anonymous=1),
    "anonymous null": lambda f: f.signed(is_anonymous=None),
    "session_id missing": lambda f: f.without("session_id"),
    "session_id unknown": lambda f: f.signed(session_id=str(uuid.uuid4())),
    "session_id no UUID": lambda f: f.signed(session_id="mine"),
    "session_id a number": lambda f: f.signed(session_id=7),
    "session_id null": lambda f: f.signed(session_id=None),
    "session_id a list": lambda f: f.signed(session_id=[f.claims["session_id"]]),
    "jti a number": lambda f: f.signed(jti=7),
    # How the session began, all rightly signed: with a mail alone, it may only set a password
    **{
        f"began by {methods}": partial(Forge.signed, amr=[{"method": each, "timestamp": NOW} for each in methods])
        for methods in (("otp",), ("recovery",), ("magiclink",), ("otp", "recovery"), ("otp", "totp"), ("totp", "otp"))
    },
    # The form
    "claims a list": lambda f: f.raw({"alg": "HS256"}, []),
    "claims null": lambda f: f.raw({"alg": "HS256"}, None),
    "claims no JSON": lambda f: f.raw({"alg": "HS256"}, b"{"),
    "claims not UTF-8": lambda f: f.raw({"alg": "HS256"}, b'{"a":"\xff"}'),
    "claims very deep": lambda f: f.raw({"alg": "HS256"}, b"[" * 5_000),
    "header a list": lambda f: f.raw([], f.claims),
    "header no JSON": lambda f: f.raw(b"{", f.claims),
    "header very deep": lambda f: f.raw(b"[" * 3_000, f.claims),
    "header null": lambda f: f.raw(None, f.claims),
    "one part": lambda f: f.token.replace(".", ""),
    "two parts": lambda f: f.token.rpartition(".")[0],
    "four parts": lambda f: f"{f.token}.{f.token.rpartition('.')[2]}",
    "a dot at the end": lambda f: f"{f.token}.",
    "empty parts": lambda f: "..",
    "no signature": lambda f: f.token.rpartition(".")[0] + ".",
    "padding": lambda f: f"{f.token}=",
    "more padding": lambda f: f"{f.token}==",
    "padding in the middle": lambda f: f.token.replace(".", "=.", 1),
    "a blank before": lambda f: f" {f.token}",
    "a blank within": lambda f: f.token[:-5] + " " + f.token[-5:],
    "a tab within": lambda f: f.token[:-5] + "\t" + f.token[-5:],
    "a comma after": lambda f: f"{f.token},",
    "quoted": lambda f: f'"{f.token}"',
    "not ASCII after": lambda f: f"{f.token}é",
    "not ASCII": lambda f: "жетон.жетон.жетон",
    "signature in the other base64": lambda f: f.token[:-5] + "+/" + f.token[-3:],
    "a letter more": lambda f: f"{f.token}A",
    "a letter less": lambda f: f.token[:-1],
    "the signature's spare bits set": lambda f: f.token[:-1] + _next_letter(f.token[-1]),
    "16 kB": lambda f: f.signed(padding="x" * 12_000),
    "another 16 kB": lambda f: "A" * 16_000,
    # What is something else
    "the refresh token": lambda f: f.refresh_token,
    "the publishable key": lambda f: f.environment["SUPABASE_KEY"],
    "the secret key": lambda f: f.environment["SUPABASE_SECRET_KEY"],
    "the JWT secret": lambda f: f.secret,
    "an anon key of the old kind": lambda f: f.raw(
        {"alg": "HS256"}, {"role": "anon", "iss": "supabase", "iat": NOW, "exp": NOW + 3600}
    ),
    "a service key of the old kind": lambda f: f.raw(
        {"alg": "HS256"}, {"role": "service_role", "iss": "supabase", "iat": NOW, "exp": NOW + 3600}
    ),
    "null in text": lambda f: "null",
    "undefined in text": lambda f: "undefined",
}


def _next_letter(letter: str) -> str:
    """The base64 letter that differs in the last bit only, which an HMAC-SHA256 does not use."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) ^ 1]


@pytest.fixture(scope="module")
async def forge(postgres_server: Server, environment: Mapping[str, str]) -> AsyncIterator[Forge]:
    """Of somebody of its own: a token that was taken after all would end the session, or the account."""
    victim = await sign_up(postgres_server.url, "victim")
    yield Forge(victim, environment)
    await victim.close()


@pytest.fixture(scope="module")
async def http(postgres_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(postgres_server.url) as http:
        yield http


@pytest.fixture
async def nothing_happens(owner_sql: Owner, model: StandIn) -> AsyncIterator[None]:
    """Whatever the test does, no row comes or goes and the model is not asked."""
    before = (await _rows(owner_sql), model.total)
    yield
    assert (await _rows(owner_sql), model.total) == before


async def _rows(owner: Owner) -> tuple[Any, ...]:
    tables = ("public.messages", "public.training_data", "auth.users", "auth.sessions", "auth.refresh_tokens")
    counts = ", ".join(f"(select count(*) from {table})" for table in tables)
    row = await (await owner.execute(f"select {counts}".encode())).fetchone()
    assert row is not None
    return tuple(row)


async def ask(http: httpx.AsyncClient, call: Call, headers: Any) -> httpx.Response:
    method, path = call
    body = {} if method == "GET" else {"json": BODY}
    return await http.request(method, path, headers=headers, **body)  # type: ignore[arg-type]  # no other options


async def ask_all(http: httpx.AsyncClient, calls: list[Call], headers: Any) -> None:
    """Every call is refused in the same way."""
    for response in await asyncio.gather(*(ask(http, call, headers) for call in calls)):
        assert_not_authenticated(response)
        assert set(response.headers) <= {
            *("content-type", "content-length", "date", "server", "www-authenticate", "x-request-id", "allow", "vary"),
            # The last is a proxy's.
            *("cache-control", "connection"),
            *("x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "x-frame-options"),
            *("permissions-policy", "cross-origin-resource-policy"),
        } | {name for name in response.headers if name.startswith("content-security")}


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"Authorization": f"Bearer {token}".encode()}


async def test_every_address_is_protected_or_on_the_list_of_open_ones() -> None:
    known = {path for path, _ in addresses()}
    assert known > OPEN
    assert len(known - OPEN) >= 14


async def test_the_forger_makes_good_tokens_when_it_changes_nothing(forge: Forge, http: httpx.AsyncClient) -> None:
    """So what the other tests change is the reason why a token is refused."""
    good = [forge.token, forge.signed(), forge.signed({"typ": "at+jwt"}), forge.signed(is_anonymous=False)]
    # What people can write about themselves gives them nothing and takes nothing away.
    good.append(forge.signed(user_metadata={"role": "admin", "is_staff": True}, app_metadata={}, aal="aal1"))
    began: tuple[list[str], ...] = (
        [],
        ["password"],
        ["password", "otp"],
        ["otp", "password"],
        ["oauth"],
        ["password", "totp"],
        ["totp"],
    )
    good += [forge.signed(amr=[{"method": each, "timestamp": NOW} for each in methods]) for methods in began]
    for token in good:
        assert (await http.get("/api/auth/profile/", headers=bearer(token))).status_code == 200


@pytest.mark.usefixtures("nothing_happens")
async def test_without_a_token_every_protected_address_refuses(http: httpx.AsyncClient, protected: list[Call]) -> None:
    await ask_all(http, protected, {})


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("name", CORPUS)
async def test_a_bad_token_is_refused_everywhere(
    name: str, forge: Forge, http: httpx.AsyncClient, protected: list[Call], postgres_server: Server
) -> None:
    token = CORPUS[name](forge)
    await ask_all(http, protected, bearer(token))
    assert len(token) < 12 or token not in postgres_server.log.read_text()


@pytest.mark.usefixtures("nothing_happens")
async def test_every_flipped_bit_is_noticed(forge: Forge, http: httpx.AsyncClient) -> None:
    whole = forge.token.encode()
    dice = random.Random(20261122)
    places = [(place, bit) for place in range(len(whole)) for bit in range(7)]
    tokens = {_flipped(whole, *place) for place in [*dice.sample(places, 200), *places[-43 * 7 :]]}
    # No client can send a control character in a header, nor a space at its end.
    sendable = [token for token in tokens if min(token) >= 0x20 and max(token) != 0x7F and token == token.strip()]
    assert len(sendable) > 350
    calls: list[Call] = [("GET", "/api/auth/profile/"), ("POST", "/api/chat/stream/")]
    for token in sendable:
        headers = {"Authorization": b"Bearer " + token}
        for response in await asyncio.gather(*(ask(http, call, headers) for call in calls)):
            assert_not_authenticated(response)


def _flipped(token: bytes, place: int, bit: int) -> bytes:
    return token[:place] + bytes([token[place] ^ 1 << bit]) + token[place + 1 :]


@pytest.mark.usefixtures("nothing_happens")
async def test_a_megabyte_is_refused_and_the_server_lives(http: httpx.AsyncClient, alice: Actor) -> None:
    try:
        response = await http.get("/api/auth/profile/", headers=bearer("A" * 1_000_000))
        assert response.status_code in {400, 401, 431}
    except httpx.TransportError:
        pass  # the server hung up on it
    assert (await alice.call("GET", "/api/auth/profile/")).status_code == 200


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "{}", "Basic {}", "Token {}", "JWT {}", "Bearer{}", "Bearer:{}", "Bearer\t{}", "Bearer  {}"],
)
async def test_another_form_of_the_header_is_refused(
    header: str, forge: Forge, http: httpx.AsyncClient, protected: list[Call]
) -> None:
    await ask_all(http, protected, {"Authorization": header.format(forge.token)})


async def test_the_scheme_may_be_in_small_letters(forge: Forge, http: httpx.AsyncClient) -> None:
    response = await http.get("/api/auth/profile/", headers={"Authorization": f"bearer {forge.token}"})
    assert response.status_code == 200


# nginx refuses these itself, with 400 (tests/cluster/test_nginx.py).
@pytest.mark.past_nginx
@pytest.mark.usefixtures("nothing_happens")
async def test_two_headers_are_refused_whatever_they_say(
    forge: Forge, http: httpx.AsyncClient, protected: list[Call]
) -> None:
    good = f"Bearer {forge.token}"
    for pair in (
        (good, good),
        (good, "Bearer rubbish"),
        ("Bearer rubbish", good),
        (good, ""),
        ("", good),
        (good, "Basic a"),
    ):
        await ask_all(http, protected, [("Authorization", value) for value in pair])


@pytest.mark.usefixtures("nothing_happens")
async def test_a_token_counts_nowhere_but_in_the_header(
    forge: Forge, http: httpx.AsyncClient, protected: list[Call]
) -> None:
    names = ("access_token", "token", "authorization", "Authorization", "apikey", "jwt", "sb-access-token")
    everywhere = dict.fromkeys(names, forge.token)
    cookie = "; ".join(f"{name}={value}" for name, value in everywhere.items())
    headers = {
        "Cookie": cookie,
        "apikey": forge.token,
        "X-Access-Token": forge.token,
        "Proxy-Authorization": f"Bearer {forge.token}",
    }
    for method, path in protected:
        body = {} if method == "GET" else {"json": {**BODY, **everywhere}}
        response = await http.request(method, path, params=everywhere, headers=headers, **body)  # type: ignore[arg-type]
        assert_not_authenticated(response)


@pytest.mark.usefixtures("nothing_happens")
async def test_the_other_door_refuses_the_same(forge: Forge, protected: list[Call], data_api_server: Server) -> None:
    """A sample, since the code is the same; above all those that only the database can tell."""
    names = ("session_id unknown", "sub somebody unknown", "role service_role", "expired", "iss present", "padding")
    async with httpx.AsyncClient(base_url=data_api_server.url, timeout=20) as http:
        for name in names:
            await ask_all(http, protected, bearer(CORPUS[name](forge)))


async def test_somebody_elses_session_does_not_fit_ones_own_name(
    forge: Forge, bob: Actor, http: httpx.AsyncClient, protected: list[Call]
) -> None:
    await ask_all(http, protected, bearer(forge.signed(session_id=bob.claims["session_id"])))


async def test_the_answer_is_the_same_to_the_byte(forge: Forge, http: httpx.AsyncClient) -> None:
    texts = set()
    for build in CORPUS.values():
        response = await http.get(
            "/api/auth/profile/",
            headers={**bearer(build(forge)), b"X-Request-ID": b"always-the-same"},
        )
        texts.add(response.content)
    assert len(texts) == 1
    assert json.loads(texts.pop()) == {**NOT_AUTHENTICATED, "request_id": "always-the-same"}


@pytest.mark.parametrize(
    "change",
    [
        "delete from auth.users where id = %s",
        "update auth.users set banned_until = now() + interval '1 hour' where id = %s",
        "update auth.users set deleted_at = now() where id = %s",
        "delete from auth.sessions where user_id = %s",
        "update auth.sessions set not_after = now() - interval '1 second' where user_id = %s",
    ],
    ids=lambda text: " ".join(text.split()[:5]),
)
async def test_what_supabase_has_ended_is_refused_at_once_by_every_server(
    change: str, newcomer: NewActor, owner_sql: Owner, postgres_server: Server, data_api_server: Server
) -> None:
    carol = await newcomer("carol")
    servers = (postgres_server, data_api_server)
    for server in servers:
        assert (await get_profile(server.url, carol.token)).status_code == 200
    await owner_sql.execute(change.encode(), [carol.id])
    for server in servers:
        there = carol.on(server.url)
        assert_not_authenticated(await there.call("GET", "/api/auth/profile/"))
        assert_not_authenticated(await there.call("POST", "/api/chat/", {"message": "x", "session_id": "chat"}))
        assert_not_authenticated(await there.call("POST", "/api/chat/stream/", {"message": "x", "session_id": "chat"}))
        assert_not_authenticated(await there.call("GET", "/api/chat/conversation/chat/"))


async def test_an_unknown_address_needs_no_token_to_be_unknown(anon: Actor) -> None:
    response = await anon.call("GET", "/api/nothing/")
    assert response.status_code == 404
    assert error_of(response)["code"] == "not_found"


async def test_without_the_secret_supabase_itself_is_asked(
    new_server: NewServer, alice: Actor, sign_in: SignIn, forge: Forge
) -> None:
    server = await new_server(SUPABASE_JWT_SECRET="")
    session = await sign_in(alice.email)
    there = session.on(server.url)
    assert (await there.call("GET", "/api/auth/profile/")).json()["user"]["id"] == alice.id
    assert (await there.call("POST", "/api/chat/", {"message": "Hello"})).status_code == 200
    for name in (
        "a retired secret",
        "alg 'none'",
        "no signature",
        "expired",
        "session_id unknown",
        "sub somebody unknown",
        "role service_role",
        "anonymous",
        "aud wrong",
        "ES256 by a key of one's own",
        "the secret key",
    ):
        assert_not_authenticated(await get_profile(server.url, CORPUS[name](forge)))
    await session.call("POST", "/api/auth/logout/")
    assert_not_authenticated(await there.call("GET", "/api/auth/profile/"))
