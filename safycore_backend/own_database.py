"""Django's own database (profiles, the list of sessions) from the event loop.

Its drivers block, so they get a few threads, each with a connection that it keeps; in Postgres the connections are a
pool's, and there is a thread for each (django_database.py). Django's `sync_to_async` would give every request a thread
and a connection of its own.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

_P = ParamSpec("_P")
_T = TypeVar("_T")
# One writes to an SQLite file at a time, and the others read.
_SQLITE_THREADS = 4


async def in_own_database(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run work that uses the ORM, and return what it returns."""
    return await asyncio.get_running_loop().run_in_executor(
        _threads(), lambda: _on_sound_connection(work, *args, **kwargs)
    )


@functools.cache
def _threads() -> ThreadPoolExecutor:
    count = settings.DATABASE_POOL_SIZE if connection.vendor == "postgresql" else _SQLITE_THREADS
    return ThreadPoolExecutor(count, thread_name_prefix="own-database")


def _on_sound_connection(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    # As Django does around a request: connections that are old, or were lost, are opened anew.
    close_old_connections()
    try:
        return work(*args, **kwargs)
    finally:
        close_old_connections()
