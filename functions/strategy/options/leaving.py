"""How sold options are left: at a profit, at a stop, in time, or because something of them is gone.

What closing costs is measured against what was received: average entries of what is held against the chain. A profit
counts when it can be had at once, at bid and ask; a stop looks at the middle, because a wide market is no loss yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from functions.core.money import rounded, text
from functions.strategy.chain import Chain
from functions.strategy.holding import Holdings
from functions.strategy.interface import CloseLegs, Intent, Moment, NoTrade, Stay
from functions.strategy.options.held import bought, closing_legs, sold
from functions.strategy.planning import MOST_LEGS

_PLACES = 4


@dataclass(frozen=True, slots=True)
class Premium:
    """Net prices of one package per unit of the underlying, dollars.

    `credit` was received, `costs` is what closing pays at once, `middle` what it pays half way between bid and ask.
    """

    credit: Decimal
    costs: Decimal
    middle: Decimal

    @property
    def words(self) -> str:
        """For a person."""
        return (
            f"received {_shown(self.credit)}, closing costs {_shown(self.costs)}, in the middle {_shown(self.middle)}"
        )


def premium(chain: Chain, held: Holdings) -> Premium:
    """What was received for all that is held, and what closing it costs. Raises NoTrade where a market is missing.

    What is bought and nobody bids for brings nothing in closing.
    """
    legs, packages = closing_legs(held)
    middle = chain.middle(legs)
    closable = {leg for leg in legs if leg.side == "buy" or chain.quote(leg.symbol).bid > 0}
    received = -sum((held[leg.symbol].quantity * _entry(held, leg.symbol) for leg in legs), Decimal(0))
    return Premium(Decimal(received) / packages, chain.natural([leg for leg in legs if leg in closable]), middle)


def by_premium(now: Moment, held: Holdings, profit_share: Decimal, stop_multiple: Decimal | None = None) -> Intent:
    """Leaves at the profit target or at the stop, else stays. Raises NoTrade where a market is missing."""
    found = premium(now.chain, held)
    target = found.credit * (1 - profit_share)
    if found.costs <= target and profit_share < 1:
        return leave(now, held, f"profit target {_shown(target)}: {found.words}")
    if stop_multiple is not None and found.middle >= found.credit * stop_multiple:
        return leave(now, held, f"stop at {text(stop_multiple)} times the credit: {found.words}")
    return Stay(f"holding {_named(held)}: {found.words}")


def leave(now: Moment, held: Holdings, reason: str) -> Intent:
    """Closes it at what trades at once. What was bought and nobody bids for is kept until it expires.

    Raises NoTrade where something sold has no market. Where it is more than one order takes, what is sold goes first.
    """
    chain, known = now.chain, {quote.symbol for quote in now.chain.quotes}
    worth = [symbol for symbol in bought(held) if symbol in known and chain.quote(symbol).bid > 0]
    worth.sort(key=lambda symbol: (-chain.quote(symbol).bid, symbol))
    names = (*sorted(sold(held)), *worth)[:MOST_LEGS]
    kept = sorted(set(bought(held)) - set(worth))
    if kept:
        reason = f"{reason}; nobody bids for {', '.join(kept)}: kept until it expires"
    if not names:
        return Stay(reason)
    legs, _ = closing_legs({symbol: held[symbol] for symbol in names})
    return CloseLegs(symbols=names, limit=chain.natural(legs), reason=reason)


def left_over(now: Moment, held: Holdings) -> Intent | None:
    """Sells what was bought with something that is sold no more. None where nobody bids for it, or nothing is left.

    Without a bid it is no position that anything can be done about: it expires, and stands in no one's way until then.
    """
    try:
        quotes = {quote.symbol: quote for quote in now.chain.quotes}
    except NoTrade:
        return None
    worth = {symbol: one for symbol, one in bought(held).items() if symbol in quotes and quotes[symbol].bid > 0}
    if not worth:
        return None
    return leave(now, worth, f"{', '.join(sorted(worth))} is left of a package whose other legs are gone")


def _entry(held: Holdings, symbol: str) -> Decimal:
    entry = held[symbol].average_entry
    if entry is None:  # Position refuses that
        raise NoTrade(f"{symbol} has no entry price")
    return entry


def _shown(price: Decimal) -> str:
    return text(rounded(price, _PLACES))


def _named(held: Holdings) -> str:
    return ", ".join(f"{text(position.quantity)} {symbol}" for symbol, position in sorted(held.items()))
