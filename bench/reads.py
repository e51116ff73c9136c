"""Pages: of a conversation, of the session list, a profile; and whether they stay as quick when there is more of it."""

import base64
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

import msgspec

from bench.errors import BenchError
from bench.figures import Figure, Goal, over_samples
from bench.fill import Filling, fill, table_size
from bench.load import Connection, Crowd, connect, load
from bench.model import Pace
from bench.progress import say
from bench.rig import Rig, rig
from bench.sizes import Size
from bench.spread import Spread
from bench.targets import SafyCore, get, post

SMALL_TABLE = 10_000
SESSION_LENGTH = 60
WARM_UP_TURNS = 30
SHORT_SESSION = 10
# As much as the model is given again: from here on a longer session makes no longer prompt.
MIDDLE_SESSION = 200
PAGE = 50
LISTED_SESSIONS = 60
PERSON = 0
_REPLY = Pace(tokens=8)


@dataclass(frozen=True)
class Reader:
    """One person with one connection."""

    connection: Connection
    identity: Mapping[str, str]

    @classmethod
    async def of(cls, target: SafyCore) -> "Reader":
        return cls(await connect(target.port), target.identity(PERSON))

    async def page(self, path: str) -> float:
        """Milliseconds until the whole answer was there."""
        return await self._ask(get(path, **self.identity))

    async def history(self, session_id: str, messages: int = PAGE) -> float:
        return await self.page(f"/api/chat/conversation/{session_id}/?limit={messages}")

    async def first_token(self, session_id: str) -> float:
        """Milliseconds until the first token of one more turn."""
        body = {"message": "And then?", "session_id": session_id}
        request = post("/api/chat/stream/", body, Accept="text/event-stream", **self.identity)
        answer = await self.connection.ask(request)
        if answer.status != 200 or answer.first is None:
            raise BenchError(f"A turn was answered with {answer.status}: {answer.body[:300]!r}.")
        return 1000 * answer.first

    async def _ask(self, request: bytes) -> float:
        answer = await self.connection.ask(request)
        if answer.status != 200:
            raise BenchError(f"A page was answered with {answer.status}: {answer.body[:300]!r}.")
        return 1000 * answer.seconds


def user_id(token: str) -> str:
    """Whose token it is."""
    payload = token.split(".")[1]
    claims: dict[str, str] = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["sub"]


async def reads(rig: Rig, size: Size) -> list[Figure]:
    """Pages and turns in a short session and in a very long one, in turn; the session list and the profile."""
    async with rig.server() as server:
        target = await rig.safycore(server, people=size.clients)
        reader = await Reader.of(target)
        await rig.set_pace(_REPLY)
        for _ in range(WARM_UP_TURNS):
            await reader.first_token("warm-up")
        url, me = rig.environment["SUPABASE_DB_ADMIN_URL"], user_id(target.tokens[PERSON])
        sessions = _Sessions(
            short=fill(url, Filling("short-", size.alone, 2 * SHORT_SESSION, of_each_person=size.alone), me),
            middle=fill(url, Filling("middle-", 1, 2 * MIDDLE_SESSION), me)[0],
            long=fill(url, Filling("long-", 1, 2 * size.turns_in_long_session), me)[0],
        )
        figures = await _by_length(reader, sessions, size)
        return figures + await _lists(reader, target, size)


@dataclass(frozen=True)
class _Sessions:
    """Many short ones, for each turn makes one longer; one that fills the model's budget; and a very long one."""

    short: Sequence[str]
    middle: str
    long: str

    def round(self, number: int) -> tuple[str, str, str]:
        return self.short[number % len(self.short)], self.middle, self.long


async def _by_length(reader: Reader, sessions: _Sessions, size: Size) -> list[Figure]:
    say(f"reading: a session of {size.turns_in_long_session:,} turns beside shorter ones")
    # As many messages of each as the short one has: a page of more would cost more in any session.
    alike = [
        [await reader.history(each, 2 * SHORT_SESSION) for each in sessions.round(number)]
        for number in range(size.reads)
    ]
    pages = [await reader.history(sessions.long) for _ in range(size.reads)]
    turns = [[await reader.first_token(each) for each in sessions.round(number)] for number in range(size.alone)]
    short_page, _, long_page = zip(*alike, strict=True)
    short_turn, middle_turn, long_turn = zip(*turns, strict=True)
    name = f"session of {size.turns_in_long_session:,} turns"
    page = f"page of history ({PAGE} of {2 * size.turns_in_long_session:,} messages), median"
    return [
        _timed(page, pages, Goal(3)),
        _ratio(f"{name} to one of {SHORT_SESSION}: page of {2 * SHORT_SESSION} messages", long_page, short_page),
        _ratio(f"{name} to one of {SHORT_SESSION}: first token", long_turn, short_turn),
        _ratio(f"{name} to one of {MIDDLE_SESSION}: first token", long_turn, middle_turn),
    ]


