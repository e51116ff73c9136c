"""What many measurements of one thing come to."""

from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent lie, between neighbours in proportion. Raises ValueError for none."""
    if not values:
        raise ValueError("There is no percentile of nothing.")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@dataclass(frozen=True)
class Spread:
    """The middle of some measurements and how far they lie apart."""

    count: int
    median: float
    p99: float
    lower_quartile: float
    upper_quartile: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Raises ValueError for no values at all."""
        median, p99, lower, upper = (percentile(values, percent) for percent in (50, 99, 25, 75))
        return cls(len(values), median, p99, lower, upper, min(values), max(values))
