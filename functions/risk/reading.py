"""From the ledger's answer to what the rules look at: the order, the book and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight
from functions.core.ledger.judging import BookAccount, BookLeg, RiskBook
from functions.core.market_calendar import Session
from functions.risk.account import AccountFacts, BrokerMoney, BrokerRules
from functions.risk.book import (
    Book,
    Gate,
    Kind,
    Mark,
    OpenQuantity,
    OrderType,
    PositionIntent,
    ProposedLeg,
    ProposedOrder,
    Side,
)
from functions.risk.limit_kinds import TIGHTER
from functions.risk.limits import Act, Limit, Limits, Scope
from functions.risk.reading_market import with_market
from functions.risk.reading_orders import order_facts
from functions.risk.reading_results import results_of


def order_of(found: RiskBook) -> ProposedOrder:
    """The order to judge. Raises BadInput where its numbers, or its shape, cannot be judged."""
    trade = found.trade
    if trade.quantity is None or trade.worse_quantity is None:
        raise BadInput("NOTIONAL_NOT_JUDGED", "orders by notional are not supported yet; order a quantity")
    if len(found.legs) > 1 and not trade.multi_leg:
        raise BadInput(
            "MULTI_LEG_NOT_JUDGED", f"an order of {len(found.legs)} legs is not judged by its first; place them alone"
        )
    return ProposedOrder(
        symbol=trade.symbol,
        side=cast("Side", trade.side),
        quantity=trade.worse_quantity,
        event_time=trade.event_at,
        order_type=cast("OrderType", trade.order_type),
        limit_price=trade.price,
        stop_price=trade.stop_price,
        trail_price=trade.trail_price,
        trail_percent=trade.trail_percent,
        stop_loss_price=trade.planned_stop,
        reduce_only=trade.reduce_only,
        trades_around_the_clock=all(leg.kind == "crypto" for leg in found.legs),
        legs=tuple(_leg(leg, trade.worse_quantity) for leg in found.legs),
    )


def _leg(leg: BookLeg, units: Decimal) -> ProposedLeg:
    return ProposedLeg(
        symbol=leg.symbol,
        side=cast("Side", leg.side),
        position_intent=cast("PositionIntent", leg.position_intent),
        quantity=leg.ratio * units,
        ratio=leg.ratio,
        multiplier=leg.multiplier,
        kind=cast("Kind", leg.kind),
        underlying=leg.underlying,
        right=cast("OptionRight | None", leg.option_right),
        strike=leg.strike,
        expiry=leg.expires_on,
        shortable=leg.shortable,
    )


def book_of(found: RiskBook, quoted: Mapping[str, Mark]) -> Book:
    """The book, what is ordered valued by `quoted`, each symbol's newest quote."""
    exposures = {
        cast("Scope", scope): {row.symbol: OpenQuantity(row.position, row.to_buy, row.to_sell) for row in rows}
        for scope, rows in found.exposures.items()
    }
    multipliers = {row.symbol: row.multiplier for rows in found.exposures.values() for row in rows}
    money = found.account.money if found.account is not None else None
    if money is not None:
        multipliers = {row.symbol: row.multiplier for row in money.then} | multipliers
    marks = {
        symbol: Mark(row.mark, row.marked_at, multipliers.get(symbol, Decimal(1)))
        for symbol, row in ((money.marks if money is not None else {}) | found.marks).items()
    }
    # What is ordered is valued by its quote; a mark that waits for the next bar is not fresh enough for an order.
    for leg in found.legs:
        marks.pop(leg.symbol, None)
    book = Book(
        exposures=exposures,
        marks=marks | dict(quoted),
        # No session within a week either way is a calendar that is missing, not a holiday.
        sessions=tuple(Session(row.date, row.opens_at, row.closes_at) for row in found.sessions) or None,
        closed_gates=tuple(Gate(_gate_scope(gate), gate) for gate in found.closed_gates),
        packages={cast("Scope", scope): tuple(packages) for scope, packages in found.packages.items()},
        account=None if found.account is None else _account(found.account),
        results=results_of(found.results),
        orders=None if found.orders is None else order_facts(found.orders, found.trade.event_at),
    )
    return with_market(book, found, order_of)


def _account(said: BookAccount) -> AccountFacts:
    rules, money = said.rules, said.money
    return AccountFacts(
        None if rules is None else BrokerRules(**dict(rules)),
        None
        if money is None
        else BrokerMoney(
            as_of=money.as_of,
            cash=money.cash,
            buying_power=money.buying_power,
            options_buying_power=money.options_buying_power,
            settled_cash=money.settled_cash,
            moved=money.moved,
            spent=money.spent,
            then={row.symbol: OpenQuantity(row.position, row.to_buy, row.to_sell) for row in money.then},
            packages_then=tuple(money.packages_then),
        ),
    )


def _gate_scope(gate: str) -> Scope:
    return cast("Scope", gate.split(":", 1)[0])


def limits_of(found: RiskBook) -> Limits:
    """The limits that apply. One of the account on one symbol is what the rules call the scope "symbol"."""
    return Limits(
        (
            Limit(
                row.name,
                "symbol" if row.symbol and row.scope == "account" else cast("Scope", row.scope),
                row.value,
                row.symbol,
                row.parameters,
                cast("Act | None", row.act),
            )
            for row in found.limits
        ),
        TIGHTER,
    )
