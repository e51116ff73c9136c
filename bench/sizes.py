"""How much is measured: the whole, and the quick one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Of everything that a run does.

    `alone` and `together` are replies in each round, of one client and of many; `crowd_turns` is how many replies each
    of the 300 clients takes; `thousand_tokens` is how long each of the thousand replies is; `reads` are tries of each
    page; `messages` is how many there are in the large table.
    """

    rounds: int = 5
    clients: int = 32
    alone: int = 100
    together: int = 600
    crowd: int = 300
    crowd_turns: int = 4
    thousand: int = 1_000
    thousand_tokens: int = 400
    reads: int = 500
    messages: int = 10_000_000
    turns_in_long_session: int = 10_000
    starts: int = 3
    steps: tuple[int, ...] = (25, 50, 100, 200, 300, 400, 600, 900, 1_300)
    step_seconds: float = 10


WHOLE = Size()
QUICK = Size(
    rounds=3,
    alone=40,
    together=200,
    crowd_turns=1,
    thousand=300,
    thousand_tokens=100,
    reads=100,
    messages=100_000,
    starts=1,
    steps=(50, 300),
    step_seconds=3,
)
