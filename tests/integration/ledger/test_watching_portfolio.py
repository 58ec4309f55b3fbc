"""The watch over concentration and greeks on a real ledger: its numbers, and what a breach closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.risk.watch.portfolio import PortfolioWatch
from tests.integration.ledger.desk import NOON, Desk, open_session
from tests.integration.ledger.ledger import Direct, Ledger
from tests.integration.ledger.test_judging_options import LOW, filled, leg, place
from tests.unit.core.doubles import StandingClock, World

AT = NOON + timedelta(minutes=6)
MARKS = {"SPY": "100", "IWM": "50", LOW: "3"}


@pytest.fixture(autouse=True, scope="module")
def _market(ledger: Ledger) -> None:
    ledger.run(
        "insert into public.instruments (symbol, kind, multiplier, underlying, option_right, strike, expires_on, "
        "source) values (%s, 'option', 100, 'SPY', 'call', 170, '2013-10-19', 'test')",
        LOW,
    )
    for symbol, price in MARKS.items():
        ledger.run(
            "insert into public.position_marks (symbol, mark, marked_at, source) values (%s, %s, %s, 'test') "
            "on conflict (symbol) do update set mark = excluded.mark, marked_at = excluded.marked_at",
            symbol,
            price,
            NOON,
        )


@pytest.fixture
def holder(desk: Desk) -> Desk:
    """A strategy's hundred shares of SPY and fifty of IWM, and five calls of the trader's own; 20 000 dollars."""
    open_session(desk)
    desk.hold("100", "100")
    _, order = desk.working(quantity="50", symbol="IWM")
    desk.fill(order, "50", "50", symbol="IWM")
    filled(desk, place(desk, leg(LOW, "buy"), price="3", quantity="5"), "3")
    told = {"p_as_of": NOON, "p_cash": "1", "p_equity": "20000"}
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, **told)
    return desk


def limited(desk: Desk, name: str, value: str, act: str, scope: str = "account") -> UUID:
    ids = {"user": desk.user, "account": desk.account, "strategy": desk.strategy}
    unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
    said: dict[str, Any] = {
        "p_scope": scope,
        "p_scope_id": ids[scope],
        "p_name": name,
        "p_value": value,
        "p_unit": unit,
    }
    limit: UUID = desk.ledger.call("set_limit", "authenticated", desk.user, **said, p_act=act)
    return limit


def watched(desk: Desk) -> list[tuple[Any, ...]]:
    """What happened to the limits after two looks, one on a fill and one by the minute."""
    watch = PortfolioWatch(
        replace(World().ports, ledger=Direct(desk.ledger, "fn_risk"), clock=StandingClock(AT + timedelta(seconds=1)))
    )
    watch.on_fill(desk.account, AT)
    watch.sweep()
    return desk.ledger.rows(
        "select name, happened, measured from public.limit_breaches where user_id = %s order by name", desk.user
    )


def placed(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select side, symbol, quantity::int from public.trades where user_id = %s and source = 'risk' order by symbol",
        desk.user,
    )


def test_symbol_concentration_when_it_is_broken_then_that_underlying_is_reduced_with_its_options(
    holder: Desk,
) -> None:
    # 10 000 and 1 500 of 20 000 dollars: of 57.5 percent a fifth is too much.
    limited(holder, "symbol_concentration", "46", "reduce", "user")
    assert watched(holder) == [("symbol_concentration", "breached", Decimal("57.5"))]
    assert placed(holder) == [("sell", "SPY", 20), ("sell", LOW, 1)]


def test_sector_concentration_when_it_is_broken_then_entries_are_blocked_and_nothing_is_sold(holder: Desk) -> None:
    holder.ledger.run("update public.instruments set sector = 'funds' where symbol in ('SPY', 'IWM')")
    try:
        limited(holder, "sector_concentration", "60", "block_entries")
        assert watched(holder) == [("sector_concentration", "breached", Decimal(70))]
    finally:
        holder.ledger.run("update public.instruments set sector = null where symbol in ('SPY', 'IWM')")
    assert (holder.halted(), placed(holder)) == (True, [])


def test_greeks_when_they_are_told_then_those_of_the_strategy_and_of_the_account_are_measured(holder: Desk) -> None:
    listed = {"symbol": LOW, "feed": "test", "listed_at": NOON.isoformat()}
    quote = {"symbol": LOW, "bid": "2.9", "ask": "3.1", "bid_size": "1", "ask_size": "1", "feed": "test"}
    greeks = {"delta": "0.5", "gamma": "0.02", "vega": "0.1", "quoted_at": AT.isoformat()}
    holder.ledger.call("record_option_data", "fn_ingest", p_contracts=[listed], p_quotes=[quote | greeks])
    limited(holder, "net_delta_limit", "12000", "warn", "strategy")
    limited(holder, "net_gamma_limit", "900", "deactivate")
    limited(holder, "net_vega_limit", "60", "warn")
    # The strategy's shares; of the account's calls 5 x 0.02 x 100 x 100 x 100 / 100, and 5 x 0.1 x 100.
    assert watched(holder) == [
        ("net_delta_limit", "breached", Decimal(12500)),
        ("net_gamma_limit", "breached", Decimal(1000)),
        ("net_vega_limit", "warned", Decimal(50)),
    ]
    assert holder.ledger.one("select status from public.strategies where id = %s", holder.strategy) == "inactive"


def test_portfolio_when_no_such_limit_is_set_then_nothing_is_read(holder: Desk) -> None:
    said = {"p_at": AT, "p_account_id": holder.account}
    assert holder.ledger.call("watch_portfolio", "fn_risk", **said) == []
