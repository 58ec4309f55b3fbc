"""A desk in the middle of its day: twenty positions, twenty working orders, every limit set, and an order to judge.

Nothing is denied: every rule that is on speaks, and sees numbers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from functions.core.market_calendar import Session
from functions.risk.account import AccountFacts, BrokerMoney, BrokerRules
from functions.risk.assess import RULES
from functions.risk.book import Book, Mark, OpenQuantity, Package, ProposedLeg, ProposedOrder, Side
from functions.risk.facts.closed import ClosedTrade, ClosedTrades, Closings, moment
from functions.risk.facts.market import Dates, MarketFacts, Quote, Turnover
from functions.risk.facts.orders import OrderFacts, OtherSide, RestingOrder, SymbolsOpen
from functions.risk.facts.portfolio import Held, Money, Net, NetGreeks, PortfolioFacts
from functions.risk.facts.results import ResultFacts, ScopeResult
from functions.risk.limit_kinds import TIGHTER
from functions.risk.limits import Limit, Limits, Scope

_NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
_SHARES = tuple(f"S{number:02d}" for number in range(16))
_OPTIONS = ("S00260320C00060000", "S00260320C00065000", "S01260320P00040000", "S01260320P00035000")
_ZERO, _ONE, _MANY = Decimal(0), Decimal(1), Decimal(1_000_000)
_SCOPES: tuple[Scope, ...] = ("global", "user", "account", "strategy")
_HUNDRED = Decimal(100)


def order(number: int) -> ProposedOrder:
    """A buy of ten shares at a limit near the market, in one of the symbols on which no options are open."""
    return ProposedOrder(
        symbol=_SHARES[2 + number % (len(_SHARES) - 2)],
        side="buy",
        quantity=Decimal(10),
        event_time=_NOW,
        order_type="limit",
        limit_price=Decimal("50.30"),
        stop_loss_price=Decimal("49.00"),
    )


def option_order() -> ProposedOrder:
    """One call spread more, of a root whose shares and options are held."""
    sides: tuple[tuple[str, Side, Decimal], ...] = (
        (_OPTIONS[1], "buy", Decimal(65)),
        (_OPTIONS[0], "sell", Decimal(60)),
    )
    bought, sold = (
        ProposedLeg(
            symbol=symbol,
            side=side,
            position_intent="buy_to_open" if side == "buy" else "sell_to_open",
            quantity=_ONE,
            multiplier=_HUNDRED,
            kind="option",
            underlying="S00",
            right="call",
            strike=strike,
            expiry=date(2026, 3, 20),
        )
        for symbol, side, strike in sides
    )
    return ProposedOrder(
        symbol=bought.symbol,
        side="buy",
        quantity=_ONE,
        event_time=_NOW,
        order_type="limit",
        limit_price=Decimal("-1.20"),
        legs=(bought, sold),
    )


def book(judged: ProposedOrder) -> Book:
    """The book of one order, with every fact that a limit asks for."""
    exposure = {symbol: OpenQuantity(Decimal(100), Decimal(10), _ZERO) for symbol in _SHARES}
    exposure |= {symbol: OpenQuantity(_ONE if place % 2 else -_ONE) for place, symbol in enumerate(_OPTIONS)}
    working: tuple[Package, ...] = tuple({symbol: _ONE} for symbol in _OPTIONS)
    marks = {symbol: Mark(Decimal("50.25"), _NOW) for symbol in _SHARES}
    marks |= {symbol: Mark(Decimal("1.20"), _NOW, _HUNDRED) for symbol in _OPTIONS}
    quote = Quote(Decimal("50.24"), Decimal("50.26"), _MANY, _MANY, _NOW)
    closings = Closings(
        ClosedTrade(symbol, "strategy", _NOW - timedelta(hours=3, minutes=30 - place), _ONE, _ONE, _ONE, "signal")
        for place, symbol in enumerate(_SHARES * 2)
    )
    net = Net(Decimal(1000), Decimal(900), Decimal(1100), Decimal(10))
    greeks = NetGreeks(delta=net, gamma=net, vega=net, age_seconds=_ONE, oldest=judged.symbol)
    held = Held(of_symbol=Decimal(5000), of_sector=Decimal(20_000), adds=Decimal(500))
    money = Money(equity=_MANY, age_hours=_ONE, requires=Decimal(100_000), adds=Decimal(500))
    return Book(
        exposures=dict.fromkeys(_SCOPES, exposure),
        marks=marks,
        sessions=(Session(date(2026, 3, 2), _NOW - timedelta(hours=2), _NOW + timedelta(hours=4)),),
        closed_gates=(),
        packages=dict.fromkeys(_SCOPES, working),
        account=AccountFacts(
            BrokerRules(),
            BrokerMoney(
                as_of=_NOW - timedelta(hours=3),
                cash=_MANY,
                buying_power=_MANY,
                options_buying_power=_MANY,
                settled_cash=_MANY,
                then=exposure,
                packages_then=working,
            ),
        ),
        orders=OrderFacts(
            since_equal=Decimal(3600),
            other_side={judged.symbol: OtherSide.of("sell", [RestingOrder("a", "limit", Decimal(60))])},
            symbols_open=dict.fromkeys(_SCOPES, SymbolsOpen(Decimal(20), _ZERO)),
            placed={(scope, Decimal(60)): _ONE for scope in _SCOPES},
            entries={scope: {judged.symbol: _ONE} for scope in _SCOPES},
            packages={},
            day_trades=_ZERO,
            equity=_MANY,
        ),
        market=MarketFacts(
            portfolio=PortfolioFacts(
                quantity=judged.quantity,
                underlying=judged.symbol,
                sector="Technology",
                money=money,
                held={"account": held, "strategy": held},
                greeks={"account": greeks, "strategy": greeks},
            ),
            quotes={judged.symbol: quote},
            turnover=Turnover(daily_volume={judged.symbol: _MANY}),
            dates=Dates(
                days_to_earnings={judged.symbol: 60},
                days_to_ex_dividend={judged.symbol: 60},
            ),
            bars_until={judged.symbol: _NOW},
        ),
        results=ResultFacts(scopes=dict.fromkeys(_SCOPES, ScopeResult.of(Decimal(-10), _ZERO, _ZERO))),
        closed=ClosedTrades(at=moment(_NOW), account=closings, strategy=closings),
    )


def limits() -> Limits:
    """Every limit there is for an order, on the account, so wide or so narrow that nothing is denied."""
    kinds = [rule.kind for rule in RULES if rule.kind.scopes]
    narrow = {
        "low_profit_symbol": _ZERO,
        "duplicate_order": Decimal(5),
        "undefined_risk": _ZERO,
        "stale_quote": Decimal(60),
    }
    return Limits(
        (
            Limit(kind.name, "account", narrow.get(kind.name, _ONE if kind.tighter == "higher" else _MANY))
            for kind in kinds
        ),
        TIGHTER,
    )
