"""What the ledger tells the rules of orders: equal ones, those on the other side, counts, packages, day trades."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.core.instruments import OptionSymbol
from functions.core.ledger.book_orders import BookOrders
from functions.core.ledger.judging import RiskLedger
from functions.risk.judging import Judge
from functions.risk.reading_orders import order_facts
from tests.integration.ledger.desk import NOON, Desk, decision, new_account, new_strategy, order_of
from tests.integration.ledger.ledger import Direct
from tests.unit.core.doubles import World

D = Decimal
EXPIRY = date(2013, 11, 15)
SESSIONS = [date(2013, 10, day) for day in (1, 2, 3, 4, 7)]


def orders_of(desk: Desk, trade: UUID) -> BookOrders:
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    assert found.orders is not None
    return found.orders


def limited(desk: Desk, name: str, value: str, scope: str = "account", **parameters: str) -> None:
    unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
    owner = {"account": desk.account, "user": desk.user, "strategy": desk.strategy}[scope]
    said: dict[str, Any] = {"p_scope": scope, "p_scope_id": owner, "p_name": name, "p_value": value, "p_unit": unit}
    desk.ledger.call("set_limit", "authenticated", desk.user, p_parameters=parameters, **said)


def beside(desk: Desk) -> Desk:
    """The same user's other account, with a strategy of its own."""
    account = new_account(desk.ledger, desk.user)
    return Desk(desk.ledger, desk.user, account, new_strategy(desk.ledger, desk.user, account))


def at(desk: Desk, seconds: float, side: str = "buy", **more: Any) -> UUID:
    """An order of the strategy so many seconds after noon."""
    said = decision(desk.strategy, order_of(side, **more), at=NOON + timedelta(seconds=seconds))
    (trade,) = desk.decide(said)
    return UUID(trade)


def works(desk: Desk, trade: UUID) -> str:
    assert desk.approve(trade) == "approved"
    desk.claim(trade)
    return desk.submit(trade)


# --- equal orders -------------------------------------------------------------------------------------------------


def test_equal_order_when_placed_within_the_time_then_the_newest_that_stands_is_told(desk: Desk) -> None:
    at(desk, 0)
    assert orders_of(desk, at(desk, 3)).equal_at == NOON
    # Later than five seconds nothing is looked for, unless a limit asks for more.
    later = at(desk, 12)
    assert orders_of(desk, later).equal_at is None
    limited(desk, "duplicate_order", "60", "user")
    assert orders_of(desk, later).equal_at == NOON + timedelta(seconds=3)
    facts = order_facts(orders_of(desk, later), NOON + timedelta(seconds=12))
    assert facts.since_equal == D(9)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "101"},
        {"side": "sell"},
        {"order_type": "market", "price": None},
        {"price": "100.01"},
        {"time_in_force": "gtc"},
        {"planned_stop": "90"},
        {"symbol": "IWM"},
        {"position_intent": "buy_to_close"},
    ],
)
def test_equal_order_when_anything_differs_then_it_is_another(desk: Desk, changes: dict[str, Any]) -> None:
    said: dict[str, Any] = {"side": "buy", "quantity": "100", "order_type": "limit", "price": "100", "number": 1}
    one, two = order_of(**said), order_of(**said | {"number": 2} | changes)
    (first, second) = desk.decide(decision(desk.strategy, one, two))
    assert desk.status(UUID(first)) == "pending"
    assert orders_of(desk, UUID(second)).equal_at is None


def test_equal_order_when_refused_cancelled_or_of_another_strategy_then_it_stands_for_nothing(desk: Desk) -> None:
    first = at(desk, 0)
    desk.ledger.call("reject_trade", "fn_risk", p_trade_id=first, p_decisions=[], p_refusal="A_TEST: says so")
    second = at(desk, 1)
    assert orders_of(desk, second).equal_at is None
    desk.ledger.call("request_cancel", "fn_risk", p_trade_id=second, p_reason="a test")
    other = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
    at(other, 1)
    third = at(desk, 2)
    assert orders_of(desk, third).equal_at is None
    order = works(desk, third)
    desk.fill(order, "100", "100")
    assert orders_of(desk, at(desk, 3)).equal_at == NOON + timedelta(seconds=2)


