"""The server that drains, under gunicorn: `gunicorn --config deploy/gunicorn.conf.py safycore_backend.asgi:application`

gunicorn's `graceful_timeout` and `timeout` must both be longer than DRAIN_NOTICE_SECONDS, LINGER_SECONDS,
DRAIN_SECONDS and 15 seconds more; deploy/gunicorn.conf.py sees to it.
"""

import os
import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from gunicorn.arbiter import Arbiter
from uvicorn_worker import UvicornWorker

from safycore_backend.environment import several_processes_without_a_cache
from safycore_backend.server import DrainingServer


class DrainingWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    CONFIG_KWARGS = {
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "on",
        "proxy_headers": False,
        "server_header": False,
    }

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:  # noqa: ARG003  # gunicorn's signature
        """Asked by gunicorn's master before it starts workers, whichever way their number was given."""
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
        from django.conf import settings

        try:
            alone = not settings.CACHE_URL
        except ImproperlyConfigured as exc:
            sys.exit(str(exc))
        if alone and cfg.workers > 1:
            sys.exit(f"SafyCore cannot start:\n{several_processes_without_a_cache(cfg.workers)}")

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = DrainingServer(self.config)
        self._install_sigquit_handler()
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
