"""The expiry and assignment desk through Postgres: what it sees, tells, closes, rolls, and never twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.market_calendar import Calendar, Session
from functions.core.options.expiry import exercise_of, expiry_of
from functions.core.options.payoff import OptionUnits
from functions.core.options.settlement import SettledIn, at_expiry
from functions.core.ports import Ports
from functions.risk.judging import Judge
from functions.risk.watch.expiry import ExpiryDesk
from tests.integration.ledger.desk import Desk, calling, decision, new_user
from tests.integration.ledger.ledger import Direct, Ledger, become, refused
from tests.unit.core.doubles import StandingClock, World

TODAY, TOMORROW, HALF_DAY = date(2013, 10, 7), date(2013, 10, 8), date(2013, 11, 29)
OPEN = datetime(2013, 10, 7, 13, 30, tzinfo=UTC)
CLOSE = datetime(2013, 10, 7, 20, 0, tzinfo=UTC)
SESSIONS = [
    {"date": f"{day}", "opens_at": f"{day}T{opens}Z", "closes_at": f"{day}T{closes}Z"}
    for day, opens, closes in (
        ("2013-10-04", "13:30", "20:00"),
        ("2013-10-07", "13:30", "20:00"),
        ("2013-10-08", "13:30", "20:00"),
        ("2013-10-09", "13:30", "20:00"),
        ("2013-11-27", "14:30", "21:00"),
        ("2013-11-29", "14:30", "18:00"),
        ("2013-12-02", "14:30", "21:00"),
    )
]


def option(right: str, strike: int, expiry: date = TODAY, root: str = "SPY") -> str:
    return str(OptionSymbol(root, expiry, right, Decimal(strike)))  # type: ignore[arg-type]


CALL, FAR_CALL, PUT = option("call", 170), option("call", 175), option("put", 170)
LATER_CALL, LATER_FAR_CALL = (option("call", strike, date(2013, 10, 11)) for strike in (170, 175))
MONTHLY_CALL = option("call", 165, date(2013, 10, 19))
HALF_DAY_CALL = option("call", 170, HALF_DAY)
UNMARKED = option("put", 90, root="IWM")
ALL = (CALL, FAR_CALL, PUT, LATER_CALL, LATER_FAR_CALL, MONTHLY_CALL, HALF_DAY_CALL, UNMARKED)


@pytest.fixture(autouse=True, scope="module")
def _market(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=SESSIONS, p_source="test")
    for symbol in ALL:
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')",
            symbol,
        )
        said = {"symbol": symbol, "feed": "test", "listed_at": "2013-10-01T00:00:00Z"}
        ledger.call("record_option_data", "fn_ingest", p_contracts=[said])


@pytest.fixture
def mark(ledger: Ledger) -> Iterator[Any]:
    """Marks symbols at a moment; taken back at the end, so that none is left to another test."""

    def marked(at: datetime, **prices: str) -> None:
        rows = [
            {"symbol": name, "mark": price, "marked_at": at.isoformat(), "source": "test"}
            for name, price in prices.items()
        ]
        ledger.call("upsert_marks", "fn_risk", p_marks=rows)

    yield marked
    ledger.run("delete from public.position_marks")


@pytest.fixture(autouse=True)
def _no_quotes(ledger: Ledger) -> Iterator[None]:
    """None is left to another test: an older one would not take its place."""
    yield
    ledger.run("delete from public.option_quotes_latest")


def hold(desk: Desk, symbol: str, quantity: str, strategy: UUID | None = None) -> None:
    owner = {"strategy_id": str(strategy)} if strategy else {}
    answer = desk.activity(
        "opening_balance",
        f"{symbol} {quantity} {owner}",
        symbol=symbol,
        quantity=quantity,
        price="1",
        occurred_at="2013-10-01T14:00:00Z",
        **owner,
    )
    assert answer["applied"], answer


def limit(desk: Desk, name: str, value: str, act: str, unit: str, scope: str = "account", **parameters: str) -> None:
    said = {"p_scope": scope, "p_scope_id": desk.account if scope == "account" else desk.strategy, "p_name": name}
    said |= {"p_value": value, "p_unit": unit, "p_act": act, "p_parameters": parameters}
    desk.ledger.call("set_limit", "authenticated", desk.user, **said)


def expiry_close(desk: Desk, value: str, act: str) -> None:
    limit(desk, "expiry_close", value, act, "minutes before the cut-off")


@dataclass(frozen=True, slots=True)
class Alone(Direct):
    """The transport, to which no other account's options are named: those of other tests stay open."""

    account: UUID

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        answer = self.ledger.call(function, self.role, **arguments)
        return [one for one in answer if one == str(self.account)] if function == "desks_to_watch" else answer


