"""Several instances behind nginx, for the tests that know one server only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from local_stack.cluster import Cluster, healthy
from local_stack.part import Part
from tests.processes import START_SECONDS, Server


class ClusterDoor(Server):
    """The address of a running cluster. `log` is what all instances have written so far."""

    def __init__(self, cluster: Cluster) -> None:
        self.port = cluster.nginx.port
        self.url = cluster.url
        self.environment = cluster.environment
        self._cluster = cluster

    @property
    def log(self) -> Path:  # type: ignore[override]  # here it is made of several
        logs = self._cluster.home / "logs"
        joined = self._cluster.home / "joined.log"
        joined.write_bytes(b"".join(path.read_bytes() for path in sorted(logs.glob("instance-*.log"))))
        return joined


@asynccontextmanager
async def killed_every(seconds: float, cluster: Cluster) -> AsyncIterator[None]:
    """SIGKILL to one instance in turn every so many seconds, and its start; with 0 to none."""
    task = asyncio.create_task(_kill_in_turn(seconds, cluster)) if seconds else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _kill_in_turn(seconds: float, cluster: Cluster) -> None:
    kills = 0
    while True:
        await asyncio.sleep(seconds)
        instance = cluster.instances[kills % len(cluster.instances)]
        instance.kill()
        instance.start()
        kills += 1
        print(f"Kill {kills}: {instance.name}")  # noqa: T201  # for whoever runs this by hand


async def back(instance: Part) -> None:
    """Wait until an instance that was started answers."""
    async with asyncio.timeout(START_SECONDS):
        while not await asyncio.to_thread(healthy, instance.port):
            assert instance.running(), instance.log.read_text()
            await asyncio.sleep(0.05)
