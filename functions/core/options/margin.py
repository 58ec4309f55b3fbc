"""What option positions require, by Regulation T and the exchanges' rules for spreads. Dollars, exact.

Long options are paid in full and require nothing. Spreads require their largest loss at expiry: of a condor that of one
side. What no long option covers is secured by shares (covered calls), by cash (puts), or, uncovered, by the premium and
a share of the stock. Sources: 12 CFR 220.12 (Regulation T), FINRA rule 4210(f)(2), Cboe rule 10.3. A broker may ask for
more; what it asks for is its own to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from functions.core.instruments import OptionSymbol
from functions.core.options.payoff import OptionUnits, least_worth

MULTIPLIER = Decimal(100)
NAKED_SHARE = Decimal("0.20")
"""Of the underlying's value: what an uncovered contract on a share or an exchange-traded fund requires."""
NAKED_SHARE_OF_AN_INDEX = Decimal("0.15")
"""The same on a broad-based index."""
_NAKED_LEAST = Decimal("0.10")
_SHARES_INITIAL = Decimal("0.50")


@dataclass(frozen=True, slots=True)
class Holding:
    """`quantity` contracts, negative when short; `mark` is the option's price per share."""

    option: OptionSymbol
    quantity: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True)
class Requirement:
    """`amount` in dollars; `covered` are the shares that short calls lock, `naked_calls` and `naked_puts` contracts
    that nothing covers: calls without shares, puts that the amount secures by cash or by margin. `spreads` are the
    short contracts that long ones cover."""

    amount: Decimal
    covered: Decimal
    naked_calls: Decimal
    naked_puts: Decimal
    spreads: Decimal


@dataclass(slots=True)
class _Lot:
    option: OptionSymbol
    quantity: Decimal
    mark: Decimal


def of_shares(shares: Decimal, spot: Decimal) -> Decimal:
    """What entering shares on margin requires beside what they cost or bring: half their value, long or short."""
    return abs(shares) * spot * _SHARES_INITIAL


def requirement(
    holdings: Iterable[Holding],
    *,
    shares: Decimal,
    spot: Decimal,
    uncovered: bool,
    naked_share: Decimal = NAKED_SHARE,
) -> Requirement:
    """What the options on one underlying require beside `shares` of it (negative when short).

    `uncovered` says that the account may hold naked shorts on margin; otherwise short puts are secured by their whole
    strike. A long covers a short of the same right that does not expire after it. Spreads of one expiry require
    together what they can lose together. Shares sold short cover no put.
    """
    lots = [_Lot(holding.option, holding.quantity, holding.mark) for holding in holdings if holding.quantity]
    defined: list[_Lot] = []
    naked: list[_Lot] = []
    spreads = Decimal(0)
    for right in ("call", "put"):
        pairs, alone = _paired([lot for lot in lots if lot.option.right == right])
        spreads += sum((lot.quantity for lot in pairs if lot.quantity > 0), Decimal(0))
        defined += pairs
        naked += alone
    amount = _largest_loss(defined)
    free_shares = max(shares, Decimal(0))
    covered = naked_calls = naked_puts = Decimal(0)
    for lot in sorted(naked, key=lambda lot: (lot.option.expiry, lot.option.strike)):
        short = -lot.quantity
        if lot.option.right == "call":
            by_shares = min(short, free_shares // MULTIPLIER)
            free_shares -= by_shares * MULTIPLIER
            covered += by_shares * MULTIPLIER
            short -= by_shares
            naked_calls += short
            amount += short * MULTIPLIER * _uncovered(lot, spot, naked_share)
        else:
            naked_puts += short
            amount += short * MULTIPLIER * (_uncovered(lot, spot, naked_share) if uncovered else lot.option.strike)
    return Requirement(amount, covered, naked_calls, naked_puts, spreads)


def by_underlying(holdings: Iterable[Holding]) -> Mapping[str, list[Holding]]:
    """The holdings of each root."""
    found: dict[str, list[Holding]] = {}
    for holding in holdings:
        found.setdefault(holding.option.root, []).append(holding)
    return found


def _paired(lots: list[_Lot]) -> tuple[list[_Lot], list[_Lot]]:
    """The shorts with the longs that cover them, contract for contract, and the shorts that nothing covers.

    Each short takes the nearest strike first, so that the spreads are the narrowest.
    """
    longs = [_Lot(lot.option, lot.quantity, lot.mark) for lot in lots if lot.quantity > 0]
    pairs: list[_Lot] = []
    alone: list[_Lot] = []
    for short in sorted((lot for lot in lots if lot.quantity < 0), key=_place):
        left = -short.quantity
        for long in sorted(longs, key=lambda long: (abs(long.option.strike - short.option.strike), _place(long))):
            count = min(left, long.quantity)
            if not count or long.option.expiry < short.option.expiry:
                continue
            long.quantity -= count
            left -= count
            pairs += [_Lot(long.option, count, long.mark), _Lot(short.option, -count, short.mark)]
        if left:
            alone.append(_Lot(short.option, -left, short.mark))
    return pairs, alone


def _place(lot: _Lot) -> tuple[Decimal, object, str]:
    return (lot.option.strike, lot.option.expiry, str(lot.option))


def _largest_loss(pairs: list[_Lot]) -> Decimal:
    """The largest loss of covered positions, premiums left out: they are in cash already.

    `pairs` are longs, each followed by the short that it covers and whose expiry is the end of both.
    """
    ending: dict[date, list[OptionUnits]] = {}
    for long, short in zip(pairs[::2], pairs[1::2], strict=True):
        both = [OptionUnits.of(lot.option, lot.quantity * MULTIPLIER) for lot in (long, short)]
        ending.setdefault(short.option.expiry, []).extend(both)
    worst = (least_worth(together) for together in ending.values())
    return sum((max(-least, Decimal(0)) for least in worst if least is not None), Decimal(0))


def _uncovered(lot: _Lot, spot: Decimal, naked_share: Decimal) -> Decimal:
    """Per share: the premium, and 20 % of the stock (`naked_share`) less what it is out of the money, at least 10 %."""
    strike, right = lot.option.strike, lot.option.right
    out = max(strike - spot if right == "call" else spot - strike, Decimal(0))
    least = _NAKED_LEAST * (spot if right == "call" else strike)
    return lot.mark + max(naked_share * spot - out, least)