def ports_at(desk: Desk, at: datetime) -> Ports:
    return replace(World().ports, ledger=Alone(desk.ledger, "fn_risk", desk.account), clock=StandingClock(at))


def watch(desk: Desk, at: datetime) -> list[tuple[str, str, str, str]]:
    """One look at the account; the desk's orders so far: symbol, side, type, status."""
    ExpiryDesk(ports_at(desk, at)).watch()
    return orders(desk)


def orders(desk: Desk) -> list[tuple[str, str, str, str]]:
    return desk.ledger.rows(
        "select l.symbol, l.side, t.order_type, t.status from public.trades as t join public.trade_legs as l "
        "on l.trade_id = t.id where t.broker_account_id = %s and t.source = 'risk' order by t.placed_number, l.leg",
        desk.account,
    )


def alerts(desk: Desk, *codes: str) -> list[tuple[str, str]]:
    return desk.ledger.rows(
        "select code, text from public.alerts where broker_account_id = %s and (%s or code = any (%s)) "
        "order by raised_at, code",
        desk.account,
        not codes,
        list(codes),
    )


def quote(ledger: Ledger, at: datetime, **prices: tuple[str, str]) -> None:
    contracts = [{"symbol": name, "feed": "test", "listed_at": "2013-10-01T00:00:00Z"} for name in prices]
    quotes = [
        {
            "symbol": name,
            "bid": bid,
            "ask": ask,
            "bid_size": "9",
            "ask_size": "9",
            "quoted_at": at.isoformat(),
            "feed": "test",
        }
        for name, (bid, ask) in prices.items()
    ]
    ledger.call("record_option_data", "fn_ingest", p_contracts=contracts, p_quotes=quotes)


def settle(desk: Desk, status: str, *refusal: str) -> None:
    """Ends the desk's orders that are pending, without a fill."""
    desk.ledger.run(
        "update public.trades set status = %s, refusal = %s where broker_account_id = %s and status = 'pending'",
        status,
        " ".join(refusal) or None,
        desk.account,
    )


# --- what the view says -----------------------------------------------------------------------------------------------


def test_settlement_when_compared_then_the_ledger_and_the_options_mathematics_agree(ledger: Ledger) -> None:
    chance = random.Random(1)
    rights: tuple[OptionRight, ...] = ("call", "put")
    terms: tuple[tuple[Decimal, SettledIn], ...] = (
        (Decimal(100), "physical"),
        (Decimal(100), "cash"),
        (Decimal(10), "physical"),
    )
    cases = []
    for _ in range(500):
        held = OptionSymbol("SPY", TODAY, chance.choice(rights), Decimal(chance.randrange(1, 40_000)) / 100)
        # A cent in and a cent out of the money often, because there it turns.
        spot = held.strike + Decimal(chance.choice([-1, 0, 1, chance.randrange(-3000, 3000)])) / 100
        cases.append((held, Decimal(chance.choice([-7, -1, 1, 3])), max(spot, Decimal("0.01")), *chance.choice(terms)))
    rows = ledger.rows(
        "select a.outcome, a.shares, a.cash from unnest(%s::text[], %s::numeric[], %s::numeric[], %s::numeric[], "
        "%s::numeric[], %s::text[]) with ordinality as c (r, k, q, u, m, s, place), "
        "lateral private.at_expiry(c.r, c.k, c.q, c.m, c.s, c.u) as a order by c.place",
        [held.right for held, *_ in cases],
        [held.strike for held, *_ in cases],
        *(list(column) for column in list(zip(*cases, strict=True))[1:]),
    )
    words = {"expiry": "expires", "exercise": "exercised", "assignment": "assigned"}
    for (held, quantity, spot, multiplier, settlement), (outcome, shares, cash) in zip(cases, rows, strict=True):
        expected = at_expiry(held, quantity, spot, on=TODAY, multiplier=multiplier, settlement=settlement)
        assert (outcome, shares, cash) == (words[expected.kind], expected.shares, expected.cash), (held, quantity, spot)
        # Exercise is worth the payoff: the shares at their price, and what was paid for them.
        if outcome != "expires":
            assert shares * spot + cash == OptionUnits.of(held, quantity * multiplier).worth(spot)


