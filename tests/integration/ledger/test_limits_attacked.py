"""Limits as a weapon: what one trader sets, by mistake or on purpose, never hurts another, nor their own exits."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from functions.core.ledger.exits import ExitLedger
from functions.core.ledger.judging import RiskLedger
from functions.core.ledger.watching import WatchLedger
from tests.integration.ledger.desk import NOON, Desk, order_of
from tests.integration.ledger.ledger import Direct, refused
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, ask, new_administrator, signed_in

OPTION = "SPY131019C00170000"


def limited(desk: Desk, name: str, value: str, **more: Any) -> None:
    unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
    said = {"p_scope": "account", "p_scope_id": desk.account, "p_name": name, "p_value": value, "p_unit": unit}
    desk.ledger.call("set_limit", "authenticated", desk.user, **said | more)


@pytest.mark.parametrize(
    ("said", "kept"), [("0x10", "16"), ("1_000", "1000"), ("1e-40", "0"), (1e-40, "0"), (" 70 ", "70"), (70, "70")]
)
def test_limit_when_a_parameter_is_written_oddly_then_it_is_kept_as_plain_text_and_every_book_is_read(
    desk: Desk, said: Any, kept: str
) -> None:
    neighbour = Desk.open(desk.ledger)
    for each in (desk, neighbour):
        each.hold("1")
        limited(each, "max_daily_loss", "500")
    limited(desk, "max_daily_loss", "500", p_parameters={"warn_at": said})
    risk = Direct(desk.ledger, "fn_risk")
    (limit,) = RiskLedger(risk).risk_book(desk.place_exit("sell", "1")).limits  # type: ignore[union-attr]
    assert limit.parameters == {"warn_at": int(kept)}
    assert desk.ledger.one("select parameters from public.risk_limits where user_id = %s", desk.user) == {
        "warn_at": kept
    }
    assert neighbour.account in {one.broker_account_id for one in WatchLedger(risk).watch_results(NOON)}


def placed(desk: Desk, symbol: str) -> UUID:
    """A pending order by hand, decided at noon."""
    order = order_of(quantity="1", symbol=symbol, signal=f"manual|{symbol}", broker_account_id=str(desk.account))
    said = json.dumps(order | {"event_at": NOON.isoformat()})
    return UUID(str(desk.ledger.one("select (private.place(%s::jsonb, %s, 'manual')).id", said, desk.user)))


def test_limit_on_quotes_when_it_is_longer_than_any_time_then_orders_of_everybody_are_sent_as_ever(desk: Desk) -> None:
    limited(desk, "stale_quote", "999999999999999")
    option = placed(desk, OPTION)
    listed = {"symbol": OPTION, "feed": "test", "listed_at": "1980-01-01T00:00:00Z"}
    quote = {"symbol": OPTION, "bid": "1", "ask": "2", "bid_size": "9", "ask_size": "9", "feed": "test"}
    old = quote | {"quoted_at": "1980-01-01T00:00:00Z"}
    desk.ledger.call("record_option_data", "fn_ingest", p_contracts=[listed], p_quotes=[old])
    trades = [placed(desk, "SPY"), placed(Desk.open(desk.ledger), "SPY")]
    for trade in trades:
        assert desk.approve(trade) == "approved"
    found = desk.ledger.call("approved_trades", "fn_execute")
    assert {str(trade) for trade in trades} <= {one["trade_id"] for one in found}
    assert desk.ledger.one("select private.awaits_quote(t) from public.trades as t where t.id = %s", option)


@pytest.mark.parametrize("moment", ["20000-01-01T00:00:00Z", "0044-03-15 BC", "9999-12-31T23:59:59-11:00"])
def test_exit_when_its_time_is_of_no_calendar_that_risk_reads_then_refused_and_everybodys_exits_are_watched(
    desk: Desk, moment: str
) -> None:
    desk.activity("opening_balance", "held", symbol="SPY", quantity="1", price="100")
    said = {"p_account_id": desk.account, "p_symbol": "SPY"}
    with refused("BAD_EXIT", 422):
        desk.ledger.call("set_position_exit", "authenticated", desk.user, p_exit={"exit_at": moment}, **said)
    with refused("BAD_EXIT_PLAN", 422):
        desk.place_by_hand("with a plan", exit_plan={"exit_at": moment})
    desk.ledger.call(
        "set_position_exit", "authenticated", desk.user, p_exit={"exit_at": "9999-12-31T00:00:00Z"}, **said
    )
    watched = ExitLedger(Direct(desk.ledger, "fn_risk")).live_exits(None, NOON)
    assert desk.account in {one.broker_account_id for one in watched}


@pytest.mark.parametrize("day", ["20000-01-01", "10000-01-01", "0044-03-15 BC"])
def test_blackout_when_its_day_is_of_no_calendar_that_risk_reads_then_refused_and_exits_are_judged(
    desk: Desk, day: str
) -> None:
    desk.hold("1")
    said = {"p_kind": "other"}
    with refused("BAD_BLACKOUT", 422):
        desk.ledger.call("set_blackout", "authenticated", desk.user, p_from=day, p_until=day, **said)
    with refused("BAD_BLACKOUT", 422):
        desk.ledger.call("set_blackout", "authenticated", desk.user, p_from="2013-01-01", p_until="20000-01-01", **said)
    desk.ledger.call("set_blackout", "authenticated", desk.user, p_from="2013-01-01", p_until="9999-12-31", **said)
    assert RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(desk.place_exit("sell", "1")) is not None


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        *((name, True) for name in ("cooldown", "stop_loss_guard", "consecutive_losses_guard", "max_drawdown_guard")),
        *((name, True) for name in ("low_profit_symbol", "min_volume", "stale_bars", "symbol_concentration")),
        *((name, False) for name in ("position_limit", "max_spread", "max_loss_per_trade")),
    ],
)
def test_limit_on_a_symbol_when_an_option_on_it_is_ordered_then_what_looks_at_the_underlying_is_in_the_book(
    desk: Desk, name: str, counts: bool
) -> None:
    limited(desk, name, "1", p_symbol="SPY")
    limited(desk, name, "1", p_symbol="IWM")
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(placed(desk, OPTION))
    assert found is not None
    assert [(limit.name, limit.symbol) for limit in found.limits] == ([(name, "SPY")] if counts else [])
    assert (found.closed is not None) == (counts and name not in ("min_volume", "stale_bars", "symbol_concentration"))


@pytest.mark.parametrize(
    ("side", "planned", "exit_stop", "counts"),
    [
        ("buy", "99.99", "50", "50"),
        ("buy", "50", "99.99", "50"),
        ("sell", "100.01", "150", "150"),
        ("buy", None, "9", "9"),
    ],
)
def test_order_when_its_planned_stop_and_that_of_its_exit_plan_differ_then_the_worse_is_its_loss(
    desk: Desk, side: str, planned: str | None, exit_stop: str, counts: str
) -> None:
    limited(desk, "max_loss_per_trade", "100")
    said = {"order_type": "limit", "price": "100", "planned_stop": planned, "exit_plan": {"stop_price": exit_stop}}
    trade = desk.place_by_hand("an entry", side, quantity="10", **said)
    assert desk.ledger.one("select planned_stop from public.trades where id = %s", trade) == int(counts)
    assert desk.approval(trade)["refusal"]["code"] == "MAX_LOSS_PER_TRADE"


def test_blackout_of_everybody_when_an_administrator_removes_it_then_only_with_a_second_factor(desk: Desk) -> None:
    administrator = new_administrator(desk.ledger)
    with signed_in(desk.ledger, administrator, **CLAIM) as connection:
        said = {"p_kind": "earnings", "p_from": "2014-01-02", "p_until": "2014-01-02", "p_for_everybody": True}
        blackout = ask(connection, "set_blackout", p_symbol="IWM", **said)
    with (
        refused("SECOND_FACTOR_NEEDED", 403),
        signed_in(desk.ledger, administrator, **CLAIM) as connection,
    ):
        ask(connection, "remove_blackout", p_blackout_id=blackout)
    with signed_in(desk.ledger, administrator, **CLAIM, **SECOND_FACTOR) as connection:
        assert ask(connection, "remove_blackout", p_blackout_id=blackout)
