"""Real processes for the tests that need them: Postgres, the Supabase stand-in, the stand-in model and our server.

They are started once per run. Every test acts in sessions of its own (`chat_id`), so that none sees another's rows.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local_stack.cluster import Cluster
from local_stack.groq_stand_in import StandIn, serve
from local_stack.stack import Stack, django_in_postgres
from tests import clients
from tests.api.accounts import DjangoRows, Mailbox
from tests.cast import Actor, sign_up
from tests.cluster_door import ClusterDoor, killed_every
from tests.processes import Server, manage
from tests.secret_search import known

# For each process of the run: a sentence, and what was found.
SEARCHED = pytest.StashKey[list[tuple[str, list[str]]]]()
NewServer = Callable[..., Awaitable[Server]]
NewActor = Callable[[str], Awaitable[Actor]]
ConfirmingStack = tuple[Stack, dict[str, str]]

# What `new_server` is started with for each door.
DOORS: dict[str, dict[str, str]] = {"postgres": {}, "data_api": {"SUPABASE_DB_URL": "", "SUPABASE_DB_ADMIN_URL": ""}}

# Of the form that Groq's keys have; the stand-in takes any.
GROQ_KEY = f"gsk_{secrets.token_hex(26)}"
# The doors are tried thousands of times from one address; what the limits do has tests of its own.
OPEN_DOORS = dict.fromkeys(
    (
        "LIMIT_LOGIN_PER_ADDRESS",
        "LIMIT_LOGIN_PER_ACCOUNT",
        "LIMIT_SIGNUP_PER_ADDRESS",
        "LIMIT_SIGNUP_PER_ACCOUNT",
        "LIMIT_MAIL_PER_ACCOUNT",
        "LIMIT_MESSAGES_PER_PERSON",
        "LIMIT_REFRESH_PER_ADDRESS",
        "LIMIT_EXPORT_PER_PERSON",
        "LIMIT_REFRESH_PER_ACCOUNT",
        "LIMIT_TOKEN_CHECKS_PER_ADDRESS",
    ),
    "100000/60",
) | {
    "LIMIT_TOKENS_PER_PERSON": "1000000000/60",
    "MAX_REPLIES_PER_PERSON": "100000",
    # However slow the machine is on which so many come at once.
    "MAX_DELAY_SECONDS": "60",
    # Refusals come as soon as they can; that they usually do not has tests of its own.
    "AUTH_MINIMUM_SECONDS": "0",
}

_OF_ITS_OWN = {"new_server", "module_server", "data_api_server", "data_api_environment"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cluster", action="store_true", help="ask three instances behind nginx instead of one server")
    parser.addoption("--kill-every", type=float, default=0, metavar="SECONDS", help="kill one of them in turn")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("kill_every"):
        clients.be_patient()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Through a cluster only what speaks to its one door; who needs a server of their own would test that instead.

    The browser's come first: they take long, and no process of a divided run should be left alone with them.
    """
    items.sort(key=lambda item: "tests/browser" not in item.path.as_posix())
    if not config.getoption("cluster"):
        return
    chosen = [item for item in items if "tests/cluster" in item.path.as_posix() or not _of_one_server(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _of_one_server(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    other_door = callspec is not None and callspec.params.get("either_server") == "data_api"
    own = _OF_ITS_OWN & set(getattr(item, "fixturenames", ()))
    return other_door or bool(own) or any(item.get_closest_marker(name) for name in ("past_nginx", "one_process"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A secret in any log that this run wrote fails the run; the processes of a divided run tell the first one."""
    searched = session.config.stash.setdefault(SEARCHED, [])
    if known.logs():
        searched.append(_search())
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["searched"] = searched
    elif any(found for _, found in searched):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _search() -> tuple[str, list[str]]:
    found = [str(find) for find in known.search_logs()]
    return f"{len(known)} secrets searched for in {len(known.logs())} logs: {len(found)} found.", found


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of the processes of a divided run has ended."""
    searched = getattr(node, "workeroutput", {}).get("searched", [])
    node.config.stash.setdefault(SEARCHED, []).extend(searched)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if clients.asked_again:
        terminalreporter.line(f"Asked again, as an instance was gone: {', '.join(clients.asked_again)}.")
    for sentence, found in config.stash.get(SEARCHED, []):
        terminalreporter.line(sentence)
        for find in found:
            terminalreporter.line(find, red=True)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("safycore")


@pytest.fixture(scope="session")
def stack(home: Path) -> Iterator[tuple[Stack, dict[str, str]]]:
    running = Stack(home, site_url="http://127.0.0.1:8000", groq=False, settings={"GROQ_API_KEY": GROQ_KEY})
    try:
        yield running, running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def confirming_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfirmingStack]:
    """A local Supabase of its own, which asks for confirmation of addresses."""
    home, settings = tmp_path_factory.mktemp("confirming"), {"GROQ_API_KEY": "for-tests"}
    running = Stack(home, site_url="http://127.0.0.1:8000", groq=False, confirm_email=True, settings=settings)
    try:
        yield running, running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def mailbox(stack: tuple[Stack, dict[str, str]]) -> Mailbox:
    return Mailbox(stack[0].home / "mails")


@pytest.fixture(scope="session")
async def model() -> AsyncIterator[StandIn]:
    """The stand-in model: told what to do by `!script {…}` in a message or by `model.queue(Script(…))`."""
    async with serve() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def environment(stack: tuple[Stack, dict[str, str]], model: StandIn) -> dict[str, str]:
    """What a server under test is started with: the Postgres door, all limits open."""
    return {**stack[1], **OPEN_DOORS, "GROQ_BASE_URL": model.url, "GROQ_API_KEY": GROQ_KEY}


@pytest.fixture(scope="session")
def data_api_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The same with nothing but Supabase's URL and keys."""
    return {
        name: value for name, value in environment.items() if name not in {"SUPABASE_DB_URL", "SUPABASE_DB_ADMIN_URL"}
    }


@pytest.fixture(scope="session")
async def cluster(request: pytest.FixtureRequest, environment: Mapping[str, str], home: Path) -> AsyncIterator[Cluster]:
    """Three instances behind nginx, with Redis, as they are deployed."""
    # Long enough for some replies to end by themselves, too short for others.
    settings = {"DRAIN_SECONDS": "2", "WEB_APP_DIR": "", "LIMIT_EXPORT_PER_PERSON": "5/8640000"}
    several = Cluster(home / "cluster", environment, settings=settings)
    known.environment(several.environment)
    # By one of them all are found: those of the folder beside it.
    known.log(home / "cluster" / "cluster.log")
    try:
        several.start()
        async with killed_every(request.config.getoption("kill_every"), several):
            yield several
    finally:
        several.stop()


@pytest.fixture(scope="session")
async def single_server(environment: Mapping[str, str], home: Path) -> AsyncIterator[Server]:
    server = Server(environment, home / "postgres-door.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest, environment: Mapping[str, str]) -> Server:
    """One server; with `--cluster` the one address of several."""
    # `environment`, so that its users are seen to use the model (`_fresh_model`).
    if request.config.getoption("cluster"):
        return ClusterDoor(request.getfixturevalue("cluster"))
    server: Server = request.getfixturevalue("single_server")
    return server


@pytest.fixture(scope="session")
async def data_api_server(data_api_environment: Mapping[str, str], home: Path) -> AsyncIterator[Server]:
    server = Server(data_api_environment, home / "data-api-door.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def in_postgres_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The same with Django's tables in Postgres too."""
    changed = {**environment, **django_in_postgres(environment)}
    await manage(changed, "prepare")
    return changed


@pytest.fixture(scope="session")
async def in_postgres_server(in_postgres_environment: Mapping[str, str], home: Path) -> AsyncIterator[Server]:
    server = Server(in_postgres_environment, home / "django-in-postgres.log")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["postgres", "data_api"])
def either_server(request: pytest.FixtureRequest) -> Server:
    """Each door in turn: what a test says with this holds for both."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(params=["postgres", "data_api", "in_postgres"])
def any_server(request: pytest.FixtureRequest) -> Server:
    """Each door in turn, and one with Django's tables in Postgres."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(params=["sqlite", "postgres"])
def either_database(request: pytest.FixtureRequest) -> Server:
    """Django's tables in each database in turn; the people's rows are behind the Postgres door."""
    names = {"sqlite": "postgres_server", "postgres": "in_postgres_server"}
    server: Server = request.getfixturevalue(names[request.param])
    return server


@pytest.fixture(params=["sqlite", "postgres"])
def either_environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """The same for tests that start servers of their own."""
    names = {"sqlite": "environment", "postgres": "in_postgres_environment"}
    return dict(request.getfixturevalue(names[request.param]))


@asynccontextmanager
async def _servers(environment: Mapping[str, str], folder: Path) -> AsyncIterator[NewServer]:
    started: list[Server] = []

    async def start(**changes: str) -> Server:
        started.append(Server({**environment, **changes}, folder / f"server-{len(started)}.log"))
        await started[-1].start()
        return started[-1]

    try:
        yield start
    finally:
        await asyncio.gather(*(server.stop() for server in started))


@pytest.fixture
async def new_server(environment: Mapping[str, str], tmp_path: Path) -> AsyncIterator[NewServer]:
    """Starts a server of the test's own: `await new_server(VARIABLE="value")`."""
    async with _servers(environment, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
async def module_server(
    environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[NewServer]:
    """The same for all tests of a module: each start costs more than most tests."""
    async with _servers(environment, tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture(scope="session")
async def alice(postgres_server: Server) -> AsyncIterator[Actor]:
    actor = await sign_up(postgres_server.url, "alice")
    yield actor
    await actor.close()


@pytest.fixture(scope="session")
async def bob(postgres_server: Server) -> AsyncIterator[Actor]:
    actor = await sign_up(postgres_server.url, "bob")
    yield actor
    await actor.close()


@pytest.fixture(scope="session")
async def mallory(postgres_server: Server) -> AsyncIterator[Actor]:
    actor = await sign_up(postgres_server.url, "mallory")
    yield actor
    await actor.close()


@pytest.fixture(scope="session")
async def anon(postgres_server: Server) -> AsyncIterator[Actor]:
    actor = Actor(postgres_server.url)
    yield actor
    await actor.close()


@pytest.fixture(scope="session")
def django_rows(environment: Mapping[str, str]) -> DjangoRows:
    return DjangoRows(environment)


@pytest.fixture
async def newcomer(postgres_server: Server) -> AsyncIterator[NewActor]:
    """Makes an account for tests that use one up: `await newcomer("carol")`."""
    made: list[Actor] = []

    async def make(name: str) -> Actor:
        made.append(await sign_up(postgres_server.url, name))
        return made[-1]

    yield make
    for actor in made:
        await actor.close()


@pytest.fixture
def chat_id() -> str:
    """A session id that no other test uses."""
    return f"chat-{uuid.uuid4()}"


@pytest.fixture(scope="session")
async def owner_sql(environment: Mapping[str, str]) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """The database as its owner, past every policy: to see what is really there."""
    connection = await psycopg.AsyncConnection.connect(environment["SUPABASE_DB_ADMIN_URL"], autocommit=True)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
def _fresh_model(request: pytest.FixtureRequest) -> Iterator[None]:
    """What one test has told the model, or heard from it, is no other test's business."""
    yield
    if "model" in request.fixturenames:
        request.getfixturevalue("model").clear()
