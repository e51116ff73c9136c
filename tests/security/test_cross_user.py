"""Mallory, signed in, tries whatever she can think of against Alice's and Bob's ids, while they go on talking.

Every text of theirs carries a canary. Each of her requests is counted: refused or empty, leaked, or a server error.
Afterwards the rows that she aimed at are, byte for byte, what they were.
"""

import asyncio
import json
import random
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import httpx
import psycopg
import pytest

from local_stack.groq_stand_in import StandIn
from tests.api.accounts import DjangoRows
from tests.api.test_isolation_http import METHODS, routes
from tests.cast import Actor, sign_up
from tests.processes import Server
from tests.security.report import cases, record

SEED = 20261122
AT_ONCE = 24
# The prompts that the stand-in model remembers are a thousand: looked at in between, none is missed.
AT_A_TIME = 400
OWN_MARK = "mallory-was-here"
# It would end Mallory's own session, and with it the attack: tried last.
LOGOUT = "/api/auth/logout/"
# Letters of Cyrillic and digits of full width that look like those of an id.
LOOK_ALIKES = str.maketrans(
    dict(zip("aceopxy", map(chr, (0x430, 0x441, 0x435, 0x43E, 0x440, 0x445, 0x443)), strict=True))
    | {digit: chr(0xFEE0 + ord(digit)) for digit in "0123456789"}
    | {"-": chr(0x2010)}
)


@dataclass
class Victim:
    """Somebody with one session, one text and one key that Mallory knows the ids of, and one that is in use."""

    actor: Actor
    canary: str
    session_id: str
    key: str
    message_ids: list[str] = field(default_factory=list)
    training_id: str = ""
    said: list[str] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [self.session_id, self.busy, self.training_id, *self.message_ids, self.actor.id, self.key]

    @property
    def busy(self) -> str:
        return f"{self.session_id}-busy"


@dataclass(frozen=True)
class Attack:
    method: str
    target: str
    body: dict[str, Any] | None
    headers: dict[str, str]


@dataclass
class Count:
    tried: int = 0
    refused: int = 0
    leaked: list[str] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


# The owners


async def settle(actor: Actor, name: str) -> Victim:
    """A person with a canary in each of their texts: message, reply, title, training data, default session."""
    canary = f"canary-{uuid.uuid4().hex}"
    victim = Victim(actor, canary, f"{name}-diary-{uuid.uuid4()}", f"key-{uuid.uuid4()}")
    message = f"{canary} question"
    answer = await actor.say(message, victim.session_id, training_data=f"{canary} fact", client_message_id=victim.key)
    assert canary in answer["response"]
    victim.seen = await actor.history(victim.session_id)
    victim.message_ids = [row["id"] for row in victim.seen]
    texts = await actor.call("GET", f"/api/chat/training-data/?session_id={victim.session_id}")
    victim.training_id = texts.json()["training_data"][0]["id"]
    await actor.call("PATCH", "/api/auth/profile/", {"default_session_id": victim.session_id})
    return victim


async def live(victim: Victim, over: asyncio.Event) -> None:
    """The owner's own traffic: it finds what it wrote, all of it, and nothing of Mallory's."""
    actor = victim.actor
    while not over.is_set():
        assert await actor.history(victim.session_id) == victim.seen
        victim.said.append(f"{victim.canary} {len(victim.said)}")
        answer = await actor.say(victim.said[-1], victim.busy)
        assert victim.said[-1] in answer["response"]
        for path in ("/api/chat/sessions/", f"/api/chat/training-data/?session_id={victim.session_id}"):
            found = await actor.call("GET", path)
            assert found.status_code == 200
            assert victim.canary in found.text
            assert OWN_MARK not in found.text


async def rows_of(victim: Victim, owner_sql: psycopg.AsyncConnection[Any], django_rows: DjangoRows) -> list[Any]:
    """All that is kept of the session and the person that Mallory aims at, past every policy."""
    found: list[Any] = []
    for table in ("messages", "training_data"):
        query = f"select * from {table} where user_id = %s and session_id = %s order by id"
        found += await (await owner_sql.execute(query, (victim.actor.id, victim.session_id))).fetchall()
    person = victim.actor.id.replace("-", "")
    mine = "where replace(user_id, '-', '') = ?"
    found += django_rows.all(
        f"select * from conversation_sessions {mine} and session_id = ?", person, victim.session_id
    )
    found += django_rows.all(f"select * from user_profiles {mine}", person)
    assert len(found) == 5, found
    return found


# Mallory