def test_expiry_when_compared_then_the_ledger_and_the_options_mathematics_agree(ledger: Ledger) -> None:
    calendar = Calendar(
        Session(
            date.fromisoformat(row["date"]),
            datetime.fromisoformat(row["opens_at"]),
            datetime.fromisoformat(row["closes_at"]),
        )
        for row in SESSIONS
    )
    days = [date(2013, 10, 4) + timedelta(days=number) for number in range(3, 60)]
    roots = (
        "SPY",
        "SPX",
        "SPXW",
        "NDX",
        "RUTW",
        "VIX",
        "VIXW",
        "OEX",
        "XSP",
        "XEO",
        "DJX",
        "NDXP",
        "RUT",
        "XND",
        "MRUT",
    )
    for root in roots:
        ((style, settlement, settled_at),) = ledger.rows("select * from private.exercise_of(%s)", root)
        terms = exercise_of(root)
        assert (style, settlement, settled_at) == (terms.style, terms.settlement, terms.settled_at), root
        for day in days if root in ("SPY", "SPX") else [HALF_DAY]:
            expected = expiry_of(OptionSymbol(root, day, "call", Decimal(100)), calendar)
            found = ledger.rows("select trades_until, settles_at from private.expiry_of(%s, %s)", day, settled_at)
            assert found == [(expected.trades_until, expected.fixed_at)], (root, day)
    assert ledger.rows("select trades_until from private.expiry_of('2014-01-17', 'close')") in ([], [(None,)])


def test_view_when_read_by_its_owner_then_it_has_what_the_account_has_and_a_stranger_sees_nothing(
    desk: Desk, mark: Any
) -> None:
    hold(desk, PUT, "-2", desk.strategy)
    hold(desk, UNMARKED, "1")
    mark(OPEN, SPY="168.5", **{PUT: "1.75"})
    desk.ledger.call(
        "record_account_snapshot",
        "fn_execute",
        p_account_id=desk.account,
        p_as_of=OPEN,
        p_cash="20000",
        p_equity="20000",
    )
    query = (
        "select symbol, in_the_money, if_left, shares, cash, account_cash, time_value, trades_until "
        "from public.expiring_positions where broker_account_id = %s order by symbol desc"
    )
    with desk.ledger.connection.transaction():
        become(desk.ledger.connection, "authenticated", desk.user)
        seen = desk.ledger.rows(query, desk.account)
    assert seen == [
        (PUT, Decimal("1.5"), "assigned", 200, -34000, 20000, Decimal("0.25"), CLOSE),
        (UNMARKED, None, None, None, None, 20000, None, CLOSE),
    ]
    with desk.ledger.connection.transaction():
        become(desk.ledger.connection, "authenticated", new_user(desk.ledger))
        assert desk.ledger.rows(query, desk.account) == []


