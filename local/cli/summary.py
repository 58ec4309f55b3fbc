"""What a replay came to: counted and measured from the ledger's rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from functions.core.money import divided, rounded, text

Connection = psycopg.Connection[Any]

_TRADES = "select status, count(*) from public.trades group by status order by status"
_TOTALS = """
select count(*), coalesce(sum(fee), 0) from public.fills where kind = 'fill'
"""
# A trade closed something when its fills realised a result in its own strategy's position.
_CLOSED = """
select count(*) filter (where result > 0), count(*) from (
  select sum(strategy_realised_pnl) as result from public.fills
  where kind = 'fill' group by trade_id having bool_or(strategy_realised_pnl <> 0)) as closed
"""
_POSITIONS = """
select a.broker, p.symbol, p.quantity, p.average_entry_price, p.mark, p.market_value, p.unrealised_pnl, p.realised_pnl,
  p.fees
from public.positions as p join public.broker_accounts as a on a.id = p.broker_account_id
order by a.broker, a.id, p.symbol
"""
_LATENCY = """
select percentile_disc(0.5) within group (order by took), percentile_disc(0.99) within group (order by took)
from (
  select extract(epoch from a.answered_at - t.at) * 1000 as took
  from public.order_attempts as a
  join public.trade_transitions as t on t.trade_id = a.trade_id and t.to_status = 'pending'
  where a.outcome in ('accepted', 'adopted')) as measured
"""


@dataclass(frozen=True, slots=True)
class Position:
    """One symbol of one account; dollars. None where there is no mark: missing stays missing."""

    broker: str
    symbol: str
    quantity: Decimal
    average_entry_price: Decimal | None
    mark: Decimal | None
    market_value: Decimal | None
    unrealised: Decimal | None
    realised: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Summary:
    """`win_rate` is winning trades among closing trades, 0 to 1, None where nothing was closed.

    Latency is machine time from the placed signal to the broker's acknowledgement, milliseconds; None without an order.
    """

    by_status: dict[str, int]
    fills: int
    fees: Decimal
    closing_trades: int
    win_rate: Decimal | None
    positions: tuple[Position, ...]
    latency_p50: float | None
    latency_p99: float | None

    @property
    def trades(self) -> int:
        return sum(self.by_status.values())

    @property
    def realised(self) -> Decimal:
        return sum((position.realised for position in self.positions), Decimal(0))

    @property
    def unrealised(self) -> Decimal | None:
        """None where an open position has no mark."""
        total = Decimal(0)
        for position in self.positions:
            if position.unrealised is None:
                return None
            total += position.unrealised
        return total

    def as_json(self) -> dict[str, Any]:
        """Money as text, as on every wire."""
        return {
            "trades": self.trades,
            "fills": self.fills,
            "by_status": self.by_status,
            "win_rate": _text(self.win_rate),
            "positions": [
                {
                    "broker": position.broker,
                    "symbol": position.symbol,
                    "quantity": text(position.quantity),
                    "average_entry_price": _text(position.average_entry_price),
                    "mark": _text(position.mark),
                    "market_value": _text(position.market_value),
                    "unrealised": _text(position.unrealised),
                    "realised": text(position.realised),
                    "fees": text(position.fees),
                }
                for position in self.positions
            ],
            "pnl": {
                "realised": text(self.realised),
                "unrealised": _text(self.unrealised),
                "fees": text(self.fees),
                "net": _text(None if self.unrealised is None else self.realised + self.unrealised - self.fees),
            },
            "latency_ms": {"p50": self.latency_p50, "p99": self.latency_p99},
        }


def summarise(connection: Connection) -> Summary:
    """Reads the summary. Raises psycopg.Error."""
    by_status: dict[str, int] = dict(connection.execute(_TRADES).fetchall())
    fills, fees = connection.execute(_TOTALS).fetchall()[0]
    won, closed = connection.execute(_CLOSED).fetchall()[0]
    p50, p99 = connection.execute(_LATENCY).fetchall()[0]
    positions = tuple(Position(*row) for row in connection.execute(_POSITIONS).fetchall())
    return Summary(
        by_status=by_status,
        fills=fills,
        fees=fees,
        closing_trades=closed,
        win_rate=divided(Decimal(won), Decimal(closed)) if closed else None,
        positions=positions,
        latency_p50=None if p50 is None else round(float(p50), 1),
        latency_p99=None if p99 is None else round(float(p99), 1),
    )


def shown_dollars(value: Decimal | None) -> str:
    """For a person, to the cent, half away from zero."""
    return "unknown" if value is None else f"{rounded(value, 2):,.2f}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
