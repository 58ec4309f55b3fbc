"""What nobody asks for is believed for a moment of event time, and for no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from functions.core import quiet
from functions.core.quiet import Quiet

NOON = datetime(2018, 2, 5, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "believed"), [(-0.001, False), (0, True), (1.999, True), (2, False)])
def test_quiet_when_nobody_asked_then_believed_from_then_on_for_as_long_as_it_lasts(
    seconds: float, believed: bool
) -> None:
    kept = Quiet(timedelta(seconds=2))
    kept.nobody_asks("SPY", NOON)
    at = NOON + timedelta(seconds=seconds)
    assert (kept.about("SPY", at), kept.about("IWM", at)) == (believed, False)


def test_quiet_when_it_is_forgotten_or_too_much_then_it_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_MOST", 2)
    kept = Quiet(timedelta(seconds=2))
    for symbol in ("SPY", "IWM", "QQQ"):
        kept.nobody_asks(symbol, NOON)
    assert [kept.about(symbol, NOON) for symbol in ("SPY", "IWM", "QQQ")] == [False, False, True]
    kept.forget()
    assert not kept.about("QQQ", NOON)
