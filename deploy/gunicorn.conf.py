"""gunicorn in production: `gunicorn --config deploy/gunicorn.conf.py safycore_backend.asgi:application`

docs/operations/production.md says more about each. What the server is told stands in its own settings; those that
gunicorn needs as well are read from there, so that they are said once.
"""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
from django.conf import settings

try:
    _leaving = settings.DRAIN_NOTICE_SECONDS + settings.LINGER_SECONDS + settings.DRAIN_SECONDS
except ImproperlyConfigured as exc:
    sys.exit(str(exc))
from safycore_backend.gunicorn_hooks import child_exit, on_exit, open_metrics  # noqa: F401  # hooks by their names
from safycore_backend.server import CLOSING_SECONDS, KEEP_ALIVE_SECONDS

# Before anything counts: prometheus_client decides at its import where it does.
open_metrics()

wsgi_app = "safycore_backend.asgi:application"
worker_class = "safycore_backend.gunicorn_worker.DrainingWorker"

# Loopback, because a proxy stands in front. A container binds to 0.0.0.0 instead.
bind = settings.BIND
# One process uses one core. More than one needs CACHE_URL, and the server refuses to start without it.
workers = settings.WEB_CONCURRENCY
# How many connections wait while the workers are busy: a burst of people, and no more than will be answered soon.
backlog = 1024

# The application is loaded before the port is opened, and each worker is born with it: no connection waits for imports,
# a missing setting is told once, and a worker that was killed is back in milliseconds. The price: SIGHUP does not load
# new code. A new release is a restart, instance by instance.
preload_app = True

# A stop is: give notice, linger, drain, save. gunicorn kills whatever outlasts this, so it is the sum and a margin.
graceful_timeout = int(_leaving) + CLOSING_SECONDS + 5
# A worker that does not report for so long hangs, and is killed. It does not report while it leaves, so this must be
# longer than a stop. It is no limit on requests: streams last as long as they need.
timeout = graceful_timeout + 5

keepalive = KEEP_ALIVE_SECONDS

# A worker is renewed now and then, so that no slow leak lasts. Only where others serve meanwhile: gunicorn starts the
# new one when the old one has ended, which with one worker would be half a minute without any. The jitter parts them.
max_requests = 200_000 if workers > 1 else 0
max_requests_jitter = max_requests // 4

# The heartbeat file must not lie on a disk, where writing it could block; /dev/shm is memory.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108  # a configuration is flat

# nginx logs requests, and the server its events; a third log would say neither better.
accesslog = None
errorlog = "-"
logger_class = "safycore_backend.gunicorn_logging.StructuredLogger"
loglevel = "info"

# Nothing is managed over gunicorn's control socket, so it is not opened.
control_socket_disable = True
# Addresses of clients come from the proxy by TRUSTED_PROXIES, and from nowhere else.
forwarded_allow_ips = ""
