"""What the desk says of options that end, in sentences with the numbers it saw. What is not known is said to be so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from functions.core.ledger.desk import DeliveredShares, ExpiringPosition
from functions.core.money import text

_ACTS = {"flatten": "They are being closed.", "roll": "They are being rolled into the next listed expiry."}
_DECIDE = "Close or roll them, or let it happen."


def expiring(when: str, positions: Sequence[ExpiringPosition], until: datetime) -> str:
    """That options end, what becomes of each, and what all of it brings and needs."""
    head = f"Options on {positions[0].underlying} can be traded for the last time {when}, until {_moment(until)}."
    return f"{head} {outcome(positions)}"


def soon(minutes: Decimal, act: str, positions: Sequence[ExpiringPosition], until: datetime) -> str:
    """That options are still open shortly before their cut-off."""
    one = positions[0]
    head = f"Options on {one.underlying} are open and can be traded until {_moment(until)}, "
    return f"{head}{text(minutes)} minutes from now or less. {_ACTS.get(act, _DECIDE)} {outcome(positions)}"


def outcome(positions: Sequence[ExpiringPosition]) -> str:
    """What becomes of positions that end together if nothing is done."""
    said = [_leg(position) for position in positions]
    one = positions[0]
    shares, cash = totals(positions)
    if shares is None or cash is None:
        said.append("What all of it needs is therefore not known.")
        return " ".join(said)
    if shares:
        after = one.shares_held + shares
        said.append(f"The account would then hold {text(after)} shares of {one.underlying}.")
        if after < 0:
            said.append("They would be sold short.")
    if cash < 0:
        said.append(f"It needs {text(-cash)} dollars; {_money(one)}")
    return " ".join(said)


def totals(positions: Sequence[ExpiringPosition]) -> tuple[Decimal | None, Decimal | None]:
    """The shares and dollars that come if nothing is done (below zero: go); None where a mark is missing."""
    shares = cash = Decimal(0)
    for position in positions:
        if position.shares is None or position.cash is None:
            return None, None
        shares += position.shares
        cash += position.cash
    return shares, cash


def pinned(position: ExpiringPosition, act: str) -> str:
    """That nobody knows until after the close whether a sold option is assigned."""
    return (
        f"{position.underlying} is at {_known(position.underlying_mark)}, near the strike of {_held(position)}: "
        f"whether it is assigned is known only after the close. {_ACTS.get(act, _DECIDE)}"
    )


def assignable(position: ExpiringPosition, act: str) -> str:
    """That the holder of a sold option gains by exercising it now."""
    why = (
        f"{position.underlying} goes ex-dividend on {position.next_ex_date} with {_known(position.dividend)} dollars a "
        f"share, and only {_known(position.time_value)} of time value is left"
        if position.option_right == "call"
        else f"only {_known(position.time_value)} dollars a share of time value are left"
    )
    return (
        f"The position {_held(position)} may be assigned before its expiry: it is {_known(position.in_the_money)} in "
        f"the money, and {why}. {_ACTS.get(act, _DECIDE)}"
    )


def no_dividend(position: ExpiringPosition) -> str:
    """That an ex-date is known and its dividend is not."""
    return (
        f"The position {_held(position)} may be assigned before its expiry: {position.underlying} goes ex-dividend on "
        f"{position.next_ex_date}, but nobody has said how much. Compare its time value, "
        f"{_known(position.time_value)}, with the dividend."
    )


def unknown(position: ExpiringPosition, missing: str) -> str:
    """That something cannot be told without a mark."""
    mark, at = (
        (position.underlying_mark, position.underlying_marked_at)
        if missing == position.underlying
        else (position.mark, position.marked_at)
    )
    seen = "no mark" if mark is None or at is None else f"no mark since {text(mark)} of {_moment(at)}"
    return (
        f"Whether {_held(position)} is about to be assigned cannot be told: there is {seen} of {missing}. Look at it."
    )


def no_calendar(positions: Sequence[ExpiringPosition]) -> str:
    """That it is not known until when options can be traded."""
    one = positions[0]
    return (
        f"The market calendar does not reach {one.expires_on}: until when options on {one.underlying} can be traded is "
        "not known. It is read from the broker every night."
    )


def delivered(shares: DeliveredShares) -> str:
    """What was assigned or exercised: how many shares, at what price, and what they need."""
    happened = "assigned" if shares.kind == "assignment" else "exercised"
    way = "came" if shares.shares > 0 else "went"
    verb = "was" if shares.contracts == 1 else "were"
    said = (
        f"{text(shares.contracts)} {shares.option_symbol} {verb} {happened}: {text(abs(shares.shares))} shares of "
        f"{shares.symbol} {way} at {text(shares.price)}, for {text(abs(shares.cash))} dollars."
    )
    if shares.held < 0:
        said += f" Its owner is now short {text(-shares.held)} shares."
    elif shares.cash < 0 and shares.account_cash is None:
        said += " What cash the account has, its broker has not said."
    elif shares.cash < 0:
        said += f" The account's cash is {_known(shares.account_cash)} dollars by its broker's last word."
    return said


def numbers(positions: Sequence[ExpiringPosition]) -> dict[str, str]:
    """The numbers of an alert, as text; what is not known is left out."""
    one = positions[0]
    shares, cash = totals(positions)
    found = {
        "underlying": one.underlying,
        "owner": one.owner_key,
        "expires_on": str(one.expires_on),
        "positions": ", ".join(f"{text(position.quantity)} {position.symbol}" for position in positions),
    }
    if one.underlying_mark is not None:
        found["underlying_mark"] = text(one.underlying_mark)
    if shares is not None and cash is not None:
        found |= {"shares": text(shares), "cash": text(cash)}
    if one.account_cash is not None:
        found["account_cash"] = text(one.account_cash)
    if len(positions) == 1 and one.time_value is not None:
        found["time_value"] = text(one.time_value)
    return found


def _leg(position: ExpiringPosition) -> str:
    if position.in_the_money is None or position.underlying_mark is None or position.underlying_marked_at is None:
        return f"There is no mark of {position.underlying}: what becomes of {_held(position)} is not known."
    where = "in" if position.in_the_money > 0 else "out of"
    seen = f"{text(position.underlying_mark)} of {_moment(position.underlying_marked_at)}"
    distance = f"{text(abs(position.in_the_money))} {where} the money"
    held = f"With {position.underlying} at {seen}, {_held(position)} is {distance}"
    if position.if_left == "expires":
        return f"{held} and expires worthless if nothing is done."
    said = f"{held} and is {position.if_left} if nothing is done"
    if not position.shares:
        return f"{said}, for {text(position.cash or Decimal(0))} dollars."
    way = "bringing" if position.shares > 0 else "taking"
    return f"{said}, {way} {text(abs(position.shares))} shares at {text(position.strike)}."


def _money(position: ExpiringPosition) -> str:
    if position.account_cash is None:
        return "what the account has, its broker has not said."
    power = position.account_buying_power
    more = "" if power is None else f" and {text(power)} of buying power"
    return f"the account has {text(position.account_cash)} in cash{more}."


def _held(position: ExpiringPosition) -> str:
    way = "long" if position.quantity > 0 else "short"
    return f"{way} {text(abs(position.quantity))} {position.symbol}"


def _known(amount: Decimal | None) -> str:
    return "?" if amount is None else text(amount)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
