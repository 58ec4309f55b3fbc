"""The account's transactions: the venue's activities as trades, deliveries and money movements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.account import TastyAccount
from local.simulators.tastytrade.wire import NEW_YORK, instant, signed
from local.simulators.venue.activity import Activity
from local.simulators.venue.desk_order import DeskFill
from local.simulators.venue.fees import Charge

_FIRST_ID: Final = 200_000_000
_ID_RANGE: Final = 700_000_000
_MONEY: Final = {
    "fee": "Fee",
    "dividend": "Dividend",
    "interest": "Credit Interest",
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
}
_EVENTS: Final = {"expiry": "Expiration", "exercise": "Exercise", "assignment": "Assignment"}


@dataclass(frozen=True, slots=True)
class Transaction:
    """A row and what it is found by. `at` UTC, `day` in New York."""

    at: datetime
    day: date
    row: dict[str, Any]


def transactions(account: TastyAccount) -> list[Transaction]:
    """What the broker shows by now, oldest first."""
    return [_transaction(account, activity) for activity in account.desk.ledger.shown(account.now())]


def fees(account: TastyAccount, day: date) -> Decimal:
    """What the trades of a day (New York) cost, in dollars."""
    return sum(
        (
            activity.fill.fee
            for activity in account.desk.ledger.activities
            if activity.fill is not None and activity.at.astimezone(NEW_YORK).date() == day
        ),
        Decimal(0),
    )


def fee_rows(charge: Charge) -> dict[str, str]:
    """The parts of a charge and their effects."""
    return {
        **signed("regulatory-fees", -charge.regulatory),
        **signed("clearing-fees", -charge.clearing),
        **signed("commission", -charge.commission),
        **signed("proprietary-index-option-fees", Decimal(0)),
    }


def _transaction(account: TastyAccount, activity: Activity) -> Transaction:
    day = activity.at.astimezone(NEW_YORK).date()
    row = {
        "id": _FIRST_ID + named_uuid("tastytrade-transaction", account.number, activity.id).int % _ID_RANGE,
        "account-number": account.number,
        "executed-at": instant(activity.at),
        "transaction-date": day.isoformat(),
        "is-estimated-fee": False,
        **_more(account, activity),
    }
    return Transaction(activity.at, day, row)


def _more(account: TastyAccount, activity: Activity) -> dict[str, Any]:
    if activity.fill is not None:
        return _trade(account, activity, activity.fill)
    if activity.kind in _MONEY:
        kind = _MONEY[activity.kind]
        return {
            **_kind("Money Movement", kind, kind),
            **_amounts(activity.amount),
            **({} if activity.symbol is None else _instrument(activity.symbol)),
        }
    return _delivery(activity)


def _trade(account: TastyAccount, activity: Activity, fill: DeskFill) -> dict[str, Any]:
    order = account.of_desk(fill.order_id)
    action = order.actions[fill.leg]
    multiplier = account.quotes.multiplier(fill.symbol)
    charge = account.desk.ledger.settings.fees.charge(
        fill.side, fill.quantity, fill.price, multiplier=multiplier, opening=order.desk.legs[fill.leg].effect == "open"
    )
    verb = "Bought" if action.startswith("Buy") else "Sold"
    return {
        **_kind("Trade", action, f"{verb} {text(fill.quantity)} {symbols.outside(fill.symbol)} @ {fill.price:.2f}"),
        **signed("value", activity.amount + fill.fee),
        **signed("net-value", activity.amount),
        **_instrument(fill.symbol),
        **fee_rows(charge),
        "action": action,
        "quantity": text(fill.quantity),
        "price": text(fill.price),
        "order-id": order.id,
        "leg-count": len(order.desk.legs),
        "ext-exec-id": order.fill_id(fill),
        "exec-id": order.fill_id(fill),
        "ext-group-fill-id": str(fill.group),
        "destination-venue": "TEST_A",
        "exchange": "TEST",
    }


def _delivery(activity: Activity) -> dict[str, Any]:
    symbol, quantity = activity.symbol or "", activity.quantity or Decimal(0)
    if activity.kind == "split":
        sub_type, action = "Forward Split", None
    elif activity.kind == "delivery":
        # The shares of an exercise or assignment are named by what they do to the position.
        action = "Buy to Open" if quantity > 0 else "Sell to Open"
        sub_type = action
    else:
        action = "Sell to Close" if quantity < 0 else "Buy to Close"
        sub_type = _EVENTS[activity.kind]
    return {
        **_kind("Receive Deliver", sub_type, f"{sub_type} of {text(abs(quantity))} {symbols.outside(symbol)}"),
        **_amounts(activity.amount),
        **_instrument(symbol),
        "quantity": text(abs(quantity)),
        **({} if action is None else {"action": action}),
        **({} if activity.price is None else {"price": text(activity.price)}),
    }


def _kind(kind: str, sub_type: str, description: str) -> dict[str, str]:
    return {"transaction-type": kind, "transaction-sub-type": sub_type, "description": description}


def _amounts(amount: Decimal) -> dict[str, str]:
    return {**signed("value", amount), **signed("net-value", amount)}


def _instrument(symbol: str) -> dict[str, str]:
    return {
        "symbol": symbols.outside(symbol),
        "instrument-type": symbols.instrument_type(symbol),
        "underlying-symbol": symbols.outside(symbols.underlying(symbol)),
    }
