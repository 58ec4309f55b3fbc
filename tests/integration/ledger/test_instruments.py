"""Instruments: the tick at a price, and the terms that a symbol says of itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from functions.core.instruments import STOCK_TICKS, OptionSymbol
from functions.core.ledger.market_data import ListedInstrument, MarketDataLedger, TickStep
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.market import CALL

_NICKELS = '[{"from": "0", "tick": "0.05"}, {"from": "3", "tick": "0.10"}]'


def _add(ledger: Ledger, symbol: str, kind: str, **more: Any) -> None:
    columns = {"symbol": symbol, "kind": kind, "source": "test"} | more
    ledger.run(
        f"insert into public.instruments ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})",  # noqa: S608
        *columns.values(),
    )


def _tick(ledger: Ledger, symbol: str, price: str | None) -> Decimal | None:
    found: Decimal | None = ledger.one("select private.tick_at(%s, %s::numeric)", symbol, price)
    return found


@pytest.mark.parametrize("price", ["0", "0.5", "0.9999", "1", "1.01", "250"])
def test_tick_at_when_a_share_has_a_price_then_it_is_the_step_that_python_uses(ledger: Ledger, price: str) -> None:
    assert _tick(ledger, "SPY", price) == STOCK_TICKS.at(Decimal(price))


def test_tick_at_when_a_net_price_is_received_then_its_sign_is_ignored(ledger: Ledger) -> None:
    assert _tick(ledger, "SPY", "-2.50") == Decimal("0.01")


def test_tick_at_when_symbol_or_price_is_unknown_then_it_is_unknown(ledger: Ledger) -> None:
    assert _tick(ledger, "NOBODY", "1") is None
    assert _tick(ledger, "SPY", None) is None


def test_tick_at_when_an_option_has_its_own_class_then_the_step_changes_at_three_dollars(ledger: Ledger) -> None:
    _add(ledger, "XYZ181221C00250500", "option", multiplier=100, ticks=_NICKELS)
    assert [_tick(ledger, "XYZ181221C00250500", price) for price in ("2.95", "3", "3.10")] == [
        Decimal("0.05"),
        Decimal("0.10"),
        Decimal("0.10"),
    ]


def test_option_when_added_then_its_symbol_says_its_terms(ledger: Ledger) -> None:
    symbol = OptionSymbol.parse("AB1181221P00012500")
    _add(ledger, str(symbol), "option", strike=99, option_right="call")
    assert ledger.rows(
        "select underlying, expires_on, option_right, strike, style from public.instruments where symbol = %s",
        str(symbol),
    ) == [(symbol.root, symbol.expiry, symbol.right, symbol.strike, None)]


@pytest.mark.parametrize(
    "ticks",
    [
        "{}",
        "[]",
        "[1]",
        '[{"from": "0"}]',
        '[{"from": "0", "tick": "0"}]',
        '[{"from": "0", "tick": "NaN"}]',
        '[{"from": "0", "tick": "Infinity"}]',
        '[{"from": "1", "tick": "0.01"}]',
        '[{"from": "0", "tick": "0.01"}, {"from": "0", "tick": "0.05"}]',
        '[{"from": "0", "tick": "0.01"}, {"from": "1", "tick": "0.03"}]',
    ],
)
def test_tick_table_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, ticks: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="ticks"):
        ledger.run("update public.instruments set ticks = %s where symbol = 'SPY'", ticks)


def test_tick_when_written_by_hand_then_it_is_refused(ledger: Ledger) -> None:
    with refused("TICK_FOLLOWS_TABLE", 422):
        ledger.run("update public.instruments set tick = 0.05 where symbol = 'SPY'")


def test_option_when_tradable_without_terms_then_it_is_refused_and_when_only_booked_it_is_kept(ledger: Ledger) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="an_option_has_its_terms"):
        _add(ledger, "ODD", "option")
    _add(ledger, "ODD", "option", tradable=False)


# --- lists of instruments --------------------------------------------------------------------------------------------


def test_instruments_when_listed_then_what_a_source_leaves_out_stays(
    market: MarketDataLedger, fresh_ledger: Ledger
) -> None:
    steps = (TickStep(start=Decimal(0), tick=Decimal("0.05")), TickStep(start=Decimal(3), tick=Decimal("0.10")))
    xyz = ListedInstrument(
        symbol="XYZ", kind="equity", sector="Energy", ex_dividend_dates=(date(2018, 3, 16), date(2018, 6, 15))
    )
    option = ListedInstrument(symbol=CALL, kind="option", ticks=steps, style="american")
    assert market.upsert_instruments([xyz, option], "list one", date(2018, 2, 5)) == 2
    assert market.upsert_instruments([xyz, option], "list one", date(2018, 2, 5)) == 0
    renamed = ListedInstrument(symbol="XYZ", kind="equity", name="Xyz Inc.", tradable=False)
    assert market.upsert_instruments([renamed], "list two", date(2018, 2, 6)) == 1
    assert market.upsert_instruments([xyz], "list one", date(2018, 2, 5)) == 0, "an older list changes nothing"
    assert fresh_ledger.rows(
        "select name, sector, ex_dividend_dates[2], tradable, source, as_of from public.instruments "
        "where symbol = 'XYZ'"
    ) == [("Xyz Inc.", "Energy", date(2018, 6, 15), False, "list two", date(2018, 2, 6))]
    assert fresh_ledger.rows(
        "select multiplier, strike, private.tick_at(symbol, 3) from public.instruments where symbol = %s", CALL
    ) == [(100, 250, Decimal("0.10"))]


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbol": "spy"},
        {"kind": "bond"},
        {"kind": None},
        {"multiplier": "0"},
        {"multiplier": "NaN"},
        {"lot": "-1"},
        {"ticks": [{"from": "0", "tick": "Infinity"}]},
        {"expires_on": "infinity"},
        {"kind": "option"},
        {"strike": "5"},
    ],
    ids=str,
)
def test_instrument_when_it_makes_no_sense_then_the_list_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    good = {"symbol": "AAA", "kind": "equity"}
    with refused("BAD_INSTRUMENT", 422):
        ledger.call(
            "upsert_instruments",
            "fn_ingest",
            p_instruments=[good, {"symbol": "BBB", "kind": "equity"} | wrong],
            p_source="test",
            p_as_of=date(2018, 2, 5),
        )
    assert ledger.one("select count(*) from public.instruments where symbol in ('AAA', 'BBB')") == 0


def test_instrument_when_it_was_traded_then_kind_and_multiplier_stay(fresh_desk: Desk) -> None:
    fresh_desk.place()
    market = MarketDataLedger(Direct(fresh_desk.ledger, "fn_ingest"))
    for wrong in (
        ListedInstrument(symbol="SPY", kind="equity", multiplier=Decimal(10)),
        ListedInstrument(symbol="SPY", kind="crypto"),
    ):
        with refused("TERMS_ARE_FIXED", 409):
            market.upsert_instruments([wrong], "test", date(2030, 1, 1))
    market.upsert_instruments([ListedInstrument(symbol="IWM", kind="crypto")], "test", date(2030, 1, 1))
