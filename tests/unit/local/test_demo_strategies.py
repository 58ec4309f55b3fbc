"""The demo's strategies fit their kinds, and the demo of every kind leaves none out."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from functions.strategy.catalogue import examine, kinds, package_of
from functions.strategy.interface import Strategy
from local.cli.demo_command import stop_at
from local.cli.demo_strategies import DEFAULT_PLAN, EVERY_KIND, DemoPlan


def test_every_kind_when_played_then_it_has_one_of_each_built_in_kind() -> None:
    built_in = {kind for kind in kinds() if package_of(kind) is None}
    assert sorted(one.kind for one in EVERY_KIND.strategies) == sorted(built_in)


@pytest.mark.parametrize("plan", [DEFAULT_PLAN, EVERY_KIND], ids=["default", "all"])
def test_plan_when_its_strategies_are_built_then_their_configs_fit(plan: DemoPlan) -> None:
    for one in plan.strategies:
        found = examine(one.kind, {**one.config, "timeframe": one.timeframe}, ["SPY"])
        assert isinstance(found, Strategy), found


@pytest.mark.parametrize(
    ("day", "utc_hour"), [(date(2018, 2, 5), 15), (date(2018, 7, 5), 14)], ids=["winter", "summer"]
)
def test_until_when_given_then_it_is_new_york_s_clock(day: date, utc_hour: int) -> None:
    until = datetime(1900, 1, 1, 10, 30)  # noqa: DTZ001 - how the command line reads a wall clock
    assert stop_at(day, until) == datetime(day.year, day.month, day.day, utc_hour, 30, tzinfo=UTC)


def test_until_when_not_given_then_the_tape_is_played_to_its_end() -> None:
    assert stop_at(date(2018, 2, 5), None) is None
