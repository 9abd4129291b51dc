from __future__ import annotations

import pytest

from llmdeploy.gates.statistics import percentile, summary, with_omitted


# The nearest-rank example of https://en.wikipedia.org/wiki/Percentile.
@pytest.mark.parametrize(("percent", "value"), [(5, 15), (30, 20), (40, 20), (50, 35), (100, 50), (0, 15)])
def test_nearest_rank(percent: float, value: float) -> None:
    assert percentile([15, 20, 35, 40, 50], percent) == value


def test_percentiles_of_one_to_a_hundred_are_their_own_numbers() -> None:
    samples = list(range(1, 101))
    assert [percentile(samples, percent) for percent in range(1, 101)] == samples


def test_p99_of_few_samples_is_the_largest() -> None:
    assert percentile(list(range(99)), 99) == 98


def test_no_samples_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)
    assert summary([]) == {"count": 0}


def test_a_summary_is_in_milliseconds_and_needs_no_order() -> None:
    assert summary([0.3, 0.1, 0.2]) == {
        "p50": 200.0, "p90": 300.0, "p95": 300.0, "p99": 300.0, "max": 300.0, "mean": 200.0, "count": 3,
    }  # fmt: skip


def test_a_stall_adds_the_requests_that_it_kept_back() -> None:
    # recordValueWithExpectedInterval(100, 25) of HdrHistogram records 100, 75, 50 and 25.
    assert sorted(with_omitted([100, 25], 25)) == [25, 25, 50, 75, 100]


def test_ordinary_variance_adds_nothing() -> None:
    assert with_omitted([1.0, 1.5, 1.99], 1.0) == [1.0, 1.5, 1.99]
    assert with_omitted([1.0], 0.0) == [1.0]
