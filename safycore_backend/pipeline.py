"""Several statements as one transaction and one round trip, by libpq's pipeline mode.

Everything up to the sync is one implicit transaction, which the sync commits; an error undoes all of it. One such
transaction is under way on a connection at a time, never two: there are poolers between here and Postgres that hand a
connection on at its first sync, with the answer to a second one still to come.
"""

import re
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec
import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Statement = tuple[bytes, Sequence[Any]]
"""SQL with $1, $2 and so on, and what stands there."""
# The types json and jsonb, which come as text.
_JSON = {114, 3802}


def numbered(statement: str) -> bytes:
    """A statement with `%s` as libpq wants it."""
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", statement).encode()


class Exchange:
    """One transaction: its statements, and their results as they arrive.

    Raises psycopg.DataError for what Postgres cannot hold, before anything is sent.
    """

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._sent = [_prepared(*statement) for statement in statements]
        self._results: list[PGresult] = []
        self._ends = 0

    def send(self, pgconn: PGconn) -> None:
        """On an idle connection in pipeline mode; `flush` says whether all of it has gone. Raises OperationalError."""
        for arguments in self._sent:
            pgconn.send_query_params(*arguments)
        pgconn.pipeline_sync()

    def take(self, pgconn: PGconn) -> bool:
        """The next result, which has arrived; True when it was the last. Raises OperationalError on a lost connection,
        where it is not known whether anything was changed.
        """
        result = pgconn.get_result()
        if result is None:
            # Behind the results of each statement comes a None; a second one means that no more will come.
            self._ends += 1
            if self._ends > 1:
                raise psycopg.OperationalError("the connection was lost")
            return False
        self._ends = 0
        if result.status == ExecStatus.PIPELINE_SYNC:
            return True
        self._results.append(result)
        return False

    def value(self, kind: Any = Any) -> Any:
        """The first column of the last statement's first row, None without one; what is JSON, read as that kind.

        Raises the first error that the server told, a psycopg.Error: nothing was changed then.
        """
        for result in self._results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
        last = self._results[-1]
        if not (last.ntuples and last.nfields):
            return None
        found = last.get_value(0, 0)
        if found is not None and last.ftype(0) in _JSON:
            return msgspec.json.decode(found, type=kind)
        loader = Transformer()
        loader.set_pgresult(last)
        row = loader.load_row(0, tuple)
        return row[0] if row else None


def _prepared(query: bytes, values: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments of libpq's PQsendQueryParams."""
    adapted = Transformer()
    parameters = adapted.dump_sequence(values, [PyFormat.AUTO] * len(values))
    return query, parameters, adapted.types, adapted.formats