def test_view_when_an_ex_date_is_known_then_the_next_one_up_to_the_expiry_with_what_is_paid(desk: Desk) -> None:
    hold(desk, MONTHLY_CALL, "-1")
    told = [
        {"kind": "cash_dividend", "ex_date": day, "amount": "0.80"}
        for day in ("2013-10-07", "2013-10-10", "2013-10-15")
    ]
    said = {"p_source": "test", "p_from": "2013-10-01", "p_to": "2013-10-31"}
    desk.ledger.call("record_corporate_actions", "fn_ingest", p_symbol="SPY", p_actions=told, **said)

    def following(at: datetime) -> tuple[str | None, str | None]:
        (seen,) = desk.ledger.call("desk_book", "fn_risk", p_account_id=desk.account, p_now=at)["positions"]
        return seen["next_ex_date"], seen["dividend"]

    assert following(OPEN) == ("2013-10-10", "0.8000000000")
    assert following(OPEN + timedelta(days=8)) == (None, None)
    desk.ledger.call("record_corporate_actions", "fn_ingest", p_symbol="SPY", p_actions=[], **said)
    assert following(OPEN) == (None, None)


# --- closed before the cut-off ----------------------------------------------------------------------------------------


def test_desk_when_a_minute_is_left_then_an_open_option_is_closed_and_judged_like_any_order(
    desk: Desk, mark: Any
) -> None:
    hold(desk, CALL, "-2", desk.strategy)
    expiry_close(desk, "5", "flatten")
    at = CLOSE - timedelta(minutes=1)
    assert watch(desk, at) == [(CALL, "buy", "market", "pending")]
    Judge(ports_at(desk, at)).judge_pending(desk.account)
    assert orders(desk) == [(CALL, "buy", "market", "approved")]
    assert watch(desk, at + timedelta(seconds=30)) == [(CALL, "buy", "market", "approved")]
    assert watch(desk, CLOSE) == [(CALL, "buy", "market", "approved")]
    # The strategy's own position: its books end flat too.
    assert (
        desk.ledger.one("select strategy_id from public.trades where broker_account_id = %s", desk.account)
        == desk.strategy
    )


def test_desk_when_a_minute_is_left_then_an_entry_is_refused_and_the_exit_goes(desk: Desk) -> None:
    hold(desk, CALL, "-1")
    at = CLOSE - timedelta(minutes=1)
    for symbol, price in ((CALL, "2"), (FAR_CALL, "1")):
        quote(desk.ledger, at, **{symbol: (price, price)})
    order = {"quantity": "1", "order_type": "limit", "price": "1.00", "symbol": FAR_CALL, "event_at": at.isoformat()}
    (entry,) = desk.decide(
        decision(desk.strategy, {"side": "buy", "position_intent": "buy_to_open", "number": 1} | order, at=at)
    )
    expiry_close(desk, "5", "flatten")
    watch(desk, at)
    Judge(ports_at(desk, at)).judge_pending(desk.account)
    refusal = desk.ledger.one("select refusal from public.trades where id = %s", entry)
    assert refusal.startswith("ZERO_DTE_CUTOFF"), refusal
    assert orders(desk) == [(CALL, "buy", "market", "approved")]


def test_desk_when_nobody_set_a_limit_then_a_minute_before_it_is_told_and_nothing_closed(desk: Desk, mark: Any) -> None:
    hold(desk, CALL, "-2")
    mark(CLOSE - timedelta(minutes=2), SPY="171.25")
    for minute in (1, 1, 2):
        assert watch(desk, CLOSE - timedelta(minutes=minute)) == []
    told = dict(alerts(desk))
    assert sorted(code for code, _ in alerts(desk)) == ["EXPIRY_SOON", "EXPIRY_TODAY"]
    assert "1.25 in the money" in told["EXPIRY_SOON"]
    assert "taking 200 shares at 170" in told["EXPIRY_SOON"]


@pytest.mark.parametrize(("minutes", "placed"), [(31, False), (30, True)])
def test_desk_when_it_is_a_half_day_then_the_cut_off_is_its_early_close(desk: Desk, minutes: int, placed: bool) -> None:
    hold(desk, HALF_DAY_CALL, "1")
    expiry_close(desk, "30", "flatten")
    early = datetime(2013, 11, 29, 18, 0, tzinfo=UTC)
    assert watch(desk, early - timedelta(minutes=minutes)) == [(HALF_DAY_CALL, "sell", "market", "pending")] * placed


