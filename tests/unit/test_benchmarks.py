"""What the benchmarks report is what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.api import _columns, _figures
from benchmarks.dashboard.bundle import entry
from benchmarks.dashboard.latency import first, legs
from benchmarks.measuring import WARM_UP_ROUNDS, Throughput, compared, measure, percentile
from functions.core.errors import Unavailable

SAMPLES = st.lists(st.floats(0.0001, 10), min_size=1, max_size=50)


@given(SAMPLES, st.integers(1, 100))
def test_percentile_when_taken_then_it_is_a_sample_and_that_many_lie_at_or_below_it(
    samples: list[float], percent: int
) -> None:
    found = percentile(samples, percent)
    assert found in samples
    assert sum(sample <= found for sample in samples) * 100 >= percent * len(samples)


def test_percentile_when_there_are_no_samples_then_it_raises() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 50)


def test_compared_when_one_is_twice_as_slow_as_the_floor_then_its_ratio_is_two() -> None:
    ours, floor = compared({"ours": [0.002, 0.002, 0.008], "floor": [0.001]})
    assert (ours.count, ours.p50_ms, ours.p99_ms, ours.ratio) == (3, 2.0, 8.0, 2.0)
    assert floor.ratio == 1.0


def test_measure_when_run_then_contestants_take_turns_and_no_number_comes_twice() -> None:
    called: list[tuple[str, int]] = []
    contestants = {
        "ours": lambda number: called.append(("ours", number)),
        "floor": lambda number: called.append(("floor", number)),
    }
    result = measure("title", "note", contestants, rounds=3, seconds=60)
    assert [name for name, _ in called[:4]] == ["ours", "floor", "ours", "floor"]
    assert len(set(called)) == len(called) == 2 * (3 + WARM_UP_ROUNDS)
    assert [figures.count for figures in result.figures] == [3, 3]


def test_measure_when_the_time_is_up_then_it_ends_with_what_there_is() -> None:
    result = measure("title", "note", {"floor": lambda _number: None}, rounds=1_000_000_000, seconds=0)
    assert result.figures[0].count == 1


def test_throughput_when_the_floor_is_three_times_as_fast_then_the_ratio_is_three() -> None:
    assert Throughput("title", 8, {"ours": 500.0, "floor": 1500.0}).ratio("ours") == 3.0


def test_throughput_when_a_floor_is_named_then_the_ratio_is_to_that_one() -> None:
    rates = {"ours": 500.0, "in turn": 1000.0, "floor": 1500.0}
    assert Throughput("title", 8, rates).ratio("ours", "in turn") == 2.0


def test_columns_when_the_gateway_is_asked_then_as_the_api_asks_it() -> None:
    columns = _columns("Trade").split(",")
    assert {"id", "event_at", "quantity::text", "fill_price::text"} <= set(columns)


def test_load_when_measured_then_requests_a_second_and_the_ratio_of_the_medians() -> None:
    found = _figures("read", "API", 8, [0.003, 0.003, 0.009, 0.003], 2.0, 0.002)
    assert (found.count, found.per_second, found.p50_ms, found.p99_ms, found.ratio) == (4, 2.0, 3.0, 9.0, 1.5)


CHANGES = {("SPY", 2): 1000.0, ("SPY", 3): 1010.0, ("IWM", 2): 1020.0}


def test_first_when_a_later_change_was_seen_instead_then_it_counts_unless_exactly_that_one_is_asked_for() -> None:
    seen = [(1030.0, "SPY", 3), (1040.0, "SPY", 3), (1025.0, "IWM", 1)]
    assert first(seen, CHANGES) == {("SPY", 2): 1030.0, ("SPY", 3): 1030.0}
    assert first(seen, CHANGES, exact=True) == {("SPY", 3): 1030.0}


def test_legs_when_every_change_took_as_long_then_the_parts_are_the_whole_and_the_ratio_is_to_the_floor() -> None:
    def after(milliseconds: float) -> dict[tuple[str, int], float]:
        return {change: at + milliseconds for change, at in CHANGES.items()}

    whole, to_socket, to_pixels, bare, floor = legs(CHANGES, after(2), after(4), after(10), after(30))
    assert (whole.count, whole.p50_ms, whole.p95_ms, whole.ratio) == (3, 30.0, 30.0, 3.0)
    assert to_socket.p50_ms + to_pixels.p50_ms == whole.p50_ms
    assert (bare.p50_ms, bare.ratio, floor.p50_ms, floor.ratio) == (2.0, None, 10.0, 1.0)


def test_entry_when_index_names_files_then_they_are_as_large_as_they_are_served(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(
        '<script src="/assets/a.js"></script><link href="/assets/b.css" /><img src="/c.js" />'
    )
    for name, size in (("a.js", 5000), ("a.js.gz", 1200), ("b.css", 300)):
        (tmp_path / "assets" / name).write_bytes(bytes(size))
    assert [(file.name, file.gzip_bytes, file.is_script) for file in entry(tmp_path)] == [
        ("a.js", 1200, True),
        ("b.css", 300, False),
    ]


def test_entry_when_nothing_is_built_then_it_says_how() -> None:
    with pytest.raises(Unavailable, match="make setup"):
        entry(Path("/nowhere"))
