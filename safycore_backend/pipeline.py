"""Several statements as one transaction and one round trip, by libpq's pipeline mode.

Everything up to the sync is one implicit transaction, which the sync commits; an error undoes all of it. With psycopg's
own `connection.pipeline()`, which waits for the socket before each statement, a call took more than twice as long.
"""

import re
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

Statement = tuple[bytes, Sequence[Any]]
"""SQL with $1, $2 and so on, and what stands there."""


def numbered(statement: str) -> bytes:
    """A statement with `%s` as libpq wants it."""
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", statement).encode()


async def transacted(connection: psycopg.AsyncConnection[Any], statements: Sequence[Statement]) -> Any:
    """The first column of the last statement's first row. Raises a psycopg.Error, with nothing changed;
    where the connection was lost, that is not known.

    The connection must be in autocommit mode, and idle.
    """
    loader = Transformer.from_context(connection)
    prepared = [_prepared(connection, *statement) for statement in statements]
    result = await connection.wait(_pipeline(connection.pgconn, prepared))
    loader.set_pgresult(result)
    row = loader.load_row(0, tuple)
    return row[0] if row else None


def _prepared(connection: psycopg.AsyncConnection[Any], query: bytes, values: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments of libpq's PQsendQueryParams."""
    adapted = Transformer.from_context(connection)
    parameters = adapted.dump_sequence(values, [PyFormat.AUTO] * len(values))
    return query, parameters, adapted.types, adapted.formats


def _pipeline(pgconn: PGconn, prepared: Sequence[tuple[Any, ...]]) -> PQGen[PGresult]:
    """Run them, and leave the pipeline mode; the last result. Raises the first error that the server tells."""
    pgconn.enter_pipeline_mode()
    for arguments in prepared:
        pgconn.send_query_params(*arguments)
    pgconn.pipeline_sync()
    while pgconn.flush():
        ready = yield Wait.RW
        # None where psycopg goes on after a cancellation.
        if ready and ready & Ready.R:
            pgconn.consume_input()
    results: list[PGresult] = []
    while (result := (yield from _next_result(pgconn))).status != ExecStatus.PIPELINE_SYNC:
        results.append(result)
    pgconn.exit_pipeline_mode()
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return results[-1]


def _next_result(pgconn: PGconn) -> PQGen[PGresult]:
    # Behind the results of each statement comes a None; a second one means that no more will come.
    for _ in range(2):
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        if (result := pgconn.get_result()) is not None:
            return result
    raise psycopg.OperationalError("the connection was lost")
