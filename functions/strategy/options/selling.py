"""What is sold: chosen from the chain by days, delta and width, at bid and ask, never at a last trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from functions.core.instruments import OptionRight
from functions.core.money import rounded, text
from functions.strategy.chain import Chain, ContractQuote
from functions.strategy.holding import Holdings
from functions.strategy.interface import Leg, Moment, NoTrade, OpenLegs
from functions.strategy.options.config import OptionConfig, SoldPrice, SpreadConfig
from functions.strategy.options.held import require_free

_PLACES = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """A contract to sell, and the one to buy that covers it."""

    sold: ContractQuote
    bought: ContractQuote

    @property
    def legs(self) -> tuple[Leg, Leg]:
        """What is sold comes first."""
        return Leg(self.sold.symbol, "sell"), Leg(self.bought.symbol, "buy")

    @property
    def width(self) -> Decimal:
        """Between the strikes, dollars."""
        return abs(self.sold.strike - self.bought.strike)


def by_delta(now: Moment, held: Holdings, config: OptionConfig, right: OptionRight, delta: Decimal) -> ContractQuote:
    """The contract to sell, of the expiry nearest to the wanted. Raises NoTrade."""
    expiry = now.chain.expiry_near(config.days, config.days_from, config.days_to)
    require_free(held, expiry)
    return now.chain.by_delta(expiry, right, delta, config.delta_within)


def spread(chain: Chain, config: SpreadConfig, short: ContractQuote) -> Spread:
    """The contract with the one that is `width` further out of the money. Raises NoTrade."""
    away = config.width if short.right == "call" else -config.width
    return Spread(short, chain.by_strike(short.expiry, short.right, short.strike + away, config.width_within))


def sell_one(now: Moment, config: SoldPrice, contract: ContractQuote, quantity: Decimal) -> OpenLegs:
    """Sells a single contract. Raises NoTrade where the credit is too small, or nobody bids."""
    legs = (Leg(contract.symbol, "sell"),)
    credit = -now.chain.net(legs, config.yielding)
    if credit < config.least_credit:
        raise NoTrade(f"{contract.symbol}: a credit of {shown(credit)} is below {text(config.least_credit)}")
    return OpenLegs(
        legs=legs,
        quantity=quantity,
        limit=-credit,
        target=-credit * (1 - config.profit_share),
        reason=f"selling {described(contract)} for {shown(credit)}",
    )


def sell_spreads(now: Moment, config: SpreadConfig, spreads: Sequence[Spread]) -> OpenLegs:
    """Sells spreads as one package: of several, one of them at most can be lost. Raises NoTrade."""
    legs = tuple(leg for one in spreads for leg in one.legs)
    credit, width = -now.chain.net(legs, config.yielding), max(one.width for one in spreads)
    least = width * config.least_credit_share
    if credit < least:
        share = text(config.least_credit_share)
        raise NoTrade(f"a credit of {shown(credit)} is below {share} of the width {text(width)}")
    if credit >= width:
        raise NoTrade(
            f"a credit of {shown(credit)} for a width of {text(width)} cannot be: the chain is not consistent"
        )
    named = " and ".join(f"{described(one.sold)} over {text(one.bought.strike)}" for one in spreads)
    return OpenLegs(
        legs=legs,
        quantity=Decimal(config.contracts),
        limit=-credit,
        stop=-credit * config.stop_multiple,
        target=-credit * (1 - config.profit_share),
        reason=f"selling {named} for {shown(credit)} of {text(width)}",
    )


def described(contract: ContractQuote) -> str:
    """For a person."""
    delta = "unknown" if contract.delta is None else text(abs(contract.delta))
    return f"{contract.symbol} (delta {delta})"


def shown(price: Decimal) -> str:
    """A price, for a person."""
    return text(rounded(price, _PLACES))