def test_desk_when_a_spread_is_quoted_then_one_package_and_after_some_minutes_leg_by_leg(desk: Desk) -> None:
    hold(desk, CALL, "-2", desk.strategy)
    hold(desk, FAR_CALL, "2", desk.strategy)
    expiry_close(desk, "60", "flatten")
    at = CLOSE - timedelta(minutes=20)
    quote(desk.ledger, at, **{CALL: ("1.50", "1.60"), FAR_CALL: ("0.10", "0.20")})
    package = [(CALL, "buy", "limit", "pending"), (FAR_CALL, "sell", "limit", "pending")]
    assert watch(desk, at) == package
    Judge(ports_at(desk, at)).judge_pending(desk.account)
    package = [(symbol, side, kind, "approved") for symbol, side, kind, _ in package]
    row = "select price, quantity, reduce_only, multi_leg from public.trades where broker_account_id = %s"
    assert desk.ledger.rows(row, desk.account) == [(Decimal("1.5"), 2, True, True)]
    assert watch(desk, at + timedelta(minutes=2)) == package
    canceled = [(symbol, side, kind, "canceled") for symbol, side, kind, _ in package]
    assert watch(desk, at + timedelta(minutes=3)) == canceled
    legs = [(CALL, "buy", "market", "pending"), (FAR_CALL, "sell", "market", "pending")]
    assert watch(desk, at + timedelta(minutes=4)) == canceled + legs
    assert watch(desk, at + timedelta(minutes=5)) == canceled + legs


def test_desk_when_a_leg_has_no_fresh_quote_then_leg_by_leg_what_is_short_first(desk: Desk) -> None:
    hold(desk, CALL, "2")
    hold(desk, FAR_CALL, "-1")
    expiry_close(desk, "60", "flatten")
    at = CLOSE - timedelta(minutes=10)
    quote(desk.ledger, at - timedelta(minutes=2, seconds=1), **{CALL: ("1", "2")})
    quote(desk.ledger, at, **{FAR_CALL: ("0.10", "0.20")})
    assert watch(desk, at) == [(FAR_CALL, "buy", "market", "pending"), (CALL, "sell", "market", "pending")]
    # Neither leaves the other without its cover.
    Judge(ports_at(desk, at)).judge_pending(desk.account)
    assert orders(desk) == [(FAR_CALL, "buy", "market", "approved"), (CALL, "sell", "market", "approved")]


def test_desk_when_orders_end_without_a_fill_then_further_rounds_and_a_critical_alert_in_the_fifth(desk: Desk) -> None:
    hold(desk, CALL, "-1")
    expiry_close(desk, "60", "flatten")
    for minute in range(5):
        assert len(watch(desk, CLOSE - timedelta(minutes=30 - minute))) == minute + 1
        settle(desk, "rejected", "A_TEST")
    assert len(alerts(desk, "DESK_NOT_CLOSED")) == 1


def test_desk_when_orders_of_its_owner_stand_in_the_way_then_they_are_cancelled_and_others_are_not(desk: Desk) -> None:
    hold(desk, CALL, "2")
    resting = desk.place_by_hand(
        "resting", "sell", "1", symbol=CALL, position_intent="sell_to_close", order_type="limit", price="9"
    )
    entry = desk.place_by_hand(
        "entry", "buy", "1", symbol=CALL, position_intent="buy_to_open", order_type="limit", price="1"
    )
    other = desk.place_by_hand(
        "other", "buy", "1", symbol=FAR_CALL, position_intent="buy_to_open", order_type="limit", price="1"
    )
    expiry_close(desk, "60", "flatten")
    assert watch(desk, CLOSE - timedelta(minutes=10)) == [(CALL, "sell", "market", "pending")]
    assert [desk.status(trade) for trade in (resting, entry, other)] == ["canceled", "canceled", "pending"]
    row = "select quantity from public.trades where broker_account_id = %s and source = 'risk'"
    assert desk.ledger.one(row, desk.account) == 2


