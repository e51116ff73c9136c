"""`python -m tests.mutants`: a database of its own, every mutant, a table; exit status 1 where one was not noticed."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import psycopg

from local_stack.stack import Stack
from tests.mutants.equivalents import EQUIVALENTS
from tests.mutants.run import FINE, Result, counted, mutants, results
from tests.policies.checks import CHECKS, complaints
from tests.policies.world import populated
from tests.security.report import record


def main() -> int:
    options = _options()
    if options.database:
        return run(options.database, options.only)
    with tempfile.TemporaryDirectory(prefix="safycore-mutants-") as home:
        stack = Stack(Path(home), site_url="http://127.0.0.1:8000", groq=False, settings={"GROQ_API_KEY": "for-tests"})
        try:
            return run(stack.start()["SUPABASE_DB_ADMIN_URL"], options.only)
        finally:
            stack.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants with this in their kind or name")
    parser.add_argument("--database", default="", help="one that runs already")
    return parser.parse_args()


def run(database: str, only: str = "") -> int:
    begun = time.monotonic()
    with psycopg.connect(database, autocommit=True) as connection:
        if sound := _unsound(connection):
            sys.stdout.write("\n".join(["Before any mutation:", *sound, ""]))
            return 1
        made = [each for each in mutants(connection) if only in f"{each.kind}: {each.name}"]
        found = list(_told(results(connection, made, EQUIVALENTS)))
    stale = [] if only else sorted(set(EQUIVALENTS) - {each.name for each in made})
    verdicts = Counter(each.verdict for each in found)
    noticed, equal = verdicts["killed"], verdicts["equivalent"]
    survived = len(found) - noticed - equal
    record("mutants (refused: noticed)", tried=len(found), refused=noticed, equivalent=equal, survived=survived)
    sys.stdout.write(report(found, stale))
    sys.stdout.write(f"in {time.monotonic() - begun:.0f} s\n{summary(found)}\n")
    return exit_status(found, stale)


def exit_status(found: Sequence[Result], stale: Sequence[str] = ()) -> int:
    """0 where every mutant was killed or is an equivalent; nothing tried at all is no proof."""
    return int(bool(stale) or not found or any(each.verdict not in FINE for each in found))


def _told(found: Iterable[Result]) -> Iterator[Result]:
    """A line on standard error for each kind that is begun, and for each mutant that nobody noticed."""
    kind = ""
    for result in found:
        if result.mutant.kind != kind:
            kind = result.mutant.kind
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {kind}\n")
        if result.verdict not in FINE:
            sys.stderr.write(f"  {result.verdict}: {result.mutant.name} {result.by}\n")
        yield result


def _unsound(connection: psycopg.Connection) -> list[str]:
    """What the checks have to say while nothing is weakened: a mutant proves nothing then."""
    with connection.transaction(force_rollback=True):
        world = populated(connection)
        return [f"{check.__name__}: {said}" for check in CHECKS for said in complaints(world, check)]


def report(found: Sequence[Result], stale: Sequence[str] = ()) -> str:
    """The table by kind, who noticed how many, and whatever is not as it should be, with its definition."""
    lines = [*_table(counted(found)), ""]
    lines += [
        f"  {number:5} {name}"
        for name, number in Counter(each.by for each in found if each.verdict == "killed").most_common()
    ]
    for each in found:
        if each.verdict == "equivalent":
            lines.append(f"\nequivalent: {each.mutant.name}\n  {EQUIVALENTS.get(each.mutant.name, '')}")
        elif each.verdict not in FINE:
            lines.append(f"\n{each.verdict}: {each.mutant.name} {each.by}\n{each.mutant.statement}")
    lines += [f"\nlisted as equivalent, but no longer made: {name}" for name in stale]
    return "\n".join(lines) + "\n"


def _table(counts: Mapping[tuple[str, str], int]) -> list[str]:
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    lines = [f"{'kind':<16}{'made':>7}{'killed':>9}{'equivalent':>12}{'survived':>10}"]
    for kind in kinds:
        by = {verdict: number for (of, verdict), number in counts.items() if of == kind}
        made, killed, same = sum(by.values()), by.get("killed", 0), by.get("equivalent", 0)
        lines.append(f"{kind:<16}{made:>7}{killed:>9}{same:>12}{made - killed - same:>10}")
    return lines


def summary(found: Sequence[Result]) -> str:
    """One line; whatever is neither killed nor equivalent counts as survived."""
    verdicts = Counter(each.verdict for each in found)
    killed, same = verdicts["killed"], verdicts["equivalent"]
    rest = len(found) - killed - same
    return f"mutants: {len(found)} made, {killed} killed, {same} equivalent, {rest} survived"


if __name__ == "__main__":
    sys.exit(main())
