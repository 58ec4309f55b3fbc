"""Whether an exit is reached: a function of its terms and of quotes, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from functions.core.ledger.exits import By, ExitLeg, LiveExit

FRESH = timedelta(seconds=30)
"""An older quote fires nothing; a delayed feed's, where it counts, by as much more as it is late."""
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A quote as the watch sees it, dollars, UTC."""

    bid: Decimal
    ask: Decimal
    quoted_at: datetime
    delay_seconds: int = 0

    def counts(self, *, is_paper: bool, now: datetime) -> bool:
        """Whether it may fire an exit: fresh, and of a feed that is not late, which only paper does with."""
        if self.delay_seconds > 0 and not is_paper:
            return False
        return now - self.quoted_at <= FRESH + timedelta(seconds=self.delay_seconds)


Quotes = Mapping[str, Seen]


@dataclass(frozen=True, slots=True)
class Crossing:
    """What fires an exit: by what, at what price, delta or none, and when (event time)."""

    by: By
    price: Decimal | None
    at: datetime


def price_of(leg: ExitLeg, quote: Seen) -> Decimal | None:
    """What closing the leg trades at: the bid of what is held long, the ask of what is held short.

    None where that is no price. Nobody buys at a bid of zero, and bid and ask of an option that are equal or crossed
    are a market that is broken or being made; of shares a locked market is one.
    """
    if quote.bid > quote.ask or (leg.kind == "option" and quote.bid == quote.ask):
        return None
    price = quote.bid if leg.sign > 0 else quote.ask
    return price if price > 0 else None


def position_price(exit_: LiveExit, quotes: Quotes) -> tuple[Decimal, datetime] | None:
    """What closing one unit brings (long) or costs (short), and as of when; None where a leg has no price."""
    brings, at = _ZERO, None
    for leg in exit_.legs:
        quote = quotes.get(leg.symbol)
        price = None if quote is None else price_of(leg, quote)
        if quote is None or price is None:
            return None
        brings += price * leg.ratio * leg.sign
        at = quote.quoted_at if at is None else max(at, quote.quoted_at)
    price = brings if exit_.direction == "long" else -brings
    return None if at is None or price <= 0 else (price, at)


def best_after(exit_: LiveExit, price: Decimal) -> Decimal:
    """The best price of a trail when this one is seen: it never gets worse."""
    best = exit_.best_price
    if best is None:
        return price
    return max(best, price) if exit_.direction == "long" else min(best, price)


def trails(exit_: LiveExit) -> bool:
    """Whether it follows the price."""
    return exit_.trail_amount is not None or exit_.trail_percent is not None


def prices_matter(exit_: LiveExit) -> bool:
    """Whether it goes by the price of its position."""
    return exit_.stop_price is not None or exit_.target_price is not None or trails(exit_)


def underlying_matters(exit_: LiveExit) -> bool:
    """Whether it goes by its underlying's price, or by a delta, which is made of it."""
    by_level = exit_.underlying_below is not None or exit_.underlying_above is not None or exit_.short_strike
    return by_level or exit_.delta_limit is not None


def crossed(exit_: LiveExit, quotes: Quotes, now: datetime) -> Crossing | None:
    """What fires the exit, a touch being enough; None where nothing does.

    `quotes` are those that count. `best_price` is that of before them. A stop goes before everything else.
    """
    found = _by_price(exit_, quotes) or _by_underlying(exit_, quotes) or _by_delta(exit_, quotes, now)
    if found is not None and (exit_.armed_from is None or found.at >= exit_.armed_from):
        return found
    if exit_.exit_at is not None and now >= exit_.exit_at:
        return Crossing("time", None, now)
    return None


def _by_price(exit_: LiveExit, quotes: Quotes) -> Crossing | None:
    if not prices_matter(exit_):
        return None
    seen = position_price(exit_, quotes)
    if seen is None:
        return None
    price, at = seen
    # With `way` a short position reads as a long one.
    way = 1 if exit_.direction == "long" else -1
    if exit_.stop_price is not None and price * way <= exit_.stop_price * way:
        return Crossing("stop", price, at)
    if trails(exit_):
        best = best_after(exit_, price)
        behind = exit_.trail_amount
        if behind is None:
            behind = best * (exit_.trail_percent or _ZERO) / 100
        if price * way <= best * way - behind:
            return Crossing("trail", price, at)
    if exit_.target_price is not None and price * way >= exit_.target_price * way:
        return Crossing("target", price, at)
    return None


def _by_underlying(exit_: LiveExit, quotes: Quotes) -> Crossing | None:
    """Falling by what is bid for the underlying, rising by what it is offered at: whoever has to trade it pays that."""
    for leg in exit_.legs:
        quote = None if leg.underlying is None else quotes.get(leg.underlying)
        if quote is None or quote.bid > quote.ask or quote.bid <= 0:
            continue
        if exit_.underlying_below is not None and quote.bid <= exit_.underlying_below:
            return Crossing("underlying", quote.bid, quote.quoted_at)
        if exit_.underlying_above is not None and quote.ask >= exit_.underlying_above:
            return Crossing("underlying", quote.ask, quote.quoted_at)
        if exit_.short_strike and leg.sign < 0 and leg.strike is not None:
            if leg.option_right == "put" and quote.bid <= leg.strike:
                return Crossing("strike", quote.bid, quote.quoted_at)
            if leg.option_right == "call" and quote.ask >= leg.strike:
                return Crossing("strike", quote.ask, quote.quoted_at)
    return None


def _by_delta(exit_: LiveExit, quotes: Quotes, now: datetime) -> Crossing | None:
    if exit_.delta_limit is None:
        return None
    for leg in exit_.legs:
        seen = delta_of(leg, quotes, is_paper=exit_.is_paper, now=now) if leg.sign < 0 else None
        if seen is not None and seen[0] >= exit_.delta_limit:
            return Crossing("delta", *seen)
    return None


def delta_of(leg: ExitLeg, quotes: Quotes, *, is_paper: bool, now: datetime) -> tuple[Decimal, datetime] | None:
    """The delta of an option without its sign, and as of when: the feed's where it is fresh, else by Black and Scholes.

    The latter from the middle of the option's quote and its underlying's, without interest and dividends. None where
    neither says one.
    """
    quote = quotes.get(leg.symbol)
    late = timedelta(seconds=0 if quote is None or not is_paper else quote.delay_seconds)
    if leg.delta is not None and leg.delta_at is not None and now - leg.delta_at <= FRESH + late:
        return abs(leg.delta), leg.delta_at
    spot = None if leg.underlying is None else quotes.get(leg.underlying)
    if quote is None or spot is None or leg.option_right is None or leg.strike is None or leg.expires_on is None:
        return None
    # Here alone, so that no other function of risk waits for the numbers' library when it starts.
    from functions.risk.watch.model_delta import model_delta

    at = max(quote.quoted_at, spot.quoted_at)
    delta = model_delta(
        leg.option_right, price=(quote.bid + quote.ask) / 2, spot=(spot.bid + spot.ask) / 2, strike=leg.strike,
        at=at, expires_on=leg.expires_on,
    )  # fmt: skip
    return None if delta is None else (abs(delta), at)