def test_desk_when_two_owners_hold_against_each_other_then_told_and_nothing_is_opened(desk: Desk) -> None:
    hold(desk, CALL, "-1", desk.strategy)
    hold(desk, CALL, "1")
    expiry_close(desk, "60", "flatten")
    assert watch(desk, CLOSE - timedelta(minutes=10)) == []
    assert [code for code, _ in alerts(desk, "DESK_NOT_CLOSED")] == ["DESK_NOT_CLOSED"] * 2


def test_desk_when_many_look_at_once_then_one_order(desk: Desk) -> None:
    hold(desk, CALL, "-1")
    closing = {"cause": "a test", "owner_key": "manual", "symbols": [CALL], "how": "close", "reason": "a test"}
    said = {"p_account_id": desk.account, "p_closings": [closing], "p_now": CLOSE - timedelta(minutes=9)}
    desk.ledger.at_once(*[calling("desk_close", "fn_risk", **said)] * 4)
    assert orders(desk) == [(CALL, "buy", "market", "pending")]


# --- rolled -----------------------------------------------------------------------------------------------------------

ROLLED = {
    CALL: ("1.50", "1.60"),
    FAR_CALL: ("0.10", "0.20"),
    LATER_CALL: ("2.00", "2.20"),
    LATER_FAR_CALL: ("0.50", "0.60"),
}


def _rolling(desk: Desk, at: datetime) -> list[tuple[str, str, str, str]]:
    hold(desk, CALL, "-2", desk.strategy)
    hold(desk, FAR_CALL, "2", desk.strategy)
    expiry_close(desk, "60", "roll")
    return watch(desk, at)


def test_roll_when_the_next_expiry_is_listed_and_quoted_then_one_package_at_the_middle(desk: Desk) -> None:
    at = CLOSE - timedelta(minutes=40)
    quote(desk.ledger, at, **ROLLED)
    needed = {row["symbol"] for row in desk.ledger.call("options_needed", "fn_ingest", p_now=at)}
    rolled = [(CALL, "buy"), (FAR_CALL, "sell"), (LATER_CALL, "sell"), (LATER_FAR_CALL, "buy")]
    assert [row[:3] for row in _rolling(desk, at)] == [(*leg, "limit") for leg in rolled]
    row = "select price, quantity, reduce_only from public.trades where broker_account_id = %s"
    # Paid to close 1.40, received to open 1.55.
    assert desk.ledger.rows(row, desk.account) == [(Decimal("-0.15"), 2, False)]
    now_needed = {row["symbol"] for row in desk.ledger.call("options_needed", "fn_ingest", p_now=at)}
    assert {LATER_CALL, LATER_FAR_CALL} <= now_needed - needed


def test_roll_when_it_is_refused_then_closed_and_said(desk: Desk) -> None:
    at = CLOSE - timedelta(minutes=40)
    quote(desk.ledger, at, **ROLLED)
    _rolling(desk, at)
    settle(desk, "rejected", "OPTIONS_LEVEL: needed=3")
    assert [row[:3] for row in watch(desk, at + timedelta(minutes=1))[4:]] == [
        (CALL, "buy", "market"),
        (FAR_CALL, "sell", "market"),
    ]
    ((_, words),) = alerts(desk, "ROLL_NOT_POSSIBLE")
    assert "closed instead" in words


@pytest.mark.parametrize("missing", ["quote", "listing", "gate"])
def test_roll_when_it_cannot_be_then_closed_and_said_why(desk: Desk, missing: str) -> None:
    at = CLOSE - timedelta(minutes=45)
    old = at - timedelta(minutes=9)
    quote(desk.ledger, at, **ROLLED)
    if missing == "quote":
        desk.ledger.run("update public.option_quotes_latest set quoted_at = %s where symbol = %s", old, LATER_FAR_CALL)
    elif missing == "listing":
        desk.ledger.run("delete from public.option_quotes_latest where symbol = %s", LATER_FAR_CALL)
        desk.ledger.run("delete from public.option_contracts where symbol = %s", LATER_FAR_CALL)
    else:
        desk.close()
    assert [row[:3] for row in _rolling(desk, at)] == [(CALL, "buy", "limit"), (FAR_CALL, "sell", "limit")]
    ((_, words),) = alerts(desk, "ROLL_NOT_POSSIBLE")
    because = {
        "quote": "a leg has no fresh quote",
        "listing": "no later expiry is listed",
        "gate": "could not be rolled",
    }
    assert because[missing] in words


