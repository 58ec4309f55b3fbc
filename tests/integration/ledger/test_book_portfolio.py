"""What the book of a trade says of equity, sectors and greeks: the ledger's numbers, and only where a limit asks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from functions.core.instruments import OptionSymbol
from functions.core.ledger.book_market import BookMarket
from functions.core.ledger.judging import RiskLedger
from tests.integration.ledger.desk import NOON, Desk, rules_of
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.test_account_rules import BEFORE, WITHIN, told
from tests.integration.ledger.test_judging_options import filled, leg, place
from tests.integration.ledger.test_uncovering import judged

D = Decimal
EXPIRY = date(2013, 11, 16)
CALL, QUIET = (str(OptionSymbol("SPY", EXPIRY, "call", Decimal(strike))) for strike in (170, 180))
SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}


@pytest.fixture(scope="module", autouse=True)
def _market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    for symbol, mark in ((CALL, "3"), (QUIET, "1"), ("SPY", "100")):
        if symbol != "SPY":
            ledger.run(
                "insert into public.instruments "
                "(symbol, kind, multiplier, underlying, option_right, strike, expires_on, source) "
                "values (%s, 'option', 100, 'SPY', 'call', %s, %s, 'test') on conflict do nothing",
                symbol,
                OptionSymbol.parse(symbol).strike,
                EXPIRY,
            )
        ledger.run(
            "insert into public.position_marks (symbol, mark, marked_at, source) values (%s, %s, %s, 'test') "
            "on conflict (symbol) do update set mark = excluded.mark, marked_at = excluded.marked_at",
            symbol,
            mark,
            NOON,
        )
    listed = {"symbol": CALL, "feed": "test", "listed_at": NOON.isoformat()}
    quote = {"bid": "2.9", "ask": "3.3", "bid_size": "1", "ask_size": "1", "quoted_at": NOON.isoformat()}
    greeks = {"delta": "0.5", "gamma": "0.04", "vega": "0.1"}
    said = {"p_contracts": [listed], "p_quotes": [{"symbol": CALL, "feed": "test"} | quote | greeks]}
    ledger.call("record_option_data", "fn_ingest", **said)


def market_of(desk: Desk, trade: UUID) -> BookMarket:
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    return found.market


def limited(desk: Desk, *names: str) -> None:
    for name in names:
        unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
        said = {"p_scope": "account", "p_scope_id": desk.account, "p_name": name, "p_value": "50", "p_unit": unit}
        desk.ledger.call("set_limit", "authenticated", desk.user, **said)


def test_book_when_no_limit_asks_then_nothing_of_it_is_looked_up(desk: Desk) -> None:
    told(desk, BEFORE)
    found, nothing = market_of(desk, desk.place()), BookMarket()
    assert (found.equity, found.sectors, found.greeks) == (nothing.equity, nothing.sectors, nothing.greeks)


def test_equity_when_told_several_times_then_the_last_word_of_before_the_open_counts(desk: Desk) -> None:
    limited(desk, "margin_utilisation")
    trade = desk.place()
    assert market_of(desk, trade).equity is None
    told(desk, WITHIN, "700")
    first = market_of(desk, trade).equity
    assert first is not None
    assert (first.equity, first.margin_requirement, first.as_of) == (D(700), None, WITHIN)
    told(desk, BEFORE - timedelta(hours=1), "900")
    told(desk, BEFORE, "1000", p_margin_requirement="250")
    found = market_of(desk, trade).equity
    assert found is not None
    assert (found.equity, found.margin_requirement, found.as_of) == (D(1000), D(250), BEFORE)


def test_sectors_when_nobody_has_entered_any_then_the_limit_is_refused_and_else_an_option_has_its_underlying_s(
    desk: Desk,
) -> None:
    with refused("SOURCE_NOT_CONFIGURED", 422):
        limited(desk, "sector_concentration")
    desk.ledger.run("update public.instruments set sector = 'funds' where symbol = 'SPY'")
    try:
        limited(desk, "sector_concentration")
        desk.hold("1", "100")
        trade = place(desk, leg(CALL, "buy"), price="3")
        assert market_of(desk, trade).sectors == {"SPY": "funds", CALL: "funds"}
        assert market_of(desk, desk.place(symbol="IWM")).sectors == {"SPY": "funds", "IWM": None}
    finally:
        desk.ledger.run("update public.instruments set sector = null where symbol = 'SPY'")


def test_greeks_when_options_are_held_and_ordered_then_the_feed_s_and_what_it_takes_to_reckon_the_others(
    desk: Desk,
) -> None:
    filled(desk, place(desk, leg(QUIET, "buy"), price="1"), "1")
    limited(desk, "net_vega_limit")
    found = market_of(desk, place(desk, leg(CALL, "buy"), price="3")).greeks
    assert found.keys() == {CALL, QUIET}
    spoken, quiet = found[CALL], found[QUIET]
    assert spoken.told == (Decimal("0.5"), Decimal("0.04"), Decimal("0.1"))
    assert (spoken.price, spoken.priced_at, spoken.spot, spoken.spot_at) == (D("3.1"), NOON, D(100), NOON)
    assert (quiet.told, quiet.price, quiet.right, quiet.strike, quiet.expires_on) == (
        None,
        D(1),
        "call",
        D(180),
        EXPIRY,
    )


def test_judging_when_the_equity_does_not_carry_the_order_then_refused_by_the_rule(desk: Desk) -> None:
    told(desk, BEFORE, "10000")
    desk.ledger.call(
        "record_account_rules",
        "fn_execute",
        p_account_id=desk.account,
        p_as_of=BEFORE,
        p_rules=rules_of(options_level=4),
    )
    told(desk, WITHIN, "10000", p_options_buying_power="10000")
    limited(desk, "symbol_concentration", "net_delta_limit")
    trade = place(desk, leg(CALL, "buy"), price="3", quantity="17")
    judged(desk, trade)
    said = dict(
        desk.ledger.rows("select rule, numbers ->> 'after' from public.risk_decisions where trade_id = %s", trade)
    )
    # 17 contracts at 3.10; 0.5 of 100 dollars for each unit.
    assert (said["SYMBOL_CONCENTRATION"], said["NET_DELTA_LIMIT"]) == ("5270", "85000")
    assert desk.status(trade) == "rejected"
