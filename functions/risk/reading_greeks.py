"""The greeks of what is open and ordered, in dollars, summed once for the rules that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from math import isfinite
from typing import cast

from functions.core.instruments import OptionRight, is_option
from functions.core.ledger.book_portfolio import BookGreeks
from functions.core.market_calendar import EXCHANGE_TIME_ZONE, exchange_date
from functions.core.options.time_left import years_between
from functions.risk.book import ZERO, Book, Exposure, ProposedLeg, ProposedOrder
from functions.risk.facts.portfolio import Net, NetGreeks

RATE = 0.04
"""A year: of the interest that the model takes where the feed says no greeks."""
_CLOSE = time(16)
_HUNDRED = Decimal(100)
Unit = tuple[Decimal, tuple[Decimal, Decimal, Decimal]]
"""The age of the oldest number of one symbol in seconds, and its three greeks in dollars for one share or contract."""


class _Unknown(Exception):
    """A symbol whose greeks nobody knows."""


def net_greeks(
    order: ProposedOrder, book: Book, exposure: Exposure, told: Mapping[str, BookGreeks], known: dict[str, Unit]
) -> NetGreeks:
    """Of one scope, and of the order. `known` keeps what was reckoned, for the next one."""
    return _summed(order.event_time, order.legs, book, exposure, told, known)


def greeks_held(at: datetime, book: Book, exposure: Exposure, told: Mapping[str, BookGreeks]) -> NetGreeks:
    """Of one scope at a moment, without any order."""
    return _summed(at, (), book, exposure, told, {})


def _summed(
    at: datetime,
    legs: Sequence[ProposedLeg],
    book: Book,
    exposure: Exposure,
    told: Mapping[str, BookGreeks],
    known: dict[str, Unit],
) -> NetGreeks:
    sums = [Net(ZERO, ZERO, ZERO, ZERO) for _ in range(3)]
    oldest, name = ZERO, ""
    sizes = {leg.symbol: leg.multiplier for leg in legs}
    ordered = {leg.symbol: leg.sign * leg.quantity for leg in legs}
    try:
        for symbol in sorted({*exposure, *ordered}):
            if symbol not in known:
                known[symbol] = _unit(symbol, at, book, told, sizes.get(symbol))
            age, greeks = known[symbol]
            if age > oldest:
                oldest, name = age, symbol
            found, adds = exposure.get(symbol), ordered.get(symbol, ZERO)
            for net, unit in zip(sums, greeks, strict=True):
                net.adds += adds * unit
                if found is not None:
                    moves = (found.to_buy * unit, -found.to_sell * unit)
                    net.held += found.position * unit
                    net.high += sum((move for move in moves if move > 0), ZERO)
                    net.low += sum((move for move in moves if move < 0), ZERO)
    except _Unknown as unknown:
        return NetGreeks(
            delta=sums[0], gamma=sums[1], vega=sums[2], age_seconds=oldest, oldest=name, missing=str(unknown)
        )
    for net in sums:
        net.high += net.held
        net.low += net.held
    return NetGreeks(delta=sums[0], gamma=sums[1], vega=sums[2], age_seconds=oldest, oldest=name)


def _unit(symbol: str, at: datetime, book: Book, told: Mapping[str, BookGreeks], size: Decimal | None) -> Unit:
    if not is_option(symbol):
        mark = book.marks.get(symbol)
        if mark is None:
            raise _Unknown(symbol)
        return _age(at, mark.quoted_at), (mark.price * mark.multiplier, ZERO, ZERO)
    row = told.get(symbol)
    if row is not None and row.expires_on < exchange_date(at):
        # In the books until the broker has settled it; it moves no more.
        return ZERO, (ZERO, ZERO, ZERO)
    if row is None or row.spot is None or row.spot_at is None or row.priced_at is None:
        raise _Unknown(symbol)
    greeks = row.told or _reckoned(row, at)
    if greeks is None:
        raise _Unknown(symbol)
    delta, gamma, vega = greeks
    mark = book.marks.get(symbol)
    units = size or (mark.multiplier if mark is not None else _HUNDRED)
    dollars = (delta * row.spot * units, gamma * row.spot * row.spot / 100 * units, vega * units)
    return max(_age(at, row.priced_at), _age(at, row.spot_at)), dollars


def _reckoned(row: BookGreeks, at: datetime) -> tuple[Decimal, Decimal, Decimal] | None:
    """By Black and Scholes. What is priced at no more than exercise brings moves as its underlying does."""
    # Here, because numpy is slow to import and few starts need it.
    from functions.core.options import black_scholes, implied

    if row.price is None or row.spot is None:
        return None
    right = cast("OptionRight", row.right)
    inside = row.spot - row.strike if right == "call" else row.strike - row.spot
    expires = datetime.combine(row.expires_on, _CLOSE, EXCHANGE_TIME_ZONE).astimezone(UTC)
    inputs = {"spot": float(row.spot), "strike": float(row.strike), "years": years_between(at, expires)}
    sigma = float(implied.european(float(row.price), right, **inputs, rate=RATE))
    found = black_scholes.value(right, **inputs, volatility=sigma, rate=RATE)
    greeks = (found.delta, found.gamma, found.vega)
    if all(isfinite(number) for number in greeks):
        delta, gamma, vega = (Decimal(repr(number)) for number in greeks)
        return delta, gamma, vega
    if inside <= 0:
        return None
    return Decimal(1 if right == "call" else -1), ZERO, ZERO


def _age(at: datetime, seen: datetime) -> Decimal:
    return max(Decimal(int((at - seen).total_seconds())), ZERO)