# --- assigned ---------------------------------------------------------------------------------------------------------

NIGHT = CLOSE + timedelta(hours=6)
NEXT_OPEN = OPEN + timedelta(days=1)


def _assigned(desk: Desk, right: str, contracts: str, strategy: UUID | None) -> None:
    symbol = PUT if right == "put" else CALL
    hold(desk, symbol, f"-{contracts}", strategy)
    answer = desk.activity(
        "assignment", f"assigned {symbol}", symbol=symbol, quantity=contracts, occurred_at=NIGHT.isoformat()
    )
    assert answer["applied"], answer


def test_assignment_when_overnight_then_told_and_the_shares_are_closed_at_the_next_open_once(desk: Desk) -> None:
    _assigned(desk, "put", "2", desk.strategy)
    limit(desk, "assigned_shares", "0", "flatten", "shares", scope="strategy")
    assert watch(desk, NIGHT) == []
    ((_, words),) = alerts(desk, "ASSIGNED")
    assert words.startswith(f"2 {PUT} were assigned: 200 shares of SPY came at 170, for 34000 dollars.")
    assert watch(desk, NEXT_OPEN - timedelta(minutes=1)) == []
    sold = [("SPY", "sell", "market", "pending")]
    assert watch(desk, NEXT_OPEN) == sold
    assert watch(desk, NEXT_OPEN + timedelta(minutes=1)) == sold
    (trade,) = desk.ledger.rows(
        "select id, strategy_id, quantity, reduce_only from public.trades where broker_account_id = %s", desk.account
    )
    assert trade[1:] == (desk.strategy, 200, True)
    assert desk.approve(trade[0]) == "approved"
    assert desk.claim(trade[0], NEXT_OPEN)["claimed"]
    desk.fill(desk.submit(trade[0]), "200", "168", side="sell", executed_at=NEXT_OPEN.isoformat())
    assert desk.position() == 0
    assert len(watch(desk, NEXT_OPEN + timedelta(minutes=2))) == 1
    assert len(alerts(desk, "ASSIGNED")) == 1


def test_assignment_when_nobody_set_a_rule_then_told_and_the_shares_stay(desk: Desk) -> None:
    _assigned(desk, "put", "1", None)
    assert watch(desk, NEXT_OPEN) == []
    assert desk.position() == 100
    assert len(alerts(desk, "ASSIGNED")) == 1


def test_assignment_when_it_took_shares_that_were_held_then_nothing_is_left_to_close(desk: Desk) -> None:
    hold(desk, "SPY", "100")
    _assigned(desk, "call", "1", None)
    limit(desk, "assigned_shares", "0", "flatten", "shares")
    assert watch(desk, NEXT_OPEN) == []
    assert (desk.position(), len(alerts(desk, "ASSIGNED"))) == (0, 1)


def test_assignment_when_calls_leave_shares_sold_short_then_as_many_are_bought_back(
    desk: Desk,
) -> None:
    hold(desk, "SPY", "50")
    _assigned(desk, "call", "1", None)
    limit(desk, "assigned_shares", "0", "flatten", "shares")
    assert watch(desk, NEXT_OPEN) == [("SPY", "buy", "market", "pending")]
    assert desk.ledger.one("select quantity from public.trades where broker_account_id = %s", desk.account) == 50


def test_assignment_when_its_owner_holds_more_then_only_what_came_is_sold_and_the_rest_keeps_its_exit(
    desk: Desk,
) -> None:
    hold(desk, "SPY", "200")
    resting = desk.place_by_hand(
        "resting", "sell", "200", position_intent="sell_to_close", order_type="limit", price="300"
    )
    _assigned(desk, "put", "1", None)
    limit(desk, "assigned_shares", "0", "flatten", "shares")
    assert desk.approve(resting) == "approved"
    sold = [("SPY", "sell", "market", "pending")]
    assert watch(desk, NEXT_OPEN) == sold
    assert watch(desk, NEXT_OPEN + timedelta(minutes=1)) == sold
    row = "select quantity from public.trades where broker_account_id = %s and source = 'risk'"
    assert desk.ledger.one(row, desk.account) == 100
    assert desk.status(resting) == "approved"


