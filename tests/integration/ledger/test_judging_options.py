"""Orders in options and of several legs, re-checked by the ledger under lock: the same numbers as the rules have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from functions.core.instruments import OptionSymbol
from functions.core.ledger.judging import RiskLedger
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.options.payoff import OptionUnits, capital_at_work, largest_loss
from functions.risk.facts.market import Quote
from functions.risk.judging import Judge
from functions.risk.limits import Limits
from functions.risk.reading import book_of, limits_of, order_of
from functions.risk.rules.capital_limit import capital_limit
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.unit.core.doubles import World

EXPIRY = date(2013, 10, 19)
LOW, HIGH = (str(OptionSymbol("SPY", EXPIRY, "call", Decimal(strike))) for strike in (170, 175))
PUT = str(OptionSymbol("SPY", EXPIRY, "put", Decimal(160)))
LATE = str(OptionSymbol("SPY", date(2013, 11, 16), "call", Decimal(180)))
OTHER = str(OptionSymbol("IWM", EXPIRY, "call", Decimal(100)))
MARKS = {LOW: "3", HIGH: "1", PUT: "2", LATE: "2", OTHER: "1"}


@pytest.fixture(scope="module", autouse=True)
def _options(ledger: Ledger) -> None:
    for symbol, mark in MARKS.items():
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )
        ledger.run(
            "insert into public.position_marks (symbol, mark, marked_at, source) values (%s, %s, now(), 'test')",
            symbol,
            mark,
        )


def leg(symbol: str, side: str, ratio: int = 1, to: str = "open") -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "position_intent": f"{side}_to_{to}", "ratio": ratio}


DEBIT = (leg(LOW, "buy"), leg(HIGH, "sell"))
CREDIT = (leg(LOW, "sell"), leg(HIGH, "buy"))
_keys: Iterator[int] = iter(range(1_000_000))


def place(desk: Desk, *legs: dict[str, Any], price: str | None, quantity: str = "1", **more: Any) -> UUID:
    order = {
        "idempotency_key": f"order {next(_keys)}",
        "broker_account_id": str(desk.account),
        "order_type": "market" if price is None else "limit",
        "price": price,
        "quantity": quantity,
    } | more
    order |= dict(legs[0]) if len(legs) == 1 else {"legs": list(legs)}
    order.pop("ratio", None)
    return UUID(desk.ledger.call("place_trade", "authenticated", desk.user, p_order=order)["trade_id"])


def verdict(desk: Desk, trade: UUID) -> str:
    """The code that the ledger refuses with, else the status."""
    answer = desk.approval(trade, **MARKS)
    return str(answer.get("refusal", {}).get("code") or answer["status"])


def filled(desk: Desk, trade: UUID, *prices: str) -> None:
    """Approved, sent and filled at a price for each leg."""
    assert verdict(desk, trade) == "approved"
    assert desk.claim(trade)["claimed"]
    order = desk.submit(trade)
    legs = desk.ledger.rows(
        "select symbol, side, quantity from public.trade_legs where trade_id = %s order by leg", trade
    )
    for number, ((symbol, side, quantity), price) in enumerate(zip(legs, prices, strict=True)):
        desk.fill(order, str(quantity), price, symbol=symbol, side=side, leg=number)
    assert desk.status(trade) == "filled"


# --- what one trade may lose ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("legs", "price", "loss"),
    [
        (DEBIT, "2.00", "200"),
        (DEBIT, None, "200"),
        (CREDIT, "-2.00", "300"),
        (CREDIT, "-1.50", "350"),
        ((leg(LOW, "buy"),), "3.00", "300"),
        ((leg(PUT, "sell"),), "2.00", "15800"),
        ((leg(LOW, "buy", 1), leg(HIGH, "sell", 2)), "1.00", None),
        ((leg(LOW, "sell"),), "3.00", None),
    ],
)
def test_max_loss_when_options_then_held_to_the_dollar_and_without_a_bound_denied(
    ledger: Ledger, legs: tuple[dict[str, Any], ...], price: str | None, loss: str | None
) -> None:
    desk = Desk.open(ledger)
    desk.set_limit("max_loss_per_trade", loss or "1000000")
    if loss is None:
        assert verdict(desk, place(desk, *legs, price=price)) == "MISSING_STOP"
        return
    assert verdict(desk, place(desk, *legs, price=price)) == "approved"
    assert verdict(desk, place(desk, *legs, price=price, quantity="2")) == "MAX_LOSS_PER_TRADE"


def test_max_loss_when_a_mark_of_a_market_package_is_missing_then_denied(desk: Desk) -> None:
    desk.set_limit("max_loss_per_trade", "1000")
    answer = desk.approval(place(desk, *DEBIT, price=None), **{LOW: "3", HIGH: "0"})
    assert answer["refusal"]["code"] == "MISSING_MARK"


# --- what may be open -------------------------------------------------------------------------------------------------


def test_position_limit_when_several_legs_then_each_symbol_is_held_to_it(desk: Desk) -> None:
    desk.set_limit("position_limit", "4")
    wide = (leg(LOW, "buy"), leg(HIGH, "sell", 2))
    assert verdict(desk, place(desk, *wide, price="1", quantity="2")) == "approved"
    assert verdict(desk, place(desk, *wide, price="1")) == "POSITION_LIMIT"
    # The leg that is bought has room still: working orders' open legs are counted by symbol.
    assert verdict(desk, place(desk, leg(LOW, "buy"), price="3", quantity="2")) == "approved"
    assert verdict(desk, place(desk, leg(LOW, "buy"), price="3")) == "POSITION_LIMIT"


def test_symbol_limit_when_set_on_a_further_leg_then_it_is_held_to(desk: Desk) -> None:
    desk.ledger.run(
        "insert into public.risk_limits (scope, broker_account_id, user_id, symbol, name, value, unit) "
        "values ('account', %s, %s, %s, 'position_limit', 1, 'shares or contracts')",
        desk.account,
        desk.user,
        HIGH,
    )
    assert verdict(desk, place(desk, *DEBIT, price="2", quantity="2")) == "POSITION_LIMIT"
    assert verdict(desk, place(desk, leg(LOW, "buy"), price="3", quantity="9")) == "approved"


@pytest.mark.parametrize(
    ("legs", "price", "capital"), [(DEBIT, "2", 200), (CREDIT, "-2", 300), ((leg(PUT, "sell"),), "2", 15_800)]
)
def test_capital_when_working_or_filled_then_the_same_and_the_next_is_held_to_the_dollar(
    ledger: Ledger, legs: tuple[dict[str, Any], ...], price: str, capital: int
) -> None:
    prices = [MARKS[one["symbol"]] for one in legs]
    for fills in (False, True):
        desk = Desk.open(ledger)
        desk.set_limit("capital_limit", str(2 * capital))
        first = place(desk, *legs, price=price)
        if fills:
            filled(desk, first, *prices)
        else:
            assert verdict(desk, first) == "approved"
        assert verdict(desk, place(desk, *legs, price=price)) == "approved"
        assert verdict(desk, place(desk, *legs, price=price)) == "CAPITAL_LIMIT"


def test_capital_when_a_working_order_would_cover_then_it_makes_no_room(desk: Desk) -> None:
    desk.set_limit("capital_limit", "15000")
    assert verdict(desk, place(desk, leg(HIGH, "buy"), price="1")) == "approved"
    assert verdict(desk, place(desk, leg(LOW, "sell"), price="3")) == "CAPITAL_LIMIT"
    held = Desk.open(desk.ledger)
    held.set_limit("capital_limit", "15000")
    filled(held, place(held, leg(HIGH, "buy"), price="1"), "1")
    assert verdict(held, place(held, leg(LOW, "sell"), price="3")) == "approved"


def test_capital_when_the_cover_is_being_sold_then_it_covers_nothing(desk: Desk) -> None:
    desk.set_limit("capital_limit", "15000")
    filled(desk, place(desk, leg(HIGH, "buy"), price="1", quantity="2"), "1")
    assert verdict(desk, place(desk, leg(HIGH, "sell", to="close"), price="2")) == "approved"
    assert verdict(desk, place(desk, leg(LOW, "sell"), price="3")) == "approved"
    assert verdict(desk, place(desk, leg(LOW, "sell"), price="3")) == "CAPITAL_LIMIT"


def test_capital_when_another_account_holds_the_cover_then_it_covers_nothing_here(desk: Desk) -> None:
    there = Desk(desk.ledger, desk.user, Desk.open(desk.ledger).account, desk.strategy)
    desk.ledger.tamper("update public.broker_accounts set user_id = %s where id = %s", desk.user, there.account)
    filled(there, place(there, leg(HIGH, "buy"), price="1"), "1")
    desk.set_limit("capital_limit", "15000", "user")
    assert verdict(desk, place(desk, leg(LOW, "sell"), price="3")) == "CAPITAL_LIMIT"


COVERED_CALL = (leg(HIGH, "sell"),)


@pytest.fixture
def _shares_have_a_mark(ledger: Ledger) -> None:
    ledger.run(
        "insert into public.position_marks (symbol, mark, marked_at, source) values ('SPY', 100, now(), 'test') "
        "on conflict (symbol) do nothing"
    )


@pytest.mark.usefixtures("_shares_have_a_mark")
@pytest.mark.parametrize("limit", ["capital_limit", "max_loss_per_trade"])
def test_call_when_shares_cover_it_then_it_passes_and_no_share_covers_two(ledger: Ledger, limit: str) -> None:
    desk = Desk.open(ledger)
    desk.hold("250", "100")
    # The shares themselves are at work, and no call that nothing covers fits beside them.
    desk.set_limit(limit, "25100" if limit == "capital_limit" else "0")
    broken = "CAPITAL_LIMIT" if limit == "capital_limit" else "MISSING_STOP"
    assert verdict(desk, place(desk, *COVERED_CALL, price="1", quantity="3")) == broken
    filled(desk, place(desk, *COVERED_CALL, price="1"), "1")
    assert verdict(desk, place(desk, *COVERED_CALL, price="1", quantity="2")) == broken
    assert verdict(desk, place(desk, *COVERED_CALL, price="1")) == "approved"
    # The second one works still, and both lots are taken.
    assert verdict(desk, place(desk, *COVERED_CALL, price="1")) == broken


@pytest.mark.usefixtures("_shares_have_a_mark")
@pytest.mark.parametrize("is_filled", [True, False], ids=["filled", "working"])
def test_call_when_a_spread_is_open_beside_it_then_the_shares_cover_it_all_the_same(
    ledger: Ledger, is_filled: bool
) -> None:
    desk = Desk.open(ledger)
    desk.hold("100", "100")
    spread = place(desk, *CREDIT, price="-2")
    if is_filled:
        filled(desk, spread, "3", "1")
    else:
        assert verdict(desk, spread) == "approved"
    desk.set_limit("max_loss_per_trade", "0")
    assert verdict(desk, place(desk, *COVERED_CALL, price="1", quantity="2")) == "MISSING_STOP"
    assert verdict(desk, place(desk, *COVERED_CALL, price="1")) == "approved"


@pytest.mark.usefixtures("_shares_have_a_mark")
@pytest.mark.parametrize("is_filled", [True, False], ids=["filled", "working"])
@pytest.mark.parametrize("is_closing", [True, False], ids=["being closed", "open"])
def test_capital_when_a_spread_that_ends_sooner_is_beside_a_covered_call_then_the_shares_are_the_call_s(
    ledger: Ledger, is_filled: bool, is_closing: bool
) -> None:
    desk = Desk.open(ledger)
    desk.hold("100", "100")
    filled(desk, place(desk, *CREDIT, price="-2"), "3", "1")
    if is_closing:
        bought_back = (leg(LOW, "buy", to="close"), leg(HIGH, "sell", to="close"))
        assert verdict(desk, place(desk, *bought_back, price="1")) == "approved"
    call = place(desk, leg(LATE, "sell"), price="2")
    # The shares, and the spread at its width less the credit.
    desk.set_limit("capital_limit", "10299.99")
    book = RiskLedger(Direct(ledger, "fn_risk")).risk_book(call)
    assert book is not None
    judged = book_of(book, {LATE: Quote(Decimal(2), Decimal(2), Decimal(1), Decimal(1), NOON, Decimal(100))})
    (limit,) = limits_of(book).of("capital_limit")
    assert capital_limit(order_of(book), judged, Limits([limit])).text.startswith("CAPITAL_LIMIT: notional_after=10300")
    desk.set_limit("capital_limit", "10300")
    if is_filled:
        filled(desk, call, "2")
    else:
        assert verdict(desk, call) == "approved"
    assert verdict(desk, place(desk, leg(LATE, "sell"), price="2")) == "CAPITAL_LIMIT"


@pytest.mark.usefixtures("_shares_have_a_mark")
@pytest.mark.parametrize("limit", ["capital_limit", "max_loss_per_trade"])
def test_call_when_the_shares_are_being_sold_or_another_account_s_then_they_cover_nothing(
    ledger: Ledger, limit: str
) -> None:
    desk = Desk.open(ledger)
    desk.hold("100", "100")
    broken = "CAPITAL_LIMIT" if limit == "capital_limit" else "MISSING_STOP"
    desk.set_limit(limit, "25100", "user")
    there = Desk(ledger, desk.user, Desk.open(ledger).account, desk.strategy)
    ledger.tamper("update public.broker_accounts set user_id = %s where id = %s", desk.user, there.account)
    assert verdict(there, place(there, *COVERED_CALL, price="1")) == broken
    sale = desk.place_by_hand("one share", "sell", "1", position_intent="sell_to_close")
    assert desk.approve(sale) == "approved"
    assert verdict(desk, place(desk, *COVERED_CALL, price="1")) == broken


def test_put_when_it_is_secured_by_cash_then_its_strike_less_the_credit_counts(ledger: Ledger) -> None:
    for limit, enough in (("capital_limit", "15800"), ("max_loss_per_trade", "15800")):
        desk = Desk.open(ledger)
        desk.set_limit(limit, enough)
        assert verdict(desk, place(desk, leg(PUT, "sell"), price="2")) == "approved"
        desk = Desk.open(ledger)
        desk.set_limit(limit, "15799.99")
        assert verdict(desk, place(desk, leg(PUT, "sell"), price="2")) == limit.upper()


# --- what only reduces ------------------------------------------------------------------------------------------------

CLOSING = (leg(LOW, "sell", to="close"), leg(HIGH, "buy", to="close"))


def test_closing_package_when_every_leg_closes_then_limits_and_gates_do_not_hold_it(desk: Desk) -> None:
    filled(desk, place(desk, *DEBIT, price="2", quantity="3"), "3", "1")
    desk.set_limit("max_loss_per_trade", "0")
    desk.set_limit("capital_limit", "0")
    desk.close()
    closing = place(desk, *CLOSING, price="-1.5", quantity="2")
    assert verdict(desk, closing) == "approved"
    # What closes already is not closed twice: one unit is left.
    assert verdict(desk, place_open(desk, quantity="2")) == "GATE_CLOSED"
    filled_at = desk.claim(closing)
    assert (filled_at["claimed"], len(filled_at["legs"])) == (True, 2)


def place_open(desk: Desk, quantity: str) -> UUID:
    """A closing package placed before the gate was closed: placing itself refuses one that does not reduce."""
    desk.lift()
    trade = place(desk, *CLOSING, price="-1.5", quantity=quantity)
    desk.close()
    return trade


def test_closing_package_when_cut_then_every_leg_is_cut_to_the_same_whole_units(desk: Desk) -> None:
    filled(desk, place(desk, *DEBIT, price="2", quantity="3"), "3", "1")
    trade = place(desk, *CLOSING, price="-1.5", quantity="5")
    with refused("OFF_LOT", 422):
        desk.approval(trade, quantity="2.5", **MARKS)
    assert desk.approval(trade, quantity="3", **MARKS)["status"] == "approved"
    legs = desk.ledger.rows("select quantity from public.trade_legs where trade_id = %s order by leg", trade)
    assert legs == [(3,), (3,)]


def test_package_when_a_leg_says_that_it_closes_and_opens_then_denied(desk: Desk) -> None:
    """What is said to close needs no level for options: the word is held to what is there."""
    roll = (leg(LOW, "sell", to="close"), leg(HIGH, "buy"))
    assert verdict(desk, place(desk, *roll, price="-2")) == "WOULD_NOT_REDUCE"
    filled(desk, place(desk, leg(LOW, "buy"), price="3"), "3")
    assert verdict(desk, place(desk, *roll, price="-2", quantity="2")) == "WOULD_NOT_REDUCE"
    assert verdict(desk, place(desk, *roll, price="-2")) == "approved"
    # The one that is held is being sold already.
    assert verdict(desk, place(desk, *roll, price="-2")) == "WOULD_NOT_REDUCE"


def test_package_when_its_legs_cannot_be_judged_together_then_denied_unless_it_closes(desk: Desk) -> None:
    strange = (leg(LOW, "buy"), leg(OTHER, "sell"))
    assert verdict(desk, place(desk, *strange, price="2")) == "MULTI_LEG_NOT_JUDGED"
    filled(desk, place(desk, leg(LOW, "buy"), price="3"), "3")
    filled(desk, place(desk, leg(OTHER, "buy"), price="1"), "1")
    both = (leg(LOW, "sell", to="close"), leg(OTHER, "sell", to="close"))
    assert verdict(desk, place(desk, *both, price="-4")) == "approved"


# --- the same numbers as the rules have -------------------------------------------------------------------------------


OPEN_NOW = [{"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}]


def judged_with(desk: Desk, feed: str, *, is_paper: bool, age: int = 1) -> str:
    """The status of an option order after risk looked at it, its only quote being of this feed and this old."""
    symbol = str(OptionSymbol("SPY", EXPIRY, "call", Decimal(200 + next(_keys))))
    desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=OPEN_NOW, p_source="test")
    trade = place(desk, leg(symbol, "buy"), price="1.00")
    desk.ledger.tamper("update public.trades set event_at = %s, good_until = %s where id = %s", NOON, NOON, trade)
    desk.ledger.tamper("update public.broker_accounts set is_paper = %s where id = %s", is_paper, desk.account)
    world = World()
    world.clock.at = NOON
    judge = Judge(replace(world.ports, ledger=Direct(desk.ledger, "fn_risk")))
    judge.judge_pending(desk.account)
    assert desk.status(trade) == "pending"
    waiting = "select private.unfinished() -> 'awaiting_quotes' is not null"
    assert desk.ledger.one(waiting)
    quote = {
        "symbol": symbol,
        "underlying": "SPY",
        "bid": "0.95",
        "ask": "1.05",
        "bid_size": "1",
        "ask_size": "1",
        "quoted_at": (NOON - timedelta(seconds=age)).isoformat(),
        "feed": feed,
        "delay_seconds": 900 if feed == "indicative" else 0,
    }
    world.hot.put(f"quote:{symbol}", quote)
    judge.judge_pending(desk.account)
    return desk.status(trade)


def test_judging_when_the_quote_comes_then_judged_and_a_delayed_one_prices_paper_only(ledger: Ledger) -> None:
    assert judged_with(Desk.open(ledger), "opra", is_paper=True) == "approved"
    assert judged_with(Desk.open(ledger), "indicative", is_paper=True) == "approved"
    assert judged_with(Desk.open(ledger), "indicative", is_paper=False) == "pending"
    assert judged_with(Desk.open(ledger), "opra", is_paper=True, age=121) == "pending"


def test_sending_when_an_order_of_the_same_moment_waits_for_a_quote_then_the_others_are_sent(desk: Desk) -> None:
    waiting = place(desk, leg(str(OptionSymbol("SPY", EXPIRY, "call", Decimal(300))), "buy"), price="1.00")
    shares = place(desk, {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open"}, price="99")
    desk.ledger.tamper("update public.trades set event_at = %s where user_id = %s", NOON, desk.user)
    assert desk.approve(shares) == "approved"
    to_send = desk.ledger.call("approved_trades", "fn_execute", p_account_id=desk.account)
    assert [row["trade_id"] for row in to_send] == [str(shares)]
    # Once it is quoted it is judged first, as every decision of a moment is.
    symbol = desk.ledger.one("select symbol from public.trades where id = %s", waiting)
    listed = {"symbol": symbol, "feed": "test", "listed_at": NOON.isoformat()}
    quote = {"bid": "0.9", "ask": "1.1", "bid_size": "1", "ask_size": "1", "quoted_at": NOON.isoformat()}
    said = {"p_contracts": [listed], "p_quotes": [{"symbol": symbol, "feed": "test"} | quote]}
    desk.ledger.call("record_option_data", "fn_ingest", **said)
    assert desk.ledger.call("approved_trades", "fn_execute", p_account_id=desk.account) == []


# --- what is known by its name ----------------------------------------------------------------------------------------

NEW = str(OptionSymbol("SPY", EXPIRY, "put", Decimal("99.5")))


def test_placing_when_the_option_is_not_known_then_its_name_says_its_terms(desk: Desk) -> None:
    place(desk, leg(NEW, "buy"), price="1.00")
    terms = "select kind, multiplier, underlying, option_right, strike, expires_on, tradable from public.instruments"
    assert desk.ledger.rows(f"{terms} where symbol = %s", NEW) == [
        ("option", 100, "SPY", "put", Decimal("99.5"), EXPIRY, True)
    ]
    needed = MarketDataLedger(Direct(desk.ledger, "fn_ingest")).options_needed(NOON)
    (found,) = [one for one in needed if one.symbol == NEW]
    assert (found.underlying, found.multiplier, found.listed) == ("SPY", Decimal(100), False)
    assert NEW not in [
        one.symbol
        for one in MarketDataLedger(Direct(desk.ledger, "fn_ingest")).options_needed(NOON + timedelta(days=13))
    ]


@pytest.mark.parametrize(
    ("symbol", "code"),
    [
        ("ZZZ131019C00170000", "UNKNOWN_UNDERLYING"),
        ("SPY131319C00170000", "UNKNOWN_SYMBOL"),
        ("SPY131019C00000000", "UNKNOWN_SYMBOL"),
        ("SPY 131019C00170000", "UNKNOWN_SYMBOL"),
    ],
)
def test_placing_when_the_name_is_no_option_on_anything_known_then_refused(desk: Desk, symbol: str, code: str) -> None:
    with refused(code, 422):
        place(desk, leg(symbol, "buy"), price="1.00")
    assert desk.ledger.one("select count(*) from public.instruments where symbol = %s", symbol) == 0


def test_placing_when_the_option_was_only_seen_at_the_broker_then_it_can_be_closed_here(desk: Desk) -> None:
    seen = str(OptionSymbol("SPY", EXPIRY, "put", Decimal("98.5")))
    desk.fill(f"outside-{desk.account}", "2", "1", symbol=seen)
    assert not desk.ledger.one("select tradable from public.instruments where symbol = %s", seen)
    closing = place(desk, leg(seen, "sell", to="close"), price="1.00", quantity="2")
    assert desk.approval(closing)["status"] == "approved"


def test_book_when_orders_of_several_legs_work_then_told_order_by_order(desk: Desk) -> None:
    assert verdict(desk, place(desk, *DEBIT, price="2", quantity="3")) == "approved"
    assert verdict(desk, place(desk, leg(HIGH, "buy"), price="1")) == "approved"
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(place(desk, *CREDIT, price="-2"))
    assert found is not None
    packages = sorted(found.packages["account"], key=len)
    assert packages == [{HIGH: Decimal(1)}, {LOW: Decimal(3), HIGH: Decimal(-3)}]
    assert {LOW, HIGH} <= set(found.marks)


def test_least_worth_when_any_options_then_the_ledger_and_the_rules_agree(ledger: Ledger) -> None:
    chance = random.Random(7)
    for _ in range(200):
        options = {
            OptionSymbol(
                "SPY", date(2014, chance.randint(1, 3), 17), right, Decimal(chance.randint(1, 9))
            ): chance.choice((-2, -1, 1, 2))
            for right in chance.choices(("call", "put"), k=chance.randint(1, 5))
        }
        told = [{"piece": "p", "symbol": str(symbol), "units": size} for symbol, size in options.items()]
        units = [OptionUnits(s.root, s.expiry, s.right, s.strike, Decimal(size)) for s, size in options.items()]
        bound = "case when bool_or(sold_calls > 0) is not true then -sum(worth) end"
        loss = ledger.one(f"select {bound} from private.least_worth(%s, false)", Jsonb(told))  # noqa: S608
        capital = ledger.one("select sum(greatest(-worth, 0)) from private.least_worth(%s, true)", Jsonb(told))
        assert (loss, capital) == (largest_loss(units), capital_at_work(units)), told