def disguises(identifier: str) -> Iterator[str]:
    """The id as it could stand in an address, and as something that a careless reader might take for it."""
    yield identifier
    yield identifier.upper()
    yield identifier.title()
    yield "".join(f"%{ord(character):02x}" for character in identifier)
    yield quote(quote(identifier, safe="").replace("-", "%2d"), safe="")
    for before, after in (
        *(("", "%20"), ("%20", ""), ("", "%09"), ("", "%00"), ("", "%0a"), ("", "."), ("", "%2f"), ("", "%2f..")),
        *(
            ("", "%e2%80%8b"),
            ("%ef%bb%bf", ""),
            ("", "%cc%81"),
            ("%e2%80%ae", ""),
            ("", ";x=1"),
            ("", "%23"),
            ("", "*"),
        ),
        *(
            ("..%2f", ""),
            ("x%2f..%2f", ""),
            ("./", ""),
            ("x/../", ""),
            ("", "/."),
            ("/", ""),
            ("{", "}"),
            ("urn:uuid:", ""),
        ),
        *(("'%20or%20session_id='", ""), ("%25", "%25"), ("%22", "%22"), ("%5b%22", "%22%5d"), ("eq.", "")),
    ):
        yield f"{before}{identifier}{after}"
    yield identifier.replace("-", "")
    yield quote(identifier.translate(LOOK_ALIKES))
    yield identifier[:-1] + "_"
    yield identifier[:8] + "%25"


def forged(chance: random.Random, victims: list[Victim]) -> tuple[Victim, str]:
    victim = chance.choice(victims)
    return victim, chance.choice(list(disguises(chance.choice(victim.ids))))


def body_of(chance: random.Random, victim: Victim, disguised: str) -> dict[str, Any]:
    """Every field that some address reads, and those that none may."""
    session_id = chance.choice([victim.session_id, victim.busy, unquote(disguised), str(uuid.uuid4())])
    wanted: dict[str, Any] = {
        "message": f"{OWN_MARK} tell me what was said",
        "content": OWN_MARK,
        "title": OWN_MARK,
        "training_data": OWN_MARK,
        "session_id": session_id,
        "default_session_id": session_id,
        "client_message_id": chance.choice([victim.key, str(uuid.uuid4())]),
        "email": victim.actor.email,
        **dict.fromkeys(("password", "current_password", "new_password"), "a wrong password"),
        **dict.fromkeys(("refresh_token", "token_hash"), victim.actor.id),
        **dict.fromkeys(("user_id", "owner", "sub", "user", "account"), victim.actor.id),
        **dict.fromkeys(("id", "message_id", "reply_to", "training_id"), chance.choice(victim.ids)),
        "role": "assistant",
        "is_staff": True,
        "seq": 1,
        "status": "complete",
        "created_at": "1999-01-01T00:00:00Z",
    }
    optional = {"training_data", "client_message_id", "session_id", "token_hash"}
    return {name: value for name, value in wanted.items() if name not in optional or chance.random() < 0.7}


def headers_of(chance: random.Random, victim: Victim) -> dict[str, str]:
    given = {
        "Idempotency-Key": victim.key,
        "X-User-Id": victim.actor.id,
        "X-Forwarded-User": victim.actor.email,
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": f"/api/chat/conversation/{victim.session_id}/",
        "Cookie": f"sb-user={victim.actor.id}",
        "Prefer": "return=representation",
        "Accept": chance.choice(["application/json", "text/event-stream", "text/plain"]),
    }
    return {name: value for name, value in given.items() if chance.random() < 0.25}


def attacks(chance: random.Random, victims: list[Victim]) -> Iterator[Attack]:
    """For ever: an address, a method, somebody's id in some disguise, in the path, the query, the body and headers."""
    paths = [path for path, _ in routes() if path != LOGOUT]
    # The doors hash passwords: the same kinds of tries, fewer of them.
    weights = [0.15 if path.startswith("/api/auth/") and "profile" not in path else 1 for path in paths]
    while True:
        victim, disguised = forged(chance, victims)
        path = aimed(chance.choices(paths, weights)[0], disguised)
        needs_query = path.endswith("training-data/")
        method = chance.choices([*METHODS, "HEAD", "OPTIONS"], [4, 4, 1, 2, 3, 0.5, 0.5])[0]
        yield Attack(
            method,
            f"{path}?{query_of(chance, victim, disguised)}" if needs_query or chance.random() < 0.5 else path,
            body_of(chance, victim, disguised) if method not in {"GET", "HEAD", "OPTIONS"} else None,
            headers_of(chance, victim),
        )


def aimed(path: str, disguised: str) -> str:
    """The address with this id where it takes one."""
    return re.sub(r"some-session|0{8}-[0-9-]+", lambda _: disguised, path)


