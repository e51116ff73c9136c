"""The files into which the workers of a gunicorn count, in a folder of their master's: see gunicorn_hooks.py.

prometheus_client makes them, one of each kind for each process: `counter_4711.db`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import mark_process_dead

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own; it looks at its import whether it is set, and counts in memory if not."""
# What goes up only: a dead worker's count still counts. Its gauges tell nothing any more.
_SUMS = ("counter", "histogram")


def folder() -> Path | None:
    """None for a process that counts alone."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


@contextmanager
def at_rest(folder: Path, *, alone: bool = False) -> Iterator[None]:
    """While they are read nobody moves counts from one file to another.

    To move some, `alone`: that does not wait, and raises BlockingIOError while somebody reads.
    """
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
        yield


def bury(folder: Path, pid: int) -> None:
    """Forget a dead process's gauges, and add what it counted to one file for all the dead.

    Otherwise a scrape would grow with every worker that was ever started. While somebody reads, its files stay as they
    are, which tells the same.
    """
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    try:
        with at_rest(folder, alone=True):
            for kind in _SUMS:
                _add(folder / f"{kind}_{pid}.db", folder / f"{kind}_dead.db")
    except BlockingIOError:
        return


def _add(counts: Path, sums: Path) -> None:
    if not counts.exists():
        return
    kept = MmapedDict(str(sums))  # type: ignore[no-untyped-call]
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(counts)):  # type: ignore[no-untyped-call]
        kept.write_value(key, kept.read_value(key)[0] + value, timestamp)  # type: ignore[no-untyped-call]
    kept.close()  # type: ignore[no-untyped-call]
    counts.unlink()
