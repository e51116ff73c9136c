"""One way to weaken the database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`name` is the same in every run; `statement` is what weakens the database."""

    kind: str
    name: str
    statement: str
