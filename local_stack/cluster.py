"""Several instances as they are deployed, on loopback: gunicorn each, nginx before them, Redis beside them."""

import http.client
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local_stack import nginx
from local_stack.part import HOST, Part, program
from local_stack.processes import free_port

_GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py")
_READY_SECONDS = 60
_BARE = {"PATH": os.environ.get("PATH", os.defpath)}


class Cluster:
    """After `start` people are served at `url`, until `stop`.

    `environment` is what `Stack.start` answered; what a server of several is told besides is as in deploy/compose.yaml.
    Each instance has `workers` processes. `settings` win over all.
    """

    def __init__(  # noqa: PLR0913  # each is one choice of the caller
        self,
        home: Path,
        environment: Mapping[str, str],
        *,
        instances: int = 3,
        workers: int = 1,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self._logs = home / "logs"
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.redis = self._redis(free_port())
        self.nginx = self._nginx(port or free_port())
        self.url = self.nginx.url
        of_several = {
            "SITE_URL": self.url,
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "CACHE_URL": f"redis://{HOST}:{self.redis.port}/0",
            "BEHIND_PROXY": "true",
            "TRUSTED_PROXIES": "1",
            "INSTANCES": str(instances),
            "WEB_CONCURRENCY": str(workers),
        }
        self.environment = {**environment, **of_several, **(settings or {})}
        self.instances = [self._instance(number, free_port()) for number in range(1, instances + 1)]

    def start(self) -> None:
        """Return once everything answers. StackError with a sentence when something does not; call `stop` then, too."""
        listen = f"listen {HOST}:{self.nginx.port};\n"
        nginx.write_configuration(self.home / "nginx", listen=listen, ports=[each.port for each in self.instances])
        for part in self._parts():
            part.start()
        for part in (*self.instances, self.nginx):
            part.wait_until(healthy, seconds=_READY_SECONDS)

    def stop(self) -> None:
        """End everything, the instances all at once; may be repeated."""
        for instance in self.instances:
            if instance.running():
                instance.terminate()
        for part in reversed(self._parts()):
            part.stop()

    def revive(self) -> list[str]:
        """Start again what has ended, as systemd or a container engine would; the names of those."""
        ended = [part for part in self._parts() if not part.running()]
        for part in ended:
            part.start()
        return [part.name for part in ended]

    def _parts(self) -> tuple[Part, ...]:
        return (self.redis, *self.instances, self.nginx)

    def _instance(self, number: int, port: int) -> Part:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self.environment, "BIND": f"{HOST}:{port}"}
        name = f"instance-{number}"
        return Part(name, _GUNICORN, port=port, logs=self._logs, environment=environment, stop_seconds=50)

    def _nginx(self, port: int) -> Part:
        command = nginx.command(self.home / "nginx")
        return Part("nginx", command, port=port, logs=self._logs, environment=_BARE, stop_seconds=2)

    def _redis(self, port: int) -> Part:
        options = ("--bind", HOST, "--port", str(port), "--save", "", "--dir", str(self._logs))
        command = (program("redis-server", "redis-server"), *options)
        return Part("redis", command, port=port, logs=self._logs, environment=_BARE, stop_seconds=2)


def healthy(port: int) -> bool | None:
    """Whether a server answers there; None while it does not."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200 or None
    except OSError:  # not listening yet
        return None
    except http.client.HTTPException:  # ended in the middle
        return None
    finally:
        connection.close()
