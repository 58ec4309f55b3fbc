"""The account that a backtest keeps in memory is judged as the ledger's is: rule by rule, number by number.

Each run draws limits, and then orders, fills, cancels and prices of two strategies and a person over two sessions. The
same is told to the ledger and to the account in memory, and every order is judged by both books.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from functions.backtest.account.money import CashAccount
from functions.backtest.account.placed import Placed, Working
from functions.backtest.account.running_book import RunningBook
from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.ledger.judging import RiskLedger
from functions.core.market_calendar import Calendar, Session
from functions.core.money import text
from functions.risk.account import BrokerRules
from functions.risk.assess import Assessment, assess
from functions.risk.book import Mark
from functions.risk.facts.market import Quote
from functions.risk.judging import verdicts_of
from functions.risk.limit_kinds import LIMIT_KINDS
from functions.risk.reading import book_of, limits_of, order_of
from tests.integration.ledger.desk import Desk, new_strategy, rules_of
from tests.integration.ledger.ledger import Direct, Ledger

D = Decimal
MONDAY = date(2013, 10, 7)
DAYS = [MONDAY + timedelta(days=number) for number in range(-7, 60)]
CALENDAR = Calendar([Session.in_new_york(day) for day in DAYS if day.weekday() < 5])
SHARES = {"SPY": 100, "IWM": 50}
CASH = D(60_000)
STRIKES: tuple[tuple[OptionRight, int], ...] = (("call", 100), ("call", 105), ("put", 95), ("put", 90))
STEPS = 50
# Numbers that some of the orders keep to, and not all of them.
LIMITS: dict[str, tuple[int, ...]] = {
    "position_limit": (30, 60),
    "capital_limit": (6_000, 15_000),
    "trade_capital_limit": (1_500, 4_000),
    "order_quantity_limit": (20, 35),
    "max_loss_per_trade": (300, 2_500),
    "max_daily_loss": (40, 150),
    "drawdown_from_peak": (60, 200),
    "drawdown_from_start": (40, 200),
    "order_rate_limit": (2, 4),
    "order_churn_limit": (2, 4),
    "open_positions_limit": (1, 3),
    "duplicate_order": (20, 90),
    "wash_trade": (0, 1),
    "stale_quote": (20, 60),
    "stale_bars": (30, 90),
    "max_spread": (1, 3),
    "quote_size": (50, 100),
    "price_collar": (1, 5),
    "overlapping_strikes": (0, 1),
    "day_trade_limit": (0, 1),
    "last_minutes": (30, 400),
    "cooldown": (2, 20),
    "stop_loss_guard": (0, 1),
    "consecutive_losses_guard": (0, 1),
    "max_drawdown_guard": (20, 100),
    "low_profit_symbol": (0, 50),
    "symbol_concentration": (5, 15),
    "margin_utilisation": (5, 12),
    "net_delta_limit": (3_000, 9_000),
    "net_gamma_limit": (100, 1_000),
    "net_vega_limit": (10, 100),
    "undefined_risk": (1,),
}
PLACED = """
select (private.place(%s, %s, %s, s)).id from (values (1)) as v left join public.strategies as s on s.id = %s
"""
SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 60))]


class TwoBooks:
    """One account, in the ledger and in memory."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.random = Random(seed)
        self.desk = Desk.open(ledger)
        self.ledger = ledger
        self.risk = RiskLedger(Direct(ledger, "fn_risk"))
        self.owners = (self.desk.strategy, new_strategy(ledger, self.desk.user, self.desk.account), None)
        monday = MONDAY + timedelta(days=7 * (seed % 4))
        expiry = monday + timedelta(days=25)
        self.options = [str(OptionSymbol("SPY", expiry, right, D(strike))) for right, strike in STRIKES]
        self.sessions = [CALENDAR.on(monday), CALENDAR.on(monday + timedelta(days=1))]
        self.prices = {**{name: D(price) for name, price in SHARES.items()}, **dict.fromkeys(self.options, D(3))}
        self.running = RunningBook(CALENDAR, CashAccount(CASH, BrokerRules(options_level=4)))
        self.works: dict[str, tuple[str, Working]] = {}
        self.said: list[str] = []
        self.number = 0
        self.at: datetime

    # --- what happens -----------------------------------------------------------------------------------------------

    def open(self, session: Session) -> None:
        """The account is looked at when a session opens; the broker says the same to the ledger."""
        self.at = session.opens_at
        self.record()
        looked = self.running.account.looked if self.running.account else None
        assert looked is not None
        assert looked.equity is not None
        assert looked.requirement is not None
        left = looked.equity - looked.requirement
        self.desk.ledger.call(
            "record_account_snapshot",
            "fn_execute",
            p_account_id=self.desk.account,
            p_as_of=looked.as_of,
            p_cash=text(looked.cash),
            p_equity=text(looked.equity),
            p_buying_power=text(left * 2),
            p_options_buying_power=text(left),
            p_margin_requirement=text(looked.requirement),
        )

    def record(self) -> None:
        self.desk.ledger.call("watch_results", "fn_risk", p_at=self.at, p_account_id=self.desk.account)
        self.running.record(self.at)

    def prices_move(self) -> None:
        """Everything is quoted and marked anew; one symbol now and then is not."""
        marks, quotes = [], []
        at = self.at.isoformat()
        for symbol in self.prices:
            if self.random.random() < 0.05 and symbol in self.running.marks:
                continue
            step = D(self.random.randint(-150, 150)) / (100 if symbol in SHARES else 400)
            price = max(self.prices[symbol] + step, D("0.5"))
            self.prices[symbol] = price
            half = D(self.random.randint(1, 40)) / 100
            size = D(self.random.randint(20, 60))
            multiplier = D(1) if symbol in SHARES else D(100)
            self.running.quote(symbol, Quote(price - half, price + half, size, size, self.at, multiplier))
            self.running.mark(symbol, Mark(price, self.at, multiplier), bar=symbol in SHARES)
            source = "bar test" if symbol in SHARES else "test"
            marks.append({"symbol": symbol, "mark": text(price), "marked_at": at, "source": source})
            if symbol not in SHARES:
                sizes = {"bid_size": text(size), "ask_size": text(size)}
                said = {"symbol": symbol, "bid": text(price - half), "ask": text(price + half), "quoted_at": at}
                quotes.append(said | sizes | {"feed": "test"})
        listed = [{"symbol": one["symbol"], "feed": "test", "listed_at": at} for one in quotes]
        self.desk.ledger.call("upsert_marks", "fn_ingest", p_marks=marks)
        self.desk.ledger.call("record_option_data", "fn_ingest", p_contracts=listed, p_quotes=quotes)
        self.record()

    def order(self) -> dict[str, Any]:
        """One drawn order: shares or options, one leg or two, in or out, at any price."""
        random = self.random
        if random.random() < 0.2:
            sold, bought = random.choice([(0, 1), (1, 0), (2, 3), (3, 2)])
            legs = [
                {"symbol": self.options[sold], "side": "sell", "position_intent": "sell_to_open", "ratio": 1},
                {"symbol": self.options[bought], "side": "buy", "position_intent": "buy_to_open", "ratio": 1},
            ]
            price = text(D(random.randint(-30, 30)) / 10 or D("0.1"))
            return {"legs": legs, "quantity": str(random.randint(1, 2)), "order_type": "limit", "price": price}
        symbol = random.choice([*SHARES, *SHARES, random.choice(self.options)])
        held = self.running.exposures.account.open.get(symbol)
        side = random.choice(["buy", "sell"])
        size = random.randint(1, 40) if symbol in SHARES else random.randint(1, 3)
        closes = held is not None and random.random() < 0.8 and held.position * (1 if side == "sell" else -1) > 0
        order = {"symbol": symbol, "side": side, "position_intent": f"{side}_to_{'close' if closes else 'open'}"}
        order |= {"quantity": str(size), "order_type": random.choice(["market", "market", "limit", "stop"])}
        off = D(random.randint(-200, 200)) / 100
        price = text(max((self.prices[symbol] + off).quantize(D("0.01")), D("0.05")))
        if order["order_type"] == "limit":
            order |= {"price": price, "time_in_force": "gtc"}
        elif order["order_type"] == "stop":
            order |= {"stop_price": price, "time_in_force": "gtc"}
        if side == "buy" and not closes and random.random() < 0.5:
            order["planned_stop"] = text((self.prices[symbol] * D("0.9")).quantize(D("0.01")))
        return order

    def place(self) -> None:
        """An order is placed, judged by both books, and approved or rejected as they say."""
        owner = self.random.choice(self.owners)
        self.number += 1
        order = self.order() | {"signal": f"order {self.number}", "event_at": self.at.isoformat()}
        order["broker_account_id"] = str(self.desk.account)
        source = "manual" if owner is None else "strategy"
        trade: UUID = self.ledger.one(PLACED, Jsonb(order), self.desk.user, source, owner)
        found = self.risk.risk_book(trade)
        assert found is not None
        proposed, limits = order_of(found), limits_of(found)
        quotes = {leg.symbol: self.running.quotes[leg.symbol] for leg in proposed.legs}
        by_ledger = assess(proposed, book_of(found, quotes), limits)
        placed = Placed(
            order_id=str(trade),
            order=proposed,
            strategy=None if owner is None else str(owner),
            time_in_force=order.get("time_in_force", "day"),
        )
        by_account = assess(proposed, self.running.book(placed, limits), limits)
        assert shown(by_account) == shown(by_ledger)
        self.said += [one.verdict.code or one.verdict.outcome for one in by_ledger.decisions]
        verdicts = verdicts_of(by_ledger)
        if by_ledger.verdict.outcome == "deny":
            self.risk.reject_trade(trade, verdicts, by_ledger.verdict.text)
            self.running.refused(placed)
            return
        cut = by_ledger.quantity if by_ledger.quantity < proposed.quantity else None
        middles = {symbol: quote.middle for symbol, quote in quotes.items()}
        if self.risk.approve_trade(trade, verdicts, middles, cut, found.seen).status != "approved":
            self.running.refused(placed)
            return
        assert self.desk.claim(trade, self.at)["claimed"]
        order_id = self.desk.submit(trade)
        works = self.running.approved(placed, cut)
        self.works[order_id] = (str(trade), Working(works, self.at, since_open=True))

    def fill(self) -> None:
        """A working order is filled, in part or whole, at about its mark."""
        if not self.works:
            return
        order_id = self.random.choice(list(self.works))
        trade, order = self.works[order_id]
        legs = order.placed.order.legs
        units = min(order.left(leg) / leg.ratio for leg in legs)
        part = D(self.random.randint(1, int(units))) if self.random.random() < 0.4 else units
        for leg in legs:
            quantity = part * leg.ratio
            price = self.prices[leg.symbol] + D(self.random.randint(-20, 20)) / 100
            fee = D(self.random.randint(0, 100)) / 100
            order.filled[leg.symbol] = order.filled.get(leg.symbol, D(0)) + quantity
            said = {"symbol": leg.symbol, "side": leg.side, "executed_at": self.at.isoformat(), "fee": text(fee)}
            self.desk.fill(order_id, text(quantity), text(price), text(order.filled[leg.symbol]), **said)
            self.running.filled(trade, leg.symbol, quantity, price, self.at, fee)
            self.record()
        if order.is_filled:
            del self.works[order_id]

    def cancel(self) -> None:
        if not self.works:
            return
        order_id = self.random.choice(list(self.works))
        trade, _ = self.works.pop(order_id)
        self.desk.update(order_id, "canceled", at=self.at.isoformat())
        self.running.ended(trade, "canceled", self.at)

    def limit(self) -> None:
        """A limit somewhere, with its numbers."""
        name = self.random.choice(list(LIMITS))
        kind = LIMIT_KINDS[name]
        scopes = [scope for scope in kind.scopes if scope in ("user", "account", "strategy")]
        scope = self.random.choice(scopes)
        owner = {"user": self.desk.user, "account": self.desk.account, "strategy": self.desk.strategy}[scope]
        said: dict[str, Any] = {"p_scope": scope, "p_scope_id": owner, "p_name": name, "p_unit": kind.unit}
        said |= {"p_value": str(self.random.choice(LIMITS[name])), "p_parameters": {}}
        if "symbol" in kind.scopes and self.random.random() < 0.25:
            said["p_symbol"] = "SPY"
        self.desk.ledger.call("set_limit", "authenticated", self.desk.user, **said)

    def run(self) -> None:
        for session in self.sessions:
            assert session is not None
            self.open(session)
            self.at += timedelta(minutes=1)
            self.prices_move()
            for _ in range(STEPS // 2):
                self.at += timedelta(seconds=self.random.choice([1, 7, 11, 30, 61]))
                if self.random.random() < 0.6:
                    self.prices_move()
                self.random.choice((self.place, self.place, self.place, self.fill, self.fill, self.fill, self.cancel))()
            # So that the broker's next word is another one, whatever happened.
            self.running.moved(D(100), session.closes_at)


def shown(assessment: Assessment) -> list[tuple[Any, ...]]:
    """The verdict, and every rule's own.

    How many closed trades a protection has looked at, where it allows, is left out: the ledger tells those that a limit
    looks back to, the account in memory all that there ever were.
    """
    whole = assessment.verdict
    found: list[tuple[Any, ...]] = [(whole.outcome, whole.code, whole.numbers, assessment.quantity)]
    for each in assessment.decisions:
        numbers: dict[str, Any] = dict(each.verdict.numbers)
        if each.rule in LIMIT_KINDS and LIMIT_KINDS[each.rule].family == "protection" and each.verdict.code is None:
            numbers = {name: seen for name, seen in numbers.items() if name in ("limit", "scope")}
        found.append((each.code, each.verdict.outcome, each.verdict.code, numbers, each.verdict.to))
    return found


@pytest.fixture(scope="module", autouse=True)
def _calendar(ledger: Ledger) -> None:
    told = [
        {"date": str(one.date), "opens_at": one.opens_at.isoformat(), "closes_at": one.closes_at.isoformat()}
        for one in CALENDAR.sessions
    ]
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=told, p_source="test")