def query_of(chance: random.Random, victim: Victim, disguised: str) -> str:
    names = ("session_id", "before", "search")
    chosen = (f"{name}={chance.choice([disguised, victim.session_id, '200'])}" for name in names)
    return "&".join((*chosen, f"user_id={victim.actor.id}", "versions=true", "limit=200"))


async def send(mallory: Actor, attack: Attack) -> httpx.Response:
    """With the target as it stands: the client would tidy it up first."""
    target = quote(attack.target, safe="/?&=%;.:*'{}~!$()+,@-_")
    return await mallory.http.request(
        attack.method,
        "/",
        json=attack.body,
        headers=attack.headers,
        extensions={"target": target.encode()},
    )


def judge(count: Count, attack: Attack, response: httpx.Response, mallory: Actor, victims: list[Victim]) -> None:
    told = f"{response.text} {dict(response.headers)}".lower()
    owners = set(re.findall(r'"user_id":"([^"]*)"', response.text)) - {mallory.id}
    count.tried += 1
    count.statuses[response.status_code] += 1
    if owners or any(victim.canary in told for victim in victims):
        count.leaked.append(f"{attack} {response.text}")
    elif response.status_code >= 500:
        count.server_errors.append(f"{attack} {response.text}")
    else:
        count.refused += 1


async def attack_with(
    mallory: Actor, victims: list[Victim], tries: int, count: Count, look: Callable[[], None]
) -> None:
    plan = attacks(random.Random(SEED), victims)
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(attack: Attack) -> None:
        async with at_once:
            judge(count, attack, await send(mallory, attack), mallory, victims)

    for start in range(0, tries, AT_A_TIME):
        await asyncio.gather(*(one(next(plan)) for _ in range(min(AT_A_TIME, tries - start))))
        look()


def test_the_disguises_are_many_and_begin_with_none() -> None:
    found = list(disguises(str(uuid.uuid4())))
    assert len(set(found)) == len(found) >= 35


def has_pool(server: Server) -> bool:
    """Whether this server goes to the rows by the Postgres door."""
    return "SUPABASE_DB_URL" in server.environment


@asynccontextmanager
async def closing(server: Server, name: str) -> AsyncIterator[Actor]:
    actor = await sign_up(server.url, name)
    yield actor
    await actor.close()


@pytest.fixture
async def people() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def test_nothing_that_mallory_tries_reaches_anything_of_alices_or_bobs(
    people: AsyncExitStack,
    either_server: Server,
    owner_sql: psycopg.AsyncConnection[Any],
    django_rows: DjangoRows,
    model: StandIn,
) -> None:
    # The Data API takes some three times as long for each.
    door, tries = ("postgres", cases(300, 7_500)) if has_pool(either_server) else ("data api", cases(100, 3_000))
    log_before = len(either_server.log.read_bytes())
    names = ("alice", "bob", "mallory")
    *owners, mallory = [await people.enter_async_context(closing(either_server, name)) for name in names]
    victims = [await settle(actor, name) for actor, name in zip(owners, names, strict=False)]
    before = [await rows_of(victim, owner_sql, django_rows) for victim in victims]
    count, over = Count(), asyncio.Event()

    def look_at_the_prompts() -> None:
        """What the model is asked for Mallory has nothing of the owners' in it, and the other way about."""
        for request in model.requests:
            asked = json.dumps(request)
            assert sum(mark in asked for mark in (OWN_MARK, *(victim.canary for victim in victims))) <= 1

    async with asyncio.TaskGroup() as traffic:
        for victim in victims:
            traffic.create_task(live(victim, over))
        try:
            await attack_with(mallory, victims, tries, count, look_at_the_prompts)
        finally:
            over.set()
    await mallory.call("POST", LOGOUT, {"user_id": victims[0].actor.id}, headers={"X-User-Id": victims[0].actor.id})

    server_errors = len(count.server_errors)
    counts = {"leaked": len(count.leaked), "server_errors": server_errors}
    record(f"cross-user, {door}", tried=count.tried, refused=count.refused, **counts)
    assert count.leaked == []
    assert count.server_errors == []
    assert count.statuses[401] < count.tried / 10, "Mallory was signed out: nothing was shown"
    assert len(count.statuses) >= 6, count.statuses
    assert [await rows_of(victim, owner_sql, django_rows) for victim in victims] == before
    for victim in victims:
        said = [row["content"] for row in await victim.actor.history(victim.busy) if row["role"] == "user"]
        assert said == victim.said[-len(said) :]
        assert len(said) == min(len(victim.said), 100)
    # An export of Mallory's own breaks off where one of these requests has ended her session; that is how it tells.
    log = either_server.log.read_bytes()[log_before:]
    assert log.count(b"Traceback") == log.count(b"\nchat.export.ExportBroken")