def package(desk: Desk, *legs: tuple[int, str]) -> UUID:
    """Places by hand options of one expiry, each (strike, side), at one price."""
    spelt = [
        {
            "symbol": str(OptionSymbol("SPY", EXPIRY, "put", D(strike))),
            "side": side,
            "position_intent": f"{side}_to_open",
            "ratio": 1,
        }
        for strike, side in legs
    ]
    order = {
        "legs": spelt,
        "quantity": "1",
        "order_type": "limit",
        "price": "-1",
        "idempotency_key": str(uuid4()),
        "broker_account_id": str(desk.account),
    }
    return UUID(desk.ledger.call("place_trade", "authenticated", desk.user, p_order=order)["trade_id"])


def test_equal_order_when_of_several_legs_then_every_leg_counts(desk: Desk) -> None:
    package(desk, (160, "sell"), (155, "buy"))
    assert orders_of(desk, package(desk, (160, "sell"), (150, "buy"))).equal_at is None
    assert orders_of(desk, package(desk, (160, "sell"), (155, "buy"))).equal_at is not None


# --- the other side -----------------------------------------------------------------------------------------------


def test_resting_when_on_the_other_side_then_those_of_all_accounts_that_are_in_the_market_are_told(desk: Desk) -> None:
    other = beside(desk)
    far, _ = desk.working("sell", order_type="limit", price="101", planned_stop="120")
    near, _ = other.working("sell", order_type="limit", price="100.5", planned_stop="120")
    taking, _ = desk.working("sell", planned_stop="120")
    desk.working("sell", order_type="stop", stop_price="90", planned_stop="120")
    desk.working("buy", order_type="limit", price="99")
    desk.place("sell", order_type="limit", price="98")  # Not approved yet.
    stranger = Desk.open(desk.ledger)
    stranger.working("sell", order_type="limit", price="100", planned_stop="120")
    found = orders_of(desk, desk.place("buy"))
    facts = order_facts(found, NOON)
    assert facts.other_side is not None
    assert list(facts.other_side) == ["SPY"]
    side = facts.other_side["SPY"]
    assert side.nearest is not None
    assert side.at_market is not None
    assert (side.nearest.trade, side.nearest.price, side.at_market.trade) == (str(near), D("100.5"), str(taking))
    assert {row.trade_id for row in found.resting or ()} == {str(far), str(near), str(taking)}
    assert orders_of(desk, desk.place("buy", symbol="IWM")).resting == []


def test_resting_when_there_are_more_than_can_be_looked_at_then_none_is_told(desk: Desk) -> None:
    trade = desk.place("buy")
    for _ in range(2):
        desk.working("sell", order_type="limit", price="101", planned_stop="120")
    told = "select private.resting_orders(t, %s) from public.trades as t where t.id = %s"
    assert desk.ledger.one(told, 1, trade) is None
    assert len(desk.ledger.one(told, 2, trade)) == 2


# --- counts -------------------------------------------------------------------------------------------------------


def test_placed_when_in_the_time_before_then_each_scope_counts_its_own_up_to_its_limit(desk: Desk) -> None:
    limited(desk, "order_rate_limit", "3")
    limited(desk, "order_rate_limit", "50", "user", within_seconds="30")
    limited(desk, "order_rate_limit", "50", "strategy")
    other, sibling = beside(desk), new_strategy(desk.ledger, desk.user, desk.account)
    at(desk, 0)  # A minute before: out of it.
    for seconds in (10, 20, 40):
        at(desk, seconds)
    at(Desk(desk.ledger, desk.user, desk.account, sibling), 45)
    at(other, 50)
    at(Desk.open(desk.ledger), 50)
    found = orders_of(desk, at(desk, 60))
    counted = {row.scope: (row.within_seconds, row.placed) for row in found.placed}
    assert counted == {"account": (D(60), 4), "user": (D(30), 3), "strategy": (D(60), 3)}