@pytest.mark.parametrize("seed", SEEDS)
def test_running_book_when_anything_happens_then_it_is_judged_as_the_ledgers_is(ledger: Ledger, seed: int) -> None:
    books = TwoBooks(ledger, seed)
    # Marks only ever move forward, and another run was in another week.
    ledger.run("delete from public.position_marks; delete from public.option_quotes_latest")
    for option in books.options:
        ledger.run(
            "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test')"
            " on conflict do nothing",
            option,
        )
    said = {"p_as_of": CALENDAR.sessions[0].opens_at, "p_rules": rules_of(options_level=4)}
    ledger.call("record_account_rules", "fn_execute", p_account_id=books.desk.account, **said)
    for _ in range(6):
        books.limit()
    books.run()
    assert books.said.count("allow") > STEPS


def test_book_when_two_strategies_hold_against_each_other_then_the_symbol_has_its_mark(ledger: Ledger) -> None:
    ledger.run("insert into public.instruments (symbol, kind, source) values ('AGAINST', 'equity', 'test')")
    desk = Desk.open(ledger)
    symbols = ("SPY", "AGAINST")
    desk, other = (
        Desk(ledger, desk.user, desk.account, new_strategy(ledger, desk.user, desk.account, symbols)) for _ in range(2)
    )
    for one, side in ((desk, "buy"), (other, "sell")):
        trade = one.place(side, "10", symbol="AGAINST")
        assert one.approval(trade, AGAINST="100")["status"] == "approved"
        assert one.claim(trade)["claimed"]
        one.fill(one.submit(trade), "10", "100", symbol="AGAINST", side=side)
    said = {"symbol": "AGAINST", "mark": "100", "marked_at": "2013-10-07T16:00Z", "source": "test"}
    ledger.call("upsert_marks", "fn_ingest", p_marks=[said])
    assert desk.position("AGAINST") == 0
    found = RiskLedger(Direct(ledger, "fn_risk")).risk_book(desk.place())
    assert found is not None
    assert "AGAINST" in found.marks
