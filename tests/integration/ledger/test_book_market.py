"""What the ledger tells the rules of the market: turnover, dates, the newest bars; and who may enter dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.ledger.book_market import BookMarket
from functions.core.ledger.judging import RiskLedger
from functions.risk.facts.market import MarketFacts
from functions.risk.judging import Judge
from functions.risk.reading import book_of
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.people import ask, new_administrator, signed_in
from tests.unit.core.doubles import World

SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}
D = Decimal
SHARE, OTHER, CALL = "BMX", "BMY", "BMX131019C00100000"
MIDNIGHT = NOON - timedelta(hours=12)


@pytest.fixture(scope="module", autouse=True)
def _market(ledger: Ledger) -> None:
    """Two shares, an option on one of them, a session, and bars of four days."""
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    shares = [
        {"symbol": SHARE, "kind": "equity", "ex_dividend_dates": ["2013-09-20", "2013-10-07", "2013-10-10"]},
        {"symbol": OTHER, "kind": "equity"},
        {"symbol": CALL, "kind": "option"},
    ]
    ledger.call("upsert_instruments", "fn_ingest", p_instruments=shares, p_source="test", p_as_of="2013-10-01")
    # The day itself is not over at noon, and the first is more than 30 days back.
    bars = [
        _bar("1Day", MIDNIGHT - timedelta(days=days), timedelta(days=1), volume)
        for days, volume in ((0, "9"), (1, "100"), (2, "201"), (40, "7"))
    ]
    bars.append(_bar("1Min", NOON - timedelta(minutes=2), timedelta(minutes=1), "5"))
    ledger.call("record_market_data", "fn_ingest", p_bars=bars)
    listed = {"symbol": CALL, "feed": "test", "listed_at": NOON.isoformat(), "open_interest": 70}
    ledger.call(
        "record_option_data", "fn_ingest", p_contracts=[listed | {"open_interest_on": "2013-10-04"}], p_quotes=[]
    )


def _bar(timeframe: str, starts_at: Any, lasts: timedelta, volume: str) -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "close"), "100")
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + lasts).isoformat()}
    return {"symbol": SHARE, "timeframe": timeframe, "volume": volume, "feed": "test"} | prices | times


def limited(desk: Desk, *names: str) -> None:
    for name in names:
        desk.ledger.run(
            "select public.set_limit('account', %s, %s, '1', private.limit_unit(%s))", desk.account, name, name
        )


def placed(desk: Desk, symbol: str, **more: Any) -> UUID:
    key = str(len(desk.ledger.rows("select id from public.trades where user_id = %s", desk.user)))
    trade = desk.place_by_hand(key, "buy", "1", symbol=symbol, **more)
    desk.ledger.tamper("update public.trades set event_at = %s, good_until = %s where id = %s", NOON, NOON, trade)
    return trade


def market_of(desk: Desk, trade: UUID) -> BookMarket:
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    assert found.market is not None
    return found.market


def facts_of(desk: Desk, trade: UUID) -> MarketFacts:
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    facts = book_of(found, {}).market
    assert facts is not None
    return facts


def entered(desk: Desk, kind: str, first: str | None, last: str | None = None, symbol: str | None = SHARE) -> str:
    said = {"p_kind": kind, "p_from": first, "p_until": last or first, "p_symbol": symbol, "p_reason": "a test"}
    return str(desk.ledger.call("set_blackout", "authenticated", desk.user, **said))


def test_turnover_when_no_limit_asks_for_it_then_it_is_not_read(desk: Desk) -> None:
    found = market_of(desk, placed(desk, SHARE))
    assert found.turnover is not None
    assert (found.turnover.daily_volume, found.turnover.open_interest, found.bars) == ({}, {}, {})


def test_turnover_when_limits_ask_for_it_then_days_that_are_over_count_and_of_an_option_its_underlyings(
    desk: Desk,
) -> None:
    limited(desk, "min_volume", "min_open_interest", "stale_bars")
    for symbol in (SHARE, CALL):
        facts = facts_of(desk, placed(desk, symbol))
        assert facts.turnover is not None
        assert facts.turnover.daily_volume == {SHARE: D(151)}  # 100 and 201, rounded.
        assert facts.turnover.open_interest == ({CALL: (D(70), 3)} if symbol == CALL else {})
        assert facts.bars_until is not None
        assert list(facts.bars_until) == [SHARE]
    facts = facts_of(desk, placed(desk, OTHER))
    assert facts.turnover is not None
    assert (facts.turnover.daily_volume, facts.bars_until) == ({}, {})


def test_dates_when_entered_then_those_of_the_day_the_symbol_and_everything_are_in_force(desk: Desk) -> None:
    entered(desk, "other", "2013-10-06", "2013-10-07")
    entered(desk, "expiry", "2013-10-07", "2013-10-09", symbol=None)
    entered(desk, "other", "2013-10-08")
    entered(desk, "other", "2013-10-07", symbol=OTHER)
    gone = entered(desk, "earnings", "2013-10-07")
    assert desk.ledger.call("remove_blackout", "authenticated", desk.user, p_blackout_id=gone) is True
    assert desk.ledger.call("remove_blackout", "authenticated", desk.user, p_blackout_id=gone) is False
    for symbol in (SHARE, CALL):
        dates = market_of(desk, placed(desk, symbol)).dates
        assert dates is not None
        assert [(each.symbol, each.kind, str(each.until_date)) for each in dates.blackouts] == [
            (SHARE, "other", "2013-10-07"),
            (None, "expiry", "2013-10-09"),
        ]
        assert str(dates.today) == "2013-10-07"


def test_dates_when_limits_ask_for_the_next_ones_then_none_is_told_from_not_known(desk: Desk) -> None:
    entered(desk, "earnings", "2013-10-11")
    entered(desk, "earnings", "2013-10-09", "2013-10-10")
    entered(desk, "earnings", "2013-10-04")
    limited(desk, "blackout_days_before", "ex_dividend_days")
    dates = facts_of(desk, placed(desk, CALL)).dates
    assert dates is not None
    # The ex-dividend date of today owes nobody anything any more.
    assert (dates.days_to_earnings, dates.days_to_ex_dividend) == ({SHARE: 2}, {SHARE: 3})
    dates = facts_of(desk, placed(desk, OTHER)).dates
    assert dates is not None
    assert (dates.days_to_earnings, dates.days_to_ex_dividend) == ({}, {})
    entered(desk, "earnings", None, symbol=OTHER)
    entered(desk, "ex_dividend", None, symbol=OTHER)
    dates = facts_of(desk, placed(desk, OTHER)).dates
    assert dates is not None
    assert (dates.days_to_earnings, dates.days_to_ex_dividend) == ({OTHER: None}, {OTHER: None})


def test_judging_when_the_day_is_closed_for_the_symbol_then_entries_are_rejected_and_anothers_dates_hold_nobody(
    desk: Desk,
) -> None:
    stranger = Desk.open(desk.ledger)
    entered(stranger, "earnings", "2013-10-07")
    for at_closed, status in ((False, "approved"), (True, "rejected")):
        if at_closed:
            entered(desk, "earnings", "2013-10-07")
        trade = placed(desk, SHARE)
        world = World()
        world.clock.at = NOON
        quote = {"symbol": SHARE, "bid": "99", "ask": "101", "bid_size": "1", "ask_size": "1", "feed": "test"}
        world.hot.put(f"quote:{SHARE}", quote | {"quoted_at": NOON.isoformat()})
        Judge(replace(world.ports, ledger=Direct(desk.ledger, "fn_risk"))).judge_pending(desk.account)
        assert desk.status(trade) == status
    refusal = desk.ledger.one("select refusal from public.trades where id = %s", trade)
    assert refusal == f"BLACKOUT: symbol={SHARE} kind=earnings until=2013-10-07 reason=a test"


def test_judging_when_an_order_says_extended_hours_then_it_is_kept_sent_and_only_for_a_days_limit(desk: Desk) -> None:
    said = {"order_type": "limit", "price": "100", "extended_hours": True}
    trade = placed(desk, SHARE, **said)
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    assert found.trade.extended_hours
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["extended_hours"] is True
    for strange in ({"order_type": "market", "price": None}, {"time_in_force": "gtc"}):
        with refused("BAD_ORDER", 422):
            placed(desk, SHARE, **(said | strange))
    with refused("NO_EXTENDED_HOURS", 422):
        placed(desk, CALL, **said)


@pytest.mark.parametrize(
    ("kind", "first", "last", "symbol"),
    [
        ("party", "2013-10-07", "2013-10-07", SHARE),
        ("other", "2013-10-08", "2013-10-07", SHARE),
        ("other", None, None, SHARE),
        ("earnings", None, None, None),
        ("earnings", None, "2013-10-07", SHARE),
    ],
)
def test_blackout_when_it_makes_no_sense_then_refused(
    desk: Desk, kind: str, first: str | None, last: str | None, symbol: str | None
) -> None:
    with refused("BAD_BLACKOUT", 422):
        entered(desk, kind, first, last, symbol)


def test_blackout_when_entered_twice_then_it_is_one_and_a_removed_one_comes_back(desk: Desk) -> None:
    first = entered(desk, "other", "2013-12-24")
    assert desk.ledger.call("remove_blackout", "authenticated", desk.user, p_blackout_id=first)
    assert entered(desk, "other", "2013-12-24") == first
    row = "select removed_at is null, changed_by, user_id = %s from public.blackout_dates where id = %s"
    assert desk.ledger.rows(row, desk.user, first) == [(True, f"user:{desk.user}", True)]


def test_blackout_when_it_is_everybodys_then_an_administrator_alone_enters_and_removes_it(desk: Desk) -> None:
    said = {"p_kind": "other", "p_from": "2013-12-25", "p_until": "2013-12-25", "p_for_everybody": True}
    with refused("ADMINISTRATOR_NEEDED", 403):
        desk.ledger.call("set_blackout", "authenticated", desk.user, **said)
    chief = new_administrator(desk.ledger)
    with signed_in(desk.ledger, chief, app_metadata={"administrator": True}, aal="aal2") as connection:
        ids = [ask(connection, "set_blackout", **said) for _ in range(2)]
    assert ids[0] == ids[1]
    with refused("ADMINISTRATOR_NEEDED", 403):
        desk.ledger.call("remove_blackout", "authenticated", desk.user, p_blackout_id=ids[0])
    stranger = Desk.open(desk.ledger)
    with refused("NO_SUCH_BLACKOUT", 404):
        desk.ledger.call(
            "remove_blackout", "authenticated", stranger.user, p_blackout_id=entered(desk, "other", "2013-12-26")
        )


def test_limit_when_nobody_has_entered_earnings_then_it_cannot_be_set(fresh_desk: Desk) -> None:
    with refused("SOURCE_NOT_CONFIGURED", 422):
        limited(fresh_desk, "blackout_days_before")
    entered(fresh_desk, "earnings", "2013-10-09", symbol="SPY")
    limited(fresh_desk, "blackout_days_before")