def test_entries_when_of_the_day_then_those_that_were_filled_or_may_be_count(desk: Desk) -> None:
    limited(desk, "order_churn_limit", "10")
    limited(desk, "order_churn_limit", "10", "user")
    order = works(desk, at(desk, 0))
    desk.fill(order, "100", "100")
    at(desk, 1)
    refused = at(desk, 2)
    desk.ledger.call("reject_trade", "fn_risk", p_trade_id=refused, p_decisions=[], p_refusal="A_TEST: says so")
    at(desk, 3, "sell", position_intent="sell_to_close", quantity="5")
    at(desk, 4, symbol="IWM")
    at(beside(desk), 5)
    trade = at(desk, 60)
    assert {row.scope: row.entries for row in orders_of(desk, trade).entries} == {"account": 2, "user": 3}
    # The next day nothing was entered yet.
    (tomorrow,) = desk.decide(decision(desk.strategy, order_of(), at=NOON + timedelta(days=1)))
    assert {row.entries for row in orders_of(desk, UUID(tomorrow)).entries} == {0}


def test_symbols_open_when_held_or_working_then_each_counts_once_and_what_is_there_already_adds_none(
    desk: Desk,
) -> None:
    limited(desk, "open_positions_limit", "10")
    limited(desk, "open_positions_limit", "10", "strategy")
    desk.hold("100")
    desk.working("buy", symbol="IWM")
    desk.working("buy", "1", symbol="IWM")
    sibling = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
    assert orders_of(desk, desk.place(symbol="IWM")).symbols_open["account"].model_dump() == {"open": 2, "added": 0}
    mine = orders_of(sibling, sibling.place())
    # It holds nothing itself; what the account holds is the account's.
    assert mine.symbols_open["account"].model_dump() == {"open": 2, "added": 0}
    assert "strategy" not in mine.symbols_open
    limited(sibling, "open_positions_limit", "10", "strategy")
    assert orders_of(sibling, sibling.place()).symbols_open["strategy"].model_dump() == {"open": 0, "added": 1}


# --- packages -----------------------------------------------------------------------------------------------------


def test_packages_when_held_or_working_then_each_order_is_one_with_its_strikes(desk: Desk) -> None:
    limited(desk, "overlapping_strikes", "1")
    held = package(desk, (160, "sell"), (155, "buy"))
    assert desk.approval(held, SPY131115P00160000="3", SPY131115P00155000="2")["status"] == "approved"
    desk.claim(held)
    order = desk.submit(held)
    for symbol, side, price in (("SPY131115P00160000", "sell", "3"), ("SPY131115P00155000", "buy", "2")):
        desk.fill(order, "1", price, symbol=symbol, side=side)
    waiting = package(desk, (150, "sell"), (140, "buy"))
    assert desk.approval(waiting, SPY131115P00150000="3", SPY131115P00140000="2")["status"] == "approved"
    found = orders_of(desk, package(desk, (158, "sell"), (150, "buy"))).packages
    assert found is not None
    assert {(row.package, row.series, row.low, row.high, row.own) for row in found} == {
        (str(held), "SPY131115P", D(155), D(160), True),
        (str(waiting), "SPY131115P", D(140), D(150), True),
    }
    desk.ledger.call("request_cancel", "fn_risk", p_trade_id=waiting, p_reason="a test")
    left = orders_of(desk, package(desk, (158, "sell"), (150, "buy"))).packages or []
    assert [row.package for row in left] == [str(held)]
    assert orders_of(desk, desk.place()).packages == []


# --- day trades ---------------------------------------------------------------------------------------------------


def calendar(desk: Desk, *days: date) -> None:
    rows = [{"date": str(d), "opens_at": f"{d}T13:30Z", "closes_at": f"{d}T20:00Z"} for d in days]
    desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=rows, p_source="test")


def filled(desk: Desk, side: str, quantity: str, when: Any, symbol: str = "SPY", *, closes: bool = False) -> None:
    place = desk.place_exit if closes else desk.place
    trade = place(side, quantity, symbol=symbol)
    desk.fill(works(desk, trade), quantity, "100", symbol=symbol, side=side, executed_at=when.isoformat())


