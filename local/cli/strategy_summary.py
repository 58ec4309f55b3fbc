"""What each strategy did in a replay: what it decided, traded and earned, and why it did what it did last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from rich import box
from rich.table import Table

from functions.core.money import text
from local.cli.summary import shown_dollars

# Open P&L is unknown where something that is open has no mark: missing stays missing.
_STRATEGIES = """
select s.name, s.kind, decided.count, placed.count, placed.rejected, filled.count, held.realised, held.unrealised,
  decided.last_reason
from public.strategies as s join public.broker_accounts as a on a.id = s.broker_account_id,
lateral (
  select count(*), (array_agg(d.reason order by d.bar_at desc, d.symbol))[1] as last_reason
  from public.strategy_decisions as d where d.strategy_id = s.id) as decided,
lateral (
  select count(*), count(*) filter (where t.status = 'rejected') as rejected
  from public.trades as t where t.strategy_id = s.id) as placed,
lateral (select count(*) from public.fills as f where f.strategy_id = s.id and f.kind = 'fill') as filled,
lateral (
  select coalesce(sum(p.realised_pnl), 0) as realised,
    case when bool_or(p.quantity <> 0 and m.mark is null) is not true
      then coalesce(sum(case when p.quantity = 0 then 0 else p.quantity * p.multiplier * m.mark - p.cost_basis end), 0)
    end as unrealised
  from public.strategy_positions as p left join public.position_marks as m on m.symbol = p.symbol
  where p.strategy_id = s.id) as held
order by a.broker, s.name
"""


@dataclass(frozen=True, slots=True)
class StrategySummary:
    """One strategy; dollars. `unrealised` is None where something open has no mark."""

    name: str
    kind: str
    decisions: int
    trades: int
    rejected: int
    fills: int
    realised: Decimal
    unrealised: Decimal | None
    last_reason: str | None

    def as_json(self) -> dict[str, Any]:
        """Money as text, as on every wire."""
        return {
            "name": self.name,
            "kind": self.kind,
            "decisions": self.decisions,
            "trades": self.trades,
            "rejected": self.rejected,
            "fills": self.fills,
            "realised": text(self.realised),
            "unrealised": None if self.unrealised is None else text(self.unrealised),
            "last_reason": self.last_reason,
        }


def summarise_strategies(connection: psycopg.Connection[Any]) -> tuple[StrategySummary, ...]:
    """Every strategy, broker by broker. Raises psycopg.Error."""
    return tuple(StrategySummary(*row) for row in connection.execute(_STRATEGIES).fetchall())


def strategy_table(strategies: Iterable[StrategySummary]) -> Table:
    """A line for each strategy. Dollars to the cent, half away from zero."""
    table = Table(title="Strategies", title_justify="left", box=box.SIMPLE, padding=0, collapse_padding=True)
    for column in ("strategy", "decided", "trades", "fills", "realised", "open P&L", "last reason"):
        left = column in ("strategy", "last reason")
        table.add_column(column, justify="left" if left else "right", overflow="fold")
    for one in strategies:
        table.add_row(
            one.name,
            str(one.decisions),
            str(one.trades),
            str(one.fills),
            shown_dollars(one.realised),
            shown_dollars(one.unrealised),
            one.last_reason or "no decision yet",
        )
    return table
