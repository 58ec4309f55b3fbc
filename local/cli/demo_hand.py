"""What the demo's trader does by hand: a call and a vertical spread, bought and, ten minutes later, sold.

Each at a fixed minute of the tape and at prices made of the tape alone, so that two demos place the same orders. They
are placed as `place_trade` does it, with the tape's time: a person's own order is timed by the machine's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import exchange_date

_OPENS_AFTER: Final = (timedelta(minutes=30), timedelta(minutes=31))
_HELD: Final = timedelta(minutes=10)
_WIDTH: Final = 5
_CENT: Final = Decimal("0.01")
_FRIDAY: Final = 4
_REFUSAL: Final = "PT"  # the class of what the ledger refuses
_PLACE = "select (private.place(%s, %s, 'manual')).id"
_BAR = "select close from public.bars where symbol = %s and ends_at <= %s order by starts_at desc limit 1"
_HELD_LEGS = """
select t.fill_price, jsonb_agg(jsonb_build_object('symbol', l.symbol, 'side', l.side) order by l.leg)
from public.trades as t join public.trade_legs as l on l.trade_id = t.id
where t.signal = %s and t.broker_account_id = %s and t.status = 'filled' group by t.id
"""


class HandTrader:
    """Called between two minutes of the tape with the tape's time (UTC); True where it placed something.

    What the ledger refuses, as while somebody halts the demo, is told to `refused` and left.
    """

    def __init__(
        self,
        user: UUID,
        accounts: Sequence[UUID],
        symbol: str,
        opens_at: datetime,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._user, self._accounts, self._symbol, self._refused = user, tuple(accounts), symbol, refused
        first, second = (opens_at + after for after in _OPENS_AFTER)
        self._plan = [(first, self._buy_call), (second, self._buy_spread)]
        self._plan += [(at + _HELD, close) for at, close in ((first, self._sell_call), (second, self._sell_spread))]

    def __call__(self, connection: psycopg.Connection[Any], now: datetime) -> bool:
        due = [does for at, does in self._plan if at <= now]
        self._plan = [(at, does) for at, does in self._plan if at > now]
        for does in due:
            for account in self._accounts:
                does(connection, account, now)
        return bool(due)

    def _buy_call(self, connection: psycopg.Connection[Any], account: UUID, now: datetime) -> None:
        spot = self._spot(connection, now)
        # Two percent of the share is dearer than such a call, and cheap enough to be a limit.
        price = (spot * 2 / 100).quantize(_CENT)
        leg = {"symbol": self._call(spot, now, 0), "side": "buy", "position_intent": "buy_to_open"}
        self._place(connection, account, now, "call", [leg], price, "a call at the money")

    def _buy_spread(self, connection: psycopg.Connection[Any], account: UUID, now: datetime) -> None:
        spot = self._spot(connection, now)
        legs = [
            {"symbol": self._call(spot, now, 0), "side": "buy", "position_intent": "buy_to_open"},
            {"symbol": self._call(spot, now, _WIDTH), "side": "sell", "position_intent": "sell_to_open"},
        ]
        price = (Decimal(_WIDTH) * 3 / 5).quantize(_CENT)
        self._place(
            connection, account, now, "spread", legs, price, "a call spread, at three fifths of its width at most"
        )

    def _sell_call(self, connection: psycopg.Connection[Any], account: UUID, now: datetime) -> None:
        self._close(connection, account, now, "call")

    def _sell_spread(self, connection: psycopg.Connection[Any], account: UUID, now: datetime) -> None:
        self._close(connection, account, now, "spread")

    def _close(self, connection: psycopg.Connection[Any], account: UUID, now: datetime, name: str) -> None:
        """Sells for at least half of what was paid; what was not filled needs no closing."""
        found = connection.execute(_HELD_LEGS, [_signal(name), account]).fetchone()
        if found is None:
            return
        paid, opened = found
        sides = {"buy": "sell", "sell": "buy"}
        legs = [
            {"symbol": leg["symbol"], "side": sides[leg["side"]], "position_intent": f"{sides[leg['side']]}_to_close"}
            for leg in opened
        ]
        half = max((paid / 2).quantize(_CENT), _CENT)
        self._place(
            connection, account, now, f"{name} closed", legs, half if len(legs) == 1 else -half, f"the {name} again"
        )

    def _place(
        self,
        connection: psycopg.Connection[Any],
        account: UUID,
        now: datetime,
        name: str,
        legs: Sequence[dict[str, str]],
        price: Decimal,
        reason: str,
    ) -> None:
        order: dict[str, Any] = {
            "broker_account_id": str(account),
            "signal": _signal(name),
            "order_type": "limit",
            "price": str(price),
            "quantity": "1",
            "event_at": now.isoformat(),
            "reason": reason,
        }
        order |= dict(legs[0]) if len(legs) == 1 else {"legs": list(legs)}
        try:
            with connection.transaction():
                connection.execute("select set_config('app.actor', 'agenttrader demo', true)")
                connection.execute(_PLACE, [Jsonb(order), self._user])
        except psycopg.Error as error:
            if not str(error.sqlstate).startswith(_REFUSAL):
                raise
            self._refused(f"Not placed by hand, {reason}: {error.diag.message_primary}")

    def _spot(self, connection: psycopg.Connection[Any], now: datetime) -> Decimal:
        (close,) = connection.execute(_BAR, [self._symbol, now]).fetchone() or (None,)
        if close is None:
            raise RuntimeError(f"no bar of {self._symbol} had ended by {now}")
        return Decimal(close)

    def _call(self, spot: Decimal, now: datetime, above: int) -> str:
        strike = spot.to_integral_value() + above
        return str(OptionSymbol(self._symbol, _friday_after(exchange_date(now)), "call", strike))


def _signal(name: str) -> str:
    return f"manual|demo {name}"


def _friday_after(day: date) -> date:
    """The first Friday that is at least two days away."""
    return day + timedelta(days=2 + (_FRIDAY - day.weekday() - 2) % 7)
