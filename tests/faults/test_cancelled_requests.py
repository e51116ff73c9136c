"""Two people on a pool of two connections, half of whose requests are cancelled: neither sees the other's words."""

import asyncio
import itertools
import random
import re
import uuid
from collections import Counter
from collections.abc import Mapping

import httpx

from local_stack.groq_stand_in import StandIn
from tests.api.accounts import DjangoRows
from tests.cast import Actor
from tests.conftest import NewActor, NewServer
from tests.faults.rows import Owner, none_streaming, query
from tests.faults.talking import clients

REQUESTS = 2000
AT_ONCE = 30
# The same for both, so that nothing but their owner tells them apart.
SESSIONS = [f"shared-{number}" for number in range(12)]
_ANY = {"Accept": "text/event-stream, application/json;q=0.9"}
_CANARY = re.compile(r"canary-([0-9a-f]+)-\d+")


class Person:
    """Puts a canary into all they send, and looks for another's in all they get."""

    def __init__(self, actor: Actor, http: httpx.AsyncClient) -> None:
        self.actor = actor
        self.http = http
        self.mark = uuid.uuid4().hex
        self._numbers = itertools.count()
        self.statuses: Counter[int] = Counter()
        self.own_seen = 0

    def canary(self) -> str:
        return f"canary-{self.mark}-{next(self._numbers)}"

    async def ask(self, dice: random.Random) -> None:
        """One random request, read piece by piece: also what comes before it is cancelled is looked at."""
        async with self.http.stream(*self._choice(dice), headers=_ANY, json=self._body(dice)) as response:
            self.statuses[response.status_code] += 1
            seen = ""
            async for text in response.aiter_text():
                seen += text
                self._look(seen)
            self.own_seen += self.mark in seen

    def _choice(self, dice: random.Random) -> tuple[str, str]:
        session = dice.choice(SESSIONS)
        conversation = f"/api/chat/conversation/{session}"
        doors = [
            *(6 * [("POST", "/api/chat/stream/")]),
            *(3 * [("GET", f"{conversation}/?limit=200")]),
            *(2 * [("GET", f"{conversation}/stream/")]),
            ("POST", f"{conversation}/stop/"),
            ("POST", f"{conversation}/regenerate/"),
            ("POST", "/api/chat/training-data/"),
            ("GET", f"/api/chat/training-data/?session_id={session}"),
            ("GET", "/api/chat/sessions/"),
            ("GET", "/api/auth/profile/"),
        ]
        return dice.choice(doors)

    def _body(self, dice: random.Random) -> dict[str, str]:
        """Fits every door that takes a body."""
        text = f"{self.canary()} and what is known of it?"
        return {"message": text, "content": text, "session_id": dice.choice(SESSIONS)}

    def _look(self, seen: str) -> None:
        assert set(_CANARY.findall(seen)) <= {self.mark}, seen


async def test_two_thousand_requests_half_of_them_cancelled_never_mix_two_people(
    new_server: NewServer,
    paced_model: StandIn,
    newcomer: NewActor,
    owner_sql: Owner,
    environment: Mapping[str, str],
    dice: random.Random,
) -> None:
    server = await new_server(
        GROQ_BASE_URL=paced_model.url, SUPABASE_DB_POOL_SIZE="2", SUPABASE_DB_TIMEOUT="10", MAX_REPLIES_PER_PERSON="50"
    )
    actors = [await newcomer("carol"), await newcomer("dave")]
    people = [Person(actor, clients(actor, server.url)) for actor in actors]
    cancelled = await _all_requests(people, dice)
    for person in people:
        await person.http.aclose()
    await none_streaming(owner_sql, [actor.id for actor in actors], 60)
    statuses = people[0].statuses + people[1].statuses
    print(f"{REQUESTS} requests, {cancelled} cancelled on their way; {dict(statuses)}")  # noqa: T201
    assert set(statuses) <= {200, 201, 204, 400, 404, 409}, statuses
    assert cancelled > REQUESTS / 4
    for person, other in (people, people[::-1]):
        assert person.own_seen > REQUESTS / 20
        await _assert_rows_are_their_own(owner_sql, environment, person, other)
        answer = await person.actor.on(server.url).say("Still here?", "afterwards")
        assert answer["status"] == "complete"


async def _all_requests(people: list[Person], dice: random.Random) -> int:
    """So many at a time, half of them cancelled at a random moment; how many were cut off before their end."""
    free = asyncio.Semaphore(AT_ONCE)
    cancelled = 0

    async def one(person: Person, patience: float | None, luck: random.Random) -> None:
        nonlocal cancelled
        async with free:
            try:
                async with asyncio.timeout(patience):
                    await person.ask(luck)
            except TimeoutError:
                cancelled += 1

    async with asyncio.TaskGroup() as group:
        for number in range(REQUESTS):
            patience = dice.expovariate(30) if number % 4 < 2 else None
            group.create_task(one(people[number % 2], patience, random.Random(dice.random())))
    return cancelled


async def _assert_rows_are_their_own(
    owner: Owner, environment: Mapping[str, str], person: Person, other: Person
) -> None:
    found = await query(owner, "select content from messages where user_id = %s", person.actor.id)
    found += await query(owner, "select content from training_data where user_id = %s", person.actor.id)
    text = "\n".join(row["content"] for row in found)
    assert person.mark in text
    assert other.mark not in text
    titles = DjangoRows(environment).all(
        "select title from conversation_sessions where replace(user_id, '-', '') = ?", person.actor.id.replace("-", "")
    )
    assert titles
    assert other.mark not in str(titles)
