"""What a desk checks against the account before it takes an order: what is at hand, levels, buying power."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from functions.backtest.orders import Side
from functions.core.money import text
from local.simulators.venue.account_ledger import UNCOVERED_LEVEL, AccountLedger
from local.simulators.venue.desk_order import DeskLeg, DeskOrder
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.quotes import Quotes
from local.simulators.venue.refusal import DeskRefusal

COVERED_LEVEL, LONG_LEVEL, SPREAD_LEVEL = 1, 2, 3


def held(ledger: AccountLedger, open_orders: Iterable[DeskOrder], symbol: str) -> tuple[Decimal, list[str]]:
    """How much of a position working orders will close, and their ids. Alternatives count once."""
    quantity = ledger.position(symbol).quantity
    total, ids, groups = Decimal(0), [], dict[str, Decimal]()
    for order in open_orders:
        for leg in order.legs:
            if order.state == "held" or leg.symbol != symbol or not quantity or not leg.remaining:
                continue
            if (leg.side is Side.BUY) == (quantity > 0):
                continue
            ids.append(order.id)
            if order.oco is not None:
                groups[order.oco] = max(groups.get(order.oco, Decimal(0)), leg.remaining)
            else:
                total += leg.remaining
    return total + sum(groups.values(), Decimal(0)), ids


def locked(ledger: AccountLedger, symbol: str) -> Decimal:
    """Shares that short calls are covered by; none where the account may be uncovered."""
    if ledger.settings.options_level >= UNCOVERED_LEVEL:
        return Decimal(0)
    found = ledger.option_requirement().get(symbol)
    return Decimal(0) if found is None else found.covered


def price_of(order: DeskOrder, quotes: Quotes) -> Decimal:
    """The dearest price, per share, that an order is expected to trade at; of several legs the net."""
    if order.is_multi_leg:
        return order.request.limit if order.request.limit is not None else market_net(order.legs, quotes)
    quote, mark = quotes.quote(order.symbol), quotes.mark(order.symbol)
    limit, stop = order.request.limit, order.request.stop
    market = quote.ask if quote is not None else mark or Decimal(0)
    if limit is not None:
        return limit if order.side is Side.BUY else max(limit, market)
    return max(stop or Decimal(0), market) if order.side is Side.BUY else market


def market_net(legs: Sequence[DeskLeg], quotes: Quotes) -> Decimal:
    """What one unit costs at the quotes; a leg without a quote counts nothing."""
    total = Decimal(0)
    for leg in legs:
        quote = quotes.quote(leg.symbol)
        if quote is not None:
            total += leg.ratio * (quote.ask if leg.side is Side.BUY else -quote.bid)
    return total


def cost(ledger: AccountLedger, order: DeskOrder, quotes: Quotes) -> Decimal:
    """What the rest of an order takes of the buying power for shares; nothing for what only closes."""
    if quotes.option(order.symbol) is None:
        position = ledger.position(order.symbol).quantity
        if order.legs[0].effect == "close" or (position and (position > 0) != (order.side is Side.BUY)):
            return Decimal(0)
        return order.remaining * price_of(order, quotes)
    return max(option_cost(ledger, order, quotes), Decimal(0)) * ledger.settings.multiplier


def option_cost(ledger: AccountLedger, order: DeskOrder, quotes: Quotes) -> Decimal:
    """Dollars that the rest of an option order takes: premium paid, and what more the options then require."""
    return premium(order, quotes) + required_more(ledger, order)


def premium(order: DeskOrder, quotes: Quotes) -> Decimal:
    """Dollars that the rest of an option order pays, negative where it receives."""
    price, multiplier = price_of(order, quotes), quotes.multiplier(order.symbol)
    if order.is_multi_leg:
        return order.remaining * price * multiplier
    quote = quotes.quote(order.symbol)
    if order.side is Side.SELL:
        bid = quote.bid if quote is not None else Decimal(0)
        return -order.remaining * multiplier * (order.request.limit or bid)
    return order.remaining * price * multiplier


def required_more(ledger: AccountLedger, order: DeskOrder) -> Decimal:
    """What the options require more once the rest of an order has filled."""
    before = sum((one.amount for one in ledger.option_requirement().values()), Decimal(0))
    after = sum((one.amount for one in ledger.option_requirement(_changes([order])).values()), Decimal(0))
    return after - before


def buying_power(ledger: AccountLedger, open_orders: Iterable[DeskOrder], quotes: Quotes) -> Decimal:
    """What new shares may still cost: what there is times the multiplier, less exposure, less working orders."""
    counted: set[str] = set()
    working = Decimal(0)
    for order in open_orders:
        if order.state == "held" or order.oco in counted:
            continue
        if order.oco is not None:
            counted.add(order.oco)
        working += cost(ledger, order, quotes)
    return max(ledger.carrying() * ledger.settings.multiplier - ledger.exposure() - working, Decimal(0))


def check(
    ledger: AccountLedger,
    open_orders: Sequence[DeskOrder],
    order: DeskOrder,
    quotes: Quotes,
    rules: DeskRules,
    settled: Decimal,
) -> None:
    """Raises DeskRefusal where the account cannot carry the order. `settled` is the settled cash."""
    if ledger.settings.blocked:
        raise DeskRefusal("trading_blocked", "the account is blocked from trading")
    for leg in order.legs:
        if leg.effect == "close":
            _check_close(ledger, open_orders, leg)
    opening = [leg for leg in order.legs if leg.effect == "open"]
    if opening and ledger.settings.closing_only:
        raise DeskRefusal("closing_only", "the account may only close positions")
    if not rules.wash_trades:
        _check_wash(open_orders, order)
    if not opening:
        return
    if quotes.option(order.symbol) is None:
        _check_short(ledger, order)
    else:
        _check_level(ledger, open_orders, order, quotes)
    available = buying_power(ledger, open_orders, quotes)
    needed = cost(ledger, order, quotes)
    if needed > available:
        raise DeskRefusal("insufficient_buying_power", "insufficient buying power", available=available, cost=needed)
    if rules.settled_cash_only and ledger.settings.multiplier == 1 and needed > settled:
        raise DeskRefusal("unsettled_cash", "the cash has not settled", available=settled, cost=needed)


def _check_close(ledger: AccountLedger, open_orders: Sequence[DeskOrder], leg: DeskLeg) -> None:
    quantity = ledger.position(leg.symbol).quantity
    if not quantity or (quantity > 0) == (leg.side is Side.BUY):
        raise DeskRefusal("no_position", f"there is no position in {leg.symbol} to close", symbol=leg.symbol)
    in_orders, related = held(ledger, open_orders, leg.symbol)
    if quantity > 0:
        in_orders += locked(ledger, leg.symbol)
    if leg.quantity > abs(quantity) - in_orders:
        raise DeskRefusal(
            "insufficient_quantity",
            f"asked to close {text(leg.quantity)} of {text(abs(quantity) - in_orders)} at hand",
            symbol=leg.symbol,
            related=tuple(related),
            requested=leg.quantity,
            existing=abs(quantity),
            held=in_orders,
        )


def _check_short(ledger: AccountLedger, order: DeskOrder) -> None:
    if order.side is Side.BUY:
        return
    if not ledger.settings.shorting or ledger.settings.multiplier == 1:
        raise DeskRefusal("shorting_not_allowed", "account is not allowed to short", symbol=order.symbol)
    if order.quantity != order.quantity.to_integral_value():
        raise DeskRefusal("fractional_short", f"fractional orders cannot be sold short, was {text(order.quantity)}")


def _check_level(ledger: AccountLedger, open_orders: Sequence[DeskOrder], order: DeskOrder, quotes: Quotes) -> None:
    working = [
        one
        for one in open_orders
        if quotes.option(one.symbol) is not None and any(leg.effect == "open" for leg in one.legs)
    ]
    before, after = _totals(ledger, working), _totals(ledger, [*working, order])
    level = ledger.settings.options_level
    needed = COVERED_LEVEL
    if any(leg.effect == "open" and leg.side is Side.BUY for leg in order.legs):
        needed = LONG_LEVEL
    if order.is_multi_leg or after["spreads"] > before["spreads"]:
        needed = SPREAD_LEVEL
    if after["naked_calls"] > before["naked_calls"]:
        if level < UNCOVERED_LEVEL:
            raise DeskRefusal(
                "uncovered",
                "account not eligible to trade uncovered option contracts",
                symbol=order.symbol,
                level=Decimal(level),
                needed=Decimal(UNCOVERED_LEVEL),
            )
        needed = UNCOVERED_LEVEL
    if level < needed:
        raise DeskRefusal(
            "options_level",
            f"the order needs options level {needed}, the account has {level}",
            symbol=order.symbol,
            level=Decimal(level),
            needed=Decimal(needed),
        )


def _totals(ledger: AccountLedger, orders: Iterable[DeskOrder]) -> dict[str, Decimal]:
    found = ledger.option_requirement(_changes(orders)).values()
    return {
        "spreads": sum((one.spreads for one in found), Decimal(0)),
        "naked_calls": sum((one.naked_calls for one in found), Decimal(0)),
    }


def _changes(orders: Iterable[DeskOrder]) -> dict[str, Decimal]:
    changes: dict[str, Decimal] = {}
    for order in orders:
        for leg in order.legs:
            changes[leg.symbol] = changes.get(leg.symbol, Decimal(0)) + leg.signed_remaining
    return changes


def _check_wash(open_orders: Sequence[DeskOrder], order: DeskOrder) -> None:
    """Orders of the account that could trade with one another: opposite sides whose prices meet."""
    if order.is_multi_leg:
        return
    for other in open_orders:
        if (
            other.is_multi_leg
            or other.symbol != order.symbol
            or other.side is order.side
            or other.state == "held"
            or (order.group is not None and other.group == order.group)
        ):
            continue
        buy, sell = (order, other) if order.side is Side.BUY else (other, order)
        if buy.request.limit is None or sell.request.limit is None or buy.request.limit >= sell.request.limit:
            raise DeskRefusal(
                "wash_trade",
                "potential wash trade detected: an opposite order of the account could trade with it",
                symbol=order.symbol,
                related=(other.id,),
            )
