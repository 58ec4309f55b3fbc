"""The exchange's calendar, computed once for all tape tests."""

from __future__ import annotations

import pytest

from local.tape.sessions import MarketCalendar, new_york


@pytest.fixture(scope="session")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> MarketCalendar:
    return new_york(cache=tmp_path_factory.mktemp("calendar"))
