"""Market data, instruments and times, as the SDK's models read them."""

from __future__ import annotations

import asyncio
from datetime import date
from email.utils import parsedate_to_datetime

import pytest
from tastytrade.instruments import Equity
from tastytrade.market_data import get_market_data, get_market_data_by_type
from tastytrade.market_sessions import ExchangeType, MarketStatus, get_market_holidays, get_market_sessions
from tastytrade.metrics import get_market_metrics, get_risk_free_rate
from tastytrade.order import InstrumentType
from tastytrade.utils import TastytradeError

from tests.contract.tastytrade_simulator.running import Running


async def test_market_data_when_it_is_asked_by_type_then_the_latest_of_each_symbol_comes(opened: Running) -> None:
    async with opened.session() as session:
        (spy,) = await get_market_data_by_type(session, equities=["SPY", "NOPE"])
        assert spy.bid is not None
        assert spy.ask is not None
        assert 0 < spy.bid < spy.ask
        assert spy.prev_close_date < spy.summary_date
        assert (await get_market_data(session, "SPY", InstrumentType.EQUITY)).mark == spy.mark
        with pytest.raises(TastytradeError, match="at most 100"):
            await get_market_data_by_type(session, equities=["SPY"] * 101)
        (metric,) = await get_market_metrics(session, ["SPY"])
        assert metric.symbol == "SPY"
        assert await get_risk_free_rate(session) > 0


async def test_sessions_when_the_tape_moves_then_the_state_follows_it(tastytrade: Running) -> None:
    async with tastytrade.session() as session:
        (closed,) = await get_market_sessions(session, [ExchangeType.NYSE])
        assert closed.status is MarketStatus.PRE_MARKET
        tastytrade.advance(2)
        (opened,) = await get_market_sessions(session, [ExchangeType.NYSE])
        assert opened.status is MarketStatus.OPEN
        assert opened.open_at is not None
        assert opened.next_session is not None
        assert opened.next_session.open_at > opened.open_at


async def test_holidays_when_they_are_asked_then_they_are_those_of_the_years_around_the_tape(opened: Running) -> None:
    async with opened.session() as session:
        calendar = await get_market_holidays(session)
    year = date.fromisoformat(opened.get("/control/state")["session"]).year
    assert date(year, 12, 25) in calendar.holidays
    assert {day.year for day in calendar.holidays} == {year - 1, year, year + 1}
    assert all(day not in calendar.holidays for day in calendar.half_days)


async def test_equities_when_they_are_asked_then_their_ticks_come_with_them(opened: Running) -> None:
    async with opened.session() as session:
        spy = await Equity.get(session, "SPY")
        assert [str(tick.value) for tick in spy.tick_sizes or []] == ["0.0001", "0.01"]
        assert spy.streamer_symbol == "SPY"
        assert [one.symbol for one in await Equity.get(session, ["SPY", "NOPE"])] == ["SPY"]
        with pytest.raises(TastytradeError, match="record_not_found"):
            await Equity.get(session, "NOPE")


async def test_date_header_when_anything_is_asked_then_it_is_the_tapes_time(opened: Running) -> None:
    answer = await asyncio.to_thread(opened.raw, "GET", "/market-time/sessions/current")
    now = opened.get("/control/state")["now"]
    assert parsedate_to_datetime(answer.headers["date"]).isoformat()[:19] == now[:19]
    assert answer.headers["date"].count("GMT") == 1
