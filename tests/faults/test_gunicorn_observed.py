"""Several workers under gunicorn: one scrape tells of all, whatever becomes of them, and all lines have one form."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_stack.groq_stand_in import StandIn
from tests.conftest import NewActor
from tests.faults.masters import Gunicorn, kill
from tests.faults.proxies import true_within
from tests.faults.talking import clients, script
from tests.metrics import TOKEN, scrape
from tests.redis_server import Redis

WORKERS = 2
CONFIGURATION = """
from runpy import run_path

globals().update(run_path("deploy/gunicorn.conf.py"))
preload_app = {preload}
"""
MANY = 60


class Observed(Gunicorn):
    """As it is deployed, but for whether the master loads the application."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "--config", str(self.log.with_suffix(".conf.py"))]


@pytest.fixture(params=[False, True], ids=["forked", "preloaded"])
async def server(
    environment: Mapping[str, str], redis: Redis, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Observed]:
    settings = {**environment, "METRICS_TOKEN": TOKEN, "LIMIT_MESSAGES_PER_PERSON": "100000/60", "CACHE_URL": redis.url}
    running = Observed(settings, tmp_path / "gunicorn.log", WORKERS)
    running.log.with_suffix(".conf.py").write_text(CONFIGURATION.format(preload=request.param))
    await running.start()
    await all_run(running, WORKERS)
    yield running
    await running.stop()


async def all_run(server: Observed, started: int) -> None:
    """So many workers have been started since the master's first breath."""
    complete = "Application startup complete"
    await true_within(40, lambda: server.log.read_text().count(complete) >= started, f"{started} workers have started")


def lines(server: Observed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def folder(server: Observed) -> Path:
    """Where its workers count: the files that one of them has mapped."""
    maps = Path(f"/proc/{server.workers()[0]}/maps").read_text()
    (found,) = {Path(line.split()[-1]).parent for line in maps.splitlines() if line.endswith(".db")}
    return found


async def test_one_scrape_counts_every_worker_s_requests_and_those_of_the_dead(
    server: Observed, newcomer: NewActor
) -> None:
    actor = await newcomer("carol")
    async with clients(actor, server.url) as http:
        for number in range(MANY):
            await http.post("/api/chat/", json={"message": "Hello", "session_id": f"worker-{number}"})
    before = await scrape(server.url)
    assert before.value("requests_total", route="api/chat/", status=200) == MANY
    assert before.value("replies_total", outcome="complete") == MANY
    assert before.value("request_seconds_count", route="api/chat/") == MANY
    for killed in range(1, 4):
        kill(server.workers()[0])
        await all_run(server, WORKERS + killed)
        after = await scrape(server.url)
        assert after.value("requests_total", route="api/chat/", status=200) == MANY
        assert after.value("request_seconds_count", route="api/chat/") == MANY
        assert after.value("request_seconds_bucket", route="api/chat/", le="+Inf") == MANY
    await only_the_living_have_files(server)


async def only_the_living_have_files(server: Observed) -> None:
    """Beside the one file of each kind for all the dead, and the master's own."""
    known = {*map(str, server.workers()), str(server.pid), "dead"}

    def owners() -> set[str]:
        return {path.stem.rpartition("_")[2] for path in folder(server).glob("*.db")}

    await true_within(20, lambda: owners() <= known, "the dead have no files of their own")


async def test_a_killed_worker_s_running_replies_do_not_run_for_ever(
    server: Observed, newcomer: NewActor, model: StandIn, chat_id: str
) -> None:
    actor = await newcomer("carol")
    held = script(tokens=4, after=2, hold=chat_id)
    async with clients(actor, server.url) as http:
        sending = [
            asyncio.create_task(http.post("/api/chat/", json={"message": held, "session_id": f"{chat_id}-{number}"}))
            for number in range(8)
        ]
        await model.reached(chat_id, 8)
        assert (await scrape(server.url)).value("replies_running") == 8
        for worker in server.workers():
            kill(worker)
        await all_run(server, 2 * WORKERS)
        assert (await scrape(server.url)).value("replies_running") == 0
        await asyncio.gather(*sending, return_exceptions=True)
    model.release(chat_id)


async def test_every_line_is_json_and_the_folder_goes_with_the_master(server: Observed, newcomer: NewActor) -> None:
    counted = folder(server)
    assert counted.is_dir()
    actor = (await newcomer("carol")).on(server.url)
    await actor.call("GET", "/api/chat/sessions/")
    assert await server.stop() == 0
    assert not counted.exists()
    told = lines(server)
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in told)
    assert {"gunicorn.error", "uvicorn.error", "safycore_backend.access"} <= {line["logger"] for line in told}
