"""What checkpoints cost: replies a second with and without them, side by side. `make bench-checkpoints`

Both servers run the same load in turn, several rounds each: many clients, each with one reply after the other, from a
model at the pace of a real one. The server is the bottleneck, so that what it does besides shows as fewer replies. CPU
is the kernel's count for the server process. Medians over the rounds; the ratio is what to look at.
"""

import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import aiohttp

from local_stack.groq_stand_in import Settings, serve
from local_stack.stack import Stack
from tests.cast import sign_up
from tests.conftest import OPEN_DOORS
from tests.processes import Server

CLIENTS = 400
ROUND_SECONDS = 12
ROUNDS = 3
TOKENS = 120
SCRIPT = json.dumps({"tokens": TOKENS})
VARIANTS = {"with checkpoints": "0.9", "without": "3600"}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def client(http: aiohttp.ClientSession, until: float) -> int:
    """One reply after the other; how many were complete."""
    done = 0
    while time.monotonic() < until:
        body = {"message": f"Hello\n!script {SCRIPT}", "session_id": str(uuid.uuid4())}
        async with http.post("/api/chat/", json=body) as answer:
            done += answer.status == 200 and (await answer.json())["status"] == "complete"
    return done


async def one_round(server: Server, token: str) -> tuple[float, float]:
    """Replies a second, and CPU milliseconds of the server a reply."""
    begun, cpu = time.monotonic(), cpu_seconds(server.pid)
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(server.url, headers=headers, connector=connector) as http:
        done = sum(await asyncio.gather(*(client(http, begun + ROUND_SECONDS) for _ in range(CLIENTS))))
    return done / (time.monotonic() - begun), 1000 * (cpu_seconds(server.pid) - cpu) / max(done, 1)


async def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="safycore-bench-"))
    stack = Stack(home / "home", site_url="http://127.0.0.1:8000", groq=False, settings={"GROQ_API_KEY": "bench"})
    try:
        environment = {**stack.start(), **OPEN_DOORS, "MAX_REPLIES_PER_PERSON": "100000", "GROQ_API_KEY": "bench"}
        async with serve(Settings(first_token_ms=100, tokens_per_second=60)) as model:
            await compare({**environment, "GROQ_BASE_URL": model.url}, home)
    finally:
        stack.stop()


async def compare(environment: dict[str, str], home: Path) -> None:
    servers = {
        name: Server({**environment, "CHECKPOINT_SECONDS": seconds}, home / f"{seconds}.log")
        for name, seconds in VARIANTS.items()
    }
    await asyncio.gather(*(server.start() for server in servers.values()))
    person = await sign_up(next(iter(servers.values())).url, "bench")
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            results[name].append(await one_round(server, person.token or ""))
    await person.close()
    await asyncio.gather(*(server.stop() for server in servers.values()))
    report(results)


def report(results: dict[str, list[tuple[float, float]]]) -> None:
    print(f"{platform.platform()}, {os.cpu_count()} cores, {CLIENTS} clients, {TOKENS} tokens a reply")
    medians = {}
    for name, rounds in results.items():
        medians[name] = [statistics.median(values) for values in zip(*rounds, strict=True)]
        spread = ", ".join(f"{rate:.0f}" for rate, _ in rounds)
        print(f"{name:<18} {medians[name][0]:6.1f} replies/s ({spread})   {medians[name][1]:5.2f} ms CPU a reply")
    with_them, without = medians["with checkpoints"][0], medians["without"][0]
    print(f"Throughput with checkpoints: {100 * with_them / without:.1f} % of that without")


if __name__ == "__main__":
    asyncio.run(main())