def test_early_assignment_when_the_ex_date_is_the_next_session_then_warned_and_closed_where_asked(
    desk: Desk, mark: Any
) -> None:
    hold(desk, MONTHLY_CALL, "-1")
    dividend = [{"kind": "cash_dividend", "ex_date": "2013-10-08", "amount": "0.84"}]
    said = {"p_symbol": "SPY", "p_actions": dividend, "p_source": "test", "p_from": "2013-10-08", "p_to": "2013-10-08"}
    desk.ledger.call("record_corporate_actions", "fn_ingest", **said)
    mark(OPEN, SPY="175", **{MONTHLY_CALL: "10.84"})
    assert watch(desk, OPEN) == []
    assert alerts(desk, "ASSIGNMENT_RISK") == []
    mark(OPEN + timedelta(minutes=1), **{MONTHLY_CALL: "10.83"})
    assert watch(desk, OPEN + timedelta(minutes=1)) == []
    ((_, words),) = alerts(desk, "ASSIGNMENT_RISK")
    assert "goes ex-dividend on 2013-10-08 with 0.84 dollars a share, and only 0.83 of time value is left" in words
    limit(desk, "assignment_risk", "0.05", "flatten", "dollars of time value a share")
    assert watch(desk, OPEN + timedelta(minutes=2)) == [(MONTHLY_CALL, "buy", "market", "pending")]
    desk.ledger.call("record_corporate_actions", "fn_ingest", **said | {"p_actions": []})


def test_pin_risk_when_the_underlying_is_at_the_strike_near_the_end_then_breached_told_and_closed(
    desk: Desk, mark: Any
) -> None:
    hold(desk, CALL, "-1")
    limit(desk, "pin_risk", "0.5", "flatten", "percent of the strike", within_minutes="45")
    at = CLOSE - timedelta(minutes=45)
    mark(at - timedelta(minutes=1), SPY="170.86")
    assert watch(desk, at) == []
    mark(at, SPY="170.85")
    assert watch(desk, at - timedelta(seconds=1)) == []
    assert watch(desk, at) == [(CALL, "buy", "market", "pending")]
    breach = "select name, happened, measured, act from public.limit_breaches where broker_account_id = %s"
    assert desk.ledger.rows(breach, desk.account) == [("pin_risk", "breached", Decimal("0.5"), "flatten")]
    # The desk's own orders: no gate is closed.
    assert not desk.halted()
    assert len(alerts(desk, "PIN_RISK")) == 1
    assert watch(desk, at + timedelta(minutes=14)) == [(CALL, "buy", "market", "pending")]
    assert len(desk.ledger.rows(breach, desk.account)) == 1


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [{"how": "keep"}, {"cause": ""}, {"owner_key": None}, {"symbols": CALL}])
def test_closing_when_it_is_not_whole_then_refused(desk: Desk, broken: dict[str, Any]) -> None:
    closing = {"cause": "a test", "owner_key": "manual", "symbols": [CALL], "how": "close", "reason": "a test"}
    with refused("BAD_CLOSING", 422):
        desk.ledger.call("desk_close", "fn_risk", p_account_id=desk.account, p_closings=[closing | broken], p_now=OPEN)


def test_desk_when_the_account_or_the_notice_is_none_then_refused(desk: Desk) -> None:
    for function, said in (("desk_close", {"p_closings": [], "p_now": OPEN}), ("tell_desk", {"p_notices": []})):
        with refused("NO_SUCH_ACCOUNT", 404):
            desk.ledger.call(function, "fn_risk", p_account_id=desk.strategy, **said)
    with refused("BAD_NOTICE", 422):
        desk.ledger.call(
            "tell_desk", "fn_risk", p_account_id=desk.account, p_notices=[{"name": "x", "severity": "loud"}]
        )