async def _lists(reader: Reader, target: SafyCore, size: Size) -> list[Figure]:
    say("reading: session list and profile")
    alone = SafyCore(target.port, target.tokens[PERSON : PERSON + 1])
    await load(alone, Crowd(1, LISTED_SESSIONS), _REPLY.tokens)
    listed = [await reader.page(f"/api/chat/sessions/?limit={PAGE}") for _ in range(size.reads)]
    profile = [await reader.page("/api/auth/profile/") for _ in range(size.reads)]
    return [
        _timed(f"session list ({PAGE} sessions), median", listed, Goal(3)),
        _timed("profile, median", profile, Goal(3)),
    ]


@dataclass(frozen=True)
class Table:
    """A database with so many messages, and whom to ask for one person's sessions in it."""

    target: SafyCore
    sessions: Sequence[str]
    messages: int
    bytes: int

    def session(self, number: int) -> str:
        return self.sessions[number % len(self.sessions)]


async def scale(small: Rig, size: Size) -> list[Figure]:
    """The same pages and turns with ten thousand and with millions of messages in the table.

    Two stacks, one for each, are asked in turn, so that what else the machine does meets both.
    """
    async with rig() as large, AsyncExitStack() as servers:
        tables = [await _table(small, servers, SMALL_TABLE), await _table(large, servers, size.messages)]
        say(f"reading: {tables[0].messages:,} messages in the table beside {tables[1].messages:,}")
        # Only now: a server gives up a connection that is idle for as long as a table is filled.
        readers = [await Reader.of(table.target) for table in tables]
        pages: list[list[float]] = [[], []]
        turns: list[list[float]] = [[], []]
        for number in range(size.reads):
            for table, reader, times in zip(tables, readers, pages, strict=True):
                times.append(await reader.history(table.session(number)))
        for number in range(size.alone):
            for table, reader, times in zip(tables, readers, turns, strict=True):
                times.append(await reader.first_token(table.session(number)))
    return _scale_figures(tables, pages, turns)


async def _table(rig: Rig, servers: AsyncExitStack, messages: int) -> Table:
    server = await servers.enter_async_context(rig.server())
    target = await rig.safycore(server, people=1)
    reader = await Reader.of(target)
    await rig.set_pace(_REPLY)
    for _ in range(WARM_UP_TURNS):
        await reader.first_token("warm-up")
    url = rig.environment["SUPABASE_DB_ADMIN_URL"]
    there, _ = table_size(url)
    missing = max(messages - there, SESSION_LENGTH)
    filling = Filling("scale-", max(missing // SESSION_LENGTH, 1), SESSION_LENGTH)
    sessions = fill(url, filling, user_id(target.tokens[PERSON]))
    return Table(target, sessions, *table_size(url))


def _scale_figures(
    tables: Sequence[Table], pages: Sequence[Sequence[float]], turns: Sequence[Sequence[float]]
) -> list[Figure]:
    small, large = tables
    name = f"{large.messages:,} messages in the table to {small.messages:,}"
    note = f"the large table takes {large.bytes / 1e9:.1f} GB"
    return [
        _timed(f"page of history with {large.messages:,} messages in the table, median", pages[1], None, note),
        _ratio(f"{name}: page of history", pages[1], pages[0]),
        _ratio(f"{name}: first token", turns[1], turns[0]),
    ]


def _timed(name: str, milliseconds: Sequence[float], goal: Goal | None, note: str = "") -> Figure:
    spread = Spread.of(milliseconds)
    detail = f"p99 {spread.p99:.1f}, {over_samples(spread)}" + (f"; {note}" if note else "")
    return Figure("SafyCore", name, spread.median, "ms", detail, goal)


def _ratio(name: str, numerator: Sequence[float], denominator: Sequence[float]) -> Figure:
    """Of the medians; the goal is that it makes next to no difference."""
    above, below = median(numerator), median(denominator)
    detail = f"{above:.2f} ms to {below:.2f} ms, n = {len(numerator)} each"
    return Figure("SafyCore", name, above / below, "times", detail, Goal(1.3))
