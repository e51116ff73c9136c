import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.spread import Spread, percentile

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1)


@pytest.mark.parametrize(
    ("percent", "expected"),
    [(0, 1.0), (25, 1.75), (50, 2.5), (99, 3.97), (100, 4.0)],
)
def test_a_percentile_lies_between_its_neighbours_in_proportion(percent: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == pytest.approx(expected)


def test_one_value_is_each_of_its_percentiles() -> None:
    assert [percentile([7.0], percent) for percent in (0, 50, 99, 100)] == [7.0] * 4


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@given(VALUES)
def test_the_parts_of_a_spread_are_in_order(values: list[float]) -> None:
    spread = Spread.of(values)
    # Interpolation rounds: neighbours that are almost equal may change places in the last digit.
    parts = [spread.least, spread.lower_quartile, spread.median, spread.upper_quartile, spread.p99, spread.most]
    assert all(lower <= upper + 1e-6 for lower, upper in itertools.pairwise(parts))
    assert spread.count == len(values)
