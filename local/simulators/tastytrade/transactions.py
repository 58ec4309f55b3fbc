"""The account's transactions: trades, deliveries of expiring options, money that moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.orders import Leg, LegFill, Order
from local.simulators.tastytrade.wire import NEW_YORK, instant, signed

_FIRST_ID: Final = 200_000_000
_ID_RANGE: Final = 700_000_000
_SHARES: Final = 100


@dataclass(frozen=True, slots=True)
class Transaction:
    """A row and what it is found by. `at` UTC, `day` in New York."""

    at: datetime
    day: date
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fees:
    """What a trade costs, in dollars, all above or at zero."""

    commission: Decimal = Decimal(0)
    clearing: Decimal = Decimal(0)
    regulatory: Decimal = Decimal(0)
    index: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return self.commission + self.clearing + self.regulatory + self.index

    def json(self) -> dict[str, str]:
        """The four amounts and their effects."""
        return {
            **signed("regulatory-fees", -self.regulatory),
            **signed("clearing-fees", -self.clearing),
            **signed("commission", -self.commission),
            **signed("proprietary-index-option-fees", -self.index),
        }


class Transactions:
    """Oldest first."""

    def __init__(self, account_number: str) -> None:
        self._account = account_number
        self._rows: list[Transaction] = []
        self._ids: set[int] = set()

    def rows(self) -> list[Transaction]:
        return list(self._rows)

    def fees(self, day: date) -> Decimal:
        """What the trades of a day (New York) cost, in dollars."""
        names = ("regulatory-fees", "clearing-fees", "commission", "proprietary-index-option-fees")
        return sum(
            (Decimal(one.row.get(name, "0")) for one in self._rows if one.day == day for name in names), Decimal(0)
        )

    def trade(self, order: Order, leg: Leg, fill: LegFill, fees: Fees | None = None) -> None:
        """The Trade row of a fill."""
        fees = fees or Fees()
        multiplier = _SHARES if leg.instrument_type == "Equity Option" else 1
        value = fill.quantity * fill.price * multiplier * (-1 if leg.is_buy else 1)
        verb = "Bought" if leg.is_buy else "Sold"
        self._add(
            fill.filled_at,
            "Trade",
            leg.action,
            f"{verb} {text(fill.quantity)} {symbols.outside(leg.symbol)} @ {fill.price:.2f}",
            value,
            value - fees.total,
            key=(fill.fill_id, leg.symbol),
            more={
                **_instrument(leg.symbol),
                "action": leg.action,
                "quantity": text(fill.quantity),
                "price": text(fill.price),
                **fees.json(),
                "order-id": order.id,
                "leg-count": len(order.legs),
                "ext-exec-id": fill.fill_id,
                "exec-id": fill.fill_id,
                "ext-group-fill-id": "0",
                "destination-venue": "TEST_A",
                "exchange": "TEST",
            },
        )

    def move(self, kind: str, sub_type: str, description: str, value: Decimal, at: datetime) -> None:
        """A Money Movement row, or another without an instrument."""
        self._add(at, kind, sub_type, description, value, value, key=(sub_type, instant(at)), more={})

    def deliver(
        self,
        sub_type: str,
        symbol: str,
        action: str | None,
        quantity: Decimal,
        price: Decimal | None,
        value: Decimal,
        at: datetime,
    ) -> None:
        """A Receive Deliver row: an option that went away, or the shares that came for it."""
        self._add(
            at,
            "Receive Deliver",
            sub_type,
            f"{sub_type} of {text(quantity)} {symbols.outside(symbol)}",
            value,
            value,
            key=(sub_type, symbol, instant(at), text(quantity)),
            more={
                **_instrument(symbol),
                **({} if action is None else {"action": action}),
                "quantity": text(quantity),
                **({} if price is None else {"price": text(price)}),
            },
        )

    def _add(
        self,
        at: datetime,
        kind: str,
        sub_type: str,
        description: str,
        value: Decimal,
        net: Decimal,
        *,
        key: tuple[object, ...],
        more: dict[str, Any],
    ) -> None:
        day = at.astimezone(NEW_YORK).date()
        row = {
            "id": self._new_id(*key),
            "account-number": self._account,
            "transaction-type": kind,
            "transaction-sub-type": sub_type,
            "description": description,
            "executed-at": instant(at),
            "transaction-date": day.isoformat(),
            **signed("value", value),
            **signed("net-value", net),
            "is-estimated-fee": False,
            **more,
        }
        self._rows.append(Transaction(at, day, row))

    def _new_id(self, *key: object) -> int:
        number = _FIRST_ID + named_uuid("tastytrade-transaction", self._account, *key).int % _ID_RANGE
        while number in self._ids:
            number += 1
        self._ids.add(number)
        return number


def _instrument(symbol: str) -> dict[str, str]:
    return {
        "symbol": symbols.outside(symbol),
        "instrument-type": symbols.instrument_type(symbol),
        "underlying-symbol": symbols.underlying(symbol),
    }
