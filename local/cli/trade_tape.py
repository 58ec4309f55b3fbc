"""Prints each trade as it happens: new orders, fills and endings, read from the ledger by cursor."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from functions.core.money import rounded, text
from local.cli.screen import Screen

_NEW_YORK = ZoneInfo("America/New_York")
_FILLS = """
select f.number, f.executed_at, f.side, f.quantity, f.symbol, f.price, f.strategy_realised_pnl,
       coalesce(s.name, 'manual'), t.reason
from public.fills as f join public.trades as t on t.id = f.trade_id
left join public.strategies as s on s.id = f.strategy_id
where f.number > %s order by t.placed_number, f.number
"""
_REFUSED = """
select t.placed_number, t.status_at, t.side, coalesce(t.quantity, t.notional), t.symbol, t.status,
       coalesce(t.refusal, t.reason), coalesce(s.name, 'manual')
from public.trades as t left join public.strategies as s on s.id = t.strategy_id
where t.status in ('rejected', 'expired') and not t.placed_number = any(%s) order by t.placed_number
"""


class TradeTape:
    """Called after each settled event with a connection; prints what is new since the last call.

    In the order in which the trades were placed: which of two brokers is heard first is chance.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last_fill = 0
        self._refused: list[int] = []
        self.fills = 0

    def __call__(self, connection: psycopg.Connection[Any]) -> None:
        for number, at, side, quantity, symbol, price, result, strategy, reason in connection.execute(
            _FILLS, [self._last_fill]
        ).fetchall():
            self._last_fill = max(self._last_fill, number)
            self.fills += 1
            outcome = f"  {_signed(result)} $" if result else ""
            order = f"{side:<4} {text(quantity):>5} {symbol:<5} at {_dollars(price):>9}{outcome:<14}"
            self._screen.say(f"{time_of(at)}  {order} {strategy}: {reason}")
        for number, at, side, quantity, symbol, status, why, strategy in connection.execute(
            _REFUSED, [self._refused]
        ).fetchall():
            self._refused.append(number)
            self._screen.say(f"{time_of(at)}  {side:<4} {text(quantity):>5} {symbol:<5} {status}: {why}  ({strategy})")


def time_of(at: datetime) -> str:
    """The exchange's wall clock, as traders read it."""
    return f"{at.astimezone(_NEW_YORK):%Y-%m-%d %H:%M:%S} ET"


def _signed(value: Decimal) -> str:
    return ("+" if value > 0 else "") + _dollars(value)


def _dollars(value: Decimal) -> str:
    """With at least two decimals, and more only where the amount has them."""
    return f"{value:.2f}" if value == rounded(value, 2) else text(value)
