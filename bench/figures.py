"""What was measured: a figure, what it should be, and how far its measurements lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.spread import Spread


@dataclass(frozen=True)
class Goal:
    """A figure should be at most, or at least, so much."""

    bound: float
    at_least: bool = False

    def reached(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {number(self.bound)}"


@dataclass(frozen=True)
class Figure:
    """One line of the report. `subject` is whose figure it is; `detail` is the spread and what one must know."""

    subject: str
    name: str
    value: float
    unit: str
    detail: str = ""
    goal: Goal | None = None


def number(value: float) -> str:
    """Three digits that mean something, and no more; thousands with a comma."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def over_rounds(values: Sequence[float]) -> str:
    """The spread over a few rounds."""
    spread = Spread.of(values)
    return f"rounds {number(spread.least)} to {number(spread.most)}, n = {spread.count}"


def over_samples(spread: Spread) -> str:
    """The spread over many samples: the middle half, and how many there were."""
    return f"middle half {number(spread.lower_quartile)} to {number(spread.upper_quartile)}, n = {spread.count:,}"
