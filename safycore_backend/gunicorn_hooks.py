"""What gunicorn's configuration needs so that one scrape tells of all workers, the dead ones among them.

It calls `open_metrics()` before anything else, for prometheus_client decides at its import where it counts, and takes
`child_exit` and `on_exit` for its hooks by importing them.
"""

import functools
import os
import shutil
import tempfile
from typing import Any

# Counting writes to mapped files; on a disk each count would be written back some time.
_MEMORY = "/dev/shm"  # noqa: S108  # the folder in it has a name that nobody knows before, and is closed to others


@functools.cache
def open_metrics() -> None:
    """Make a folder for this master's workers and name it in the environment; once, however often the file is read.

    Always a new one: what a former master left would be counted again, and one that hands over still uses its own.
    """
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="safycore-metrics-", dir=memory)


def child_exit(server: Any, worker: Any) -> None:
    """gunicorn's hook: in the master, after a worker has ended in whatever way."""
    from safycore_backend import metrics_files

    folder = metrics_files.folder()
    if folder is not None:
        metrics_files.bury(folder, worker.pid)


def on_exit(server: Any) -> None:
    """gunicorn's hook: in the master, before it ends."""
    shutil.rmtree(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""), ignore_errors=True)
