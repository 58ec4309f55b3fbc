"""The exchange's calendar, computed once per machine."""

from __future__ import annotations

import pytest

from local.tape.sessions import MarketCalendar, new_york
from tests.prepared import calendar_cache


@pytest.fixture(scope="session")
def calendar() -> MarketCalendar:
    return new_york(cache=calendar_cache())
