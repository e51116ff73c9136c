"""What a benchmark needs running: the embedded stack, the scripted model, our server on a core of its own."""

import asyncio
import functools
import os
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Set
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench import load
from bench.accounting import cpu_seconds, pin
from bench.errors import BenchError
from bench.model import Pace, Stats
from bench.targets import OpenAiApi, SafyCore, get, post
from local_stack.processes import Child, StackError
from local_stack.stack import Stack
from tests.cast import sign_up
from tests.conftest import OPEN_DOORS
from tests.processes import Server

OPEN_FILES = 8192
SPARE_FILES = 200
SIGN_UPS_AT_ONCE = 4
# The limits are measured where they are the matter; everywhere else they are out of the way.
NO_LIMITS = {
    **OPEN_DOORS,
    "MAX_REPLIES": "5000",
    "GROQ_API_KEY": "bench",
    "DRAIN_SECONDS": "1",
}


@dataclass(frozen=True)
class Cores:
    """The server has a core of its own where there are two; everything else shares the others."""

    server: set[int]
    others: set[int]

    @property
    def apart(self) -> bool:
        return self.server.isdisjoint(self.others)

    @contextmanager
    def all_for_children(self) -> Iterator[None]:
        """What is started meanwhile may use every core."""
        os.sched_setaffinity(0, self.server | self.others)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.others)


@functools.cache
def allotted_cores() -> Cores:
    """Asked once: from then on this process keeps to its own."""
    if not hasattr(os, "sched_getaffinity"):
        raise BenchError("The benchmark reads what Linux counts (/proc): it runs on Linux only.")
    cores = sorted(os.sched_getaffinity(0))
    return Cores({cores[0]}, set(cores[1:]) or {cores[0]})


@dataclass(frozen=True)
class Cpu:
    """Seconds of the processor, by who used them."""

    server: float
    postgres: float
    model: float
    clients: float

    @property
    def total(self) -> float:
        return self.server + self.postgres + self.model + self.clients

    def since(self, before: "Cpu") -> "Cpu":
        then = asdict(before)
        return Cpu(**{name: seconds - then[name] for name, seconds in asdict(self).items()})


@dataclass
class Rig:
    """All of it, running. Made by `rig()`."""

    stack: Stack
    environment: Mapping[str, str]
    model_process: Child
    model_port: int
    cores: Cores
    people: list[str] = field(default_factory=list)

    @property
    def direct(self) -> OpenAiApi:
        return OpenAiApi(self.model_port)

    async def set_pace(self, pace: Pace) -> None:
        """For all replies to come; counting begins anew."""
        await self._model(post("/_pace", asdict(pace)))
        await self.model_stats()

    async def model_stats(self) -> Stats:
        """What the model did since it was last asked."""
        return Stats(**msgspec.json.decode(await self._model(get("/_stats"))))

    async def _model(self, request: bytes) -> bytes:
        connection = await load.connect(self.model_port)
        answer = await connection.ask(request)
        connection.close()
        return answer.body

    def cpu(self, server: int) -> Cpu:
        """What was used so far; the server is named by its process."""
        postgres = next(child for child in self.stack.children if child.name == "PostgreSQL")
        return Cpu(
            server=cpu_seconds(server),
            postgres=cpu_seconds(postgres.process.pid),
            model=cpu_seconds(self.model_process.process.pid),
            clients=_own_cpu_seconds(),
        )

    @asynccontextmanager
    async def server(self, without: Set[str] = frozenset(), **settings: str) -> AsyncIterator[Server]:
        """Our server with these settings, alone on its core."""
        kept = {name: value for name, value in self.environment.items() if name not in without}
        server = Server({**kept, **settings}, self.stack.home / "logs" / "server.log")
        try:
            await server.start()
            pin(server.pid, self.cores.server)
            yield server
        finally:
            await server.stop()

    async def safycore(self, server: Server, people: int) -> SafyCore:
        """The server as a target, with so many people signed up; they are made once."""
        gate = asyncio.Semaphore(SIGN_UPS_AT_ONCE)

        async def token(index: int) -> str:
            async with gate:
                actor = await sign_up(server.url, f"bench-{index}")
                await actor.close()
                return str(actor.token)

        self.people += await asyncio.gather(*(token(index) for index in range(len(self.people), people)))
        return SafyCore(server.port, self.people[:people])


def _own_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Start the stack and the model, in a folder that is removed at the end. Raises BenchError with a sentence."""
    allow_open_files(0)
    cores = allotted_cores()
    os.sched_setaffinity(0, cores.others)  # the children inherit it
    home = Path(tempfile.mkdtemp(prefix="safycore-bench-"))
    settings = {"GROQ_API_KEY": "bench"}
    stack = Stack(home, site_url="http://127.0.0.1:8000", groq=False, settings=settings)
    try:
        environment = stack.start()
        model = stack.spawn("model", "-m", "bench.model")
        port: Any = model.announced("listening")
        address = {"GROQ_BASE_URL": f"http://127.0.0.1:{port}"}
        yield Rig(stack, {**environment, **NO_LIMITS, **address}, model, int(port), cores)
    except StackError as exc:
        raise BenchError(str(exc)) from exc
    finally:
        stack.stop()
        shutil.rmtree(home, ignore_errors=True)


def allow_open_files(replies: int) -> None:
    """Each reply is two connections of the server, and may be one that is not closed yet; children inherit the limit.

    Raises BenchError when so many replies at once are not allowed.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    needed = 3 * replies + SPARE_FILES
    if most < needed:
        raise BenchError(
            f"{replies:,} replies at once need {needed:,} open files, and {most:,} are allowed: "
            f"raise it with `ulimit -n {needed}`."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