def test_day_trades_when_opened_and_closed_on_one_day_then_each_round_counts_once(fresh_desk: Desk) -> None:
    desk = fresh_desk
    limited(desk, "day_trade_limit", "3")
    calendar(desk, *SESSIONS[1:])
    # Four sessions are not five: how far back they go is not known.
    assert orders_of(desk, desk.place()).day_trades is None
    calendar(desk, date(2013, 9, 30), *SESSIONS)
    day = NOON - timedelta(days=3)
    before = NOON - timedelta(days=7)  # The sixth session from here: forgotten.
    filled(desk, "buy", "5", before)
    filled(desk, "sell", "5", before + timedelta(minutes=1), closes=True)
    # Bought twice, sold in two parts between and after: two openings and two closings.
    for minute, (side, quantity) in enumerate((("buy", "10"), ("sell", "4"), ("buy", "10"), ("sell", "6"))):
        filled(desk, side, quantity, day + timedelta(minutes=minute), closes=side == "sell")
    # Held over the night and sold: none. Bought again after it and kept: none.
    filled(desk, "sell", "10", NOON - timedelta(hours=2), closes=True)
    filled(desk, "buy", "3", NOON - timedelta(hours=1))
    filled(desk, "buy", "3", NOON - timedelta(hours=1), "IWM")
    filled(desk, "sell", "3", NOON, "IWM", closes=True)
    said = {"p_cash": "1", "p_equity": "19000"}
    early = NOON - timedelta(hours=5)
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, p_as_of=early, **said)
    late = said | {"p_equity": "90000"}
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, p_as_of=NOON, **late)
    found = orders_of(desk, desk.place())
    assert (found.day_trades, found.equity) == (3, D(19000))


# --- through the judge --------------------------------------------------------------------------------------------


def judge(desk: Desk, mark: str = "100") -> None:
    """Risk looks at what is pending; SPY is quoted around the mark, fresh for every order of the next hour."""
    world = World()
    world.clock.at = NOON
    quote = {"bid": str(D(mark) - D("0.01")), "ask": str(D(mark) + D("0.01")), "bid_size": "1", "ask_size": "1"}
    quoted = {"symbol": "SPY", "feed": "test", "quoted_at": (NOON + timedelta(hours=1)).isoformat()}
    world.hot.put("quote:SPY", quote | quoted)
    Judge(replace(world.ports, ledger=Direct(desk.ledger, "fn_risk"))).judge_pending(desk.account)


def codes(desk: Desk, trades: list[UUID]) -> list[str]:
    found = "select coalesce(split_part(refusal, ':', 1), status) from public.trades where id = %s"
    return [str(desk.ledger.one(found, trade)) for trade in trades]


def test_judging_when_a_strategy_runs_away_then_it_is_cut_at_the_limit_and_passes_when_it_has_slowed_down(
    fresh_desk: Desk,
) -> None:
    desk = fresh_desk
    calendar(desk, NOON.date())
    limited(desk, "order_rate_limit", "20", "strategy")
    # Each is another order, so that only their number is against them; an exit among them passes.
    trades = [at(desk, number, quantity=str(number + 1)) for number in range(40)]
    judge(desk)
    assert codes(desk, trades) == ["approved"] * 20 + ["ORDER_RATE"] * 20
    desk.fill(works_on(desk, trades[0]), "1", "100")
    leaving = at(desk, 41, "sell", position_intent="sell_to_close", quantity="1")
    early, late = at(desk, 75, quantity="50"), at(desk, 81, quantity="60")
    judge(desk)
    # Within the minute before it the late one still has twenty: those that were cut off count as well.
    assert codes(desk, [leaving, early, late]) == ["approved", "ORDER_RATE", "ORDER_RATE"]
    slow = at(desk, 120, quantity="70")
    judge(desk)
    assert codes(desk, [slow]) == ["approved"]


def works_on(desk: Desk, approved: UUID) -> str:
    desk.claim(approved)
    return desk.submit(approved)


def test_judging_when_the_same_order_comes_twice_or_meets_the_users_own_then_it_is_denied(fresh_desk: Desk) -> None:
    desk = fresh_desk
    calendar(desk, NOON.date())
    first, again, later = at(desk, 0), at(desk, 4), at(desk, 9)
    judge(desk)
    assert codes(desk, [first, again, later]) == ["approved", "DUPLICATE_ORDER", "approved"]
    offered = at(desk, 20, "sell", order_type="limit", price="105", quantity="7", position_intent="sell_to_close")
    desk.fill(works_on(desk, first), "100", "100")
    judge(desk)
    assert codes(desk, [offered]) == ["approved"]
    crossing = at(desk, 30, order_type="limit", price="105", quantity="8")
    beyond = at(desk, 31, order_type="limit", price="104.99", quantity="9")
    add = at(desk, 32, quantity="10")
    judge(desk)
    assert codes(desk, [crossing, beyond, add]) == ["WASH_TRADE", "approved", "approved"]
