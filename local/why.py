"""Why a strategy did what it did, or did nothing: its decisions with what became of them, as the ledger keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from functions.core.errors import BadInput
from functions.core.ledger.deciding import DecisionLedger
from functions.strategy.catalogue import build
from functions.strategy.evaluate import evaluate
from functions.strategy.gathering import MarketReader, timeframe_of

_FIND = """
    select s.id, s.name, s.kind, s.status, s.symbols, s.timeframe, u.email
    from public.strategies as s join auth.users as u on u.id = s.user_id
    where (s.id::text = %(named)s or s.name = %(named)s) and s.status <> 'deleted'
      and (%(email)s::text is null or u.email = %(email)s)
    order by s.created_at"""
_DECISIONS = """
    select d.bar_at, d.cause, d.strategy_version, d.action, d.reason, d.orders, d.cancels, d.refused, d.chain_taken_at,
      d.created_at
    from public.strategy_decisions as d
    where d.strategy_id = %s and d.symbol = %s and d.bar_at <= %s
    order by d.bar_at desc, d.created_at desc limit %s"""
_TRADES = """
    select t.id, t.status, t.refusal, t.source, coalesce(string_agg(
        concat_ws(' ', l.side, trim_scale(l.quantity), l.symbol), ', ' order by l.leg), '') as legs,
      t.price, t.fill_price,
      (select jsonb_agg(jsonb_build_object('rule', r.rule, 'verdict', r.verdict, 'numbers', r.numbers)
         order by r.number)
       from public.risk_decisions as r where r.trade_id = t.id and r.verdict <> 'allow') as verdicts
    from public.trades as t join public.trade_legs as l on l.trade_id = t.id
    where t.strategy_id = %s and t.event_at = %s and t.source = 'strategy'
    group by t.id order by t.placed_number"""
_BAR = """
    select max(ends_at) from public.bars
    where symbol = %(symbol)s and timeframe = %(timeframe)s and ends_at <= %(at)s and starts_at < %(at)s"""
_VERSION = """
    select v.kind, v.config, v.symbols from public.strategies as s
    join public.strategy_versions as v on v.strategy_id = s.id and v.strategy_version = s.effective_version
    where s.id = %s"""


@dataclass(frozen=True, slots=True)
class Named:
    """A strategy as a person names it."""

    id: UUID
    name: str
    kind: str
    status: str
    symbols: tuple[str, ...]
    timeframe: str
    email: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of one symbol at a moment: decisions, newest first, each with its trades; all times UTC.

    `undecided` is the end of the newest bar where no decision on it is on record, with what would be decided there by
    a strategy that holds nothing, `recomputed`.
    """

    symbol: str
    decisions: tuple[Mapping[str, Any], ...]
    newest_bar: datetime | None
    undecided: datetime | None = None
    recomputed: str | None = None


class _OwnersCalls:
    """The ledger's functions, called by whoever owns its database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        named = ", ".join(f"{key} => %({key})s" for key in arguments)
        values = {key: Jsonb(value) if isinstance(value, dict | list) else value for key, value in arguments.items()}
        # The names are the code's own.
        row = self._connection.execute(f"select public.{name}({named})", values).fetchone()
        return None if row is None else row[0]


def find(connection: psycopg.Connection[Any], named: str, email: str | None) -> Named:
    """The strategy of this id or name. Raises BadInput NO_SUCH_STRATEGY, or AMBIGUOUS_NAME where several have it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_FIND, {"named": named, "email": email}).fetchall()
    if not rows:
        known = [row[0] for row in connection.execute("select name from public.strategies where status <> 'deleted'")]
        listed = ", ".join(sorted(set(known))) or "none"
        raise BadInput("NO_SUCH_STRATEGY", f"expected a strategy or a trade, was {named!r}; strategies: {listed}")
    if len(rows) > 1:
        listed = ", ".join(f"{row['id']} of {row['email']}" for row in rows)
        raise BadInput("AMBIGUOUS_NAME", f"several strategies are named {named!r}: name one by its id: {listed}")
    (row,) = rows
    return Named(**{**row, "symbols": tuple(row["symbols"])})


def explain(
    connection: psycopg.Connection[Any], strategy: Named, symbol: str, at: datetime, newest: int = 1
) -> Explained:
    """The newest decisions up to a moment, with what became of their orders."""
    with connection.cursor(row_factory=dict_row) as cursor:
        decisions = cursor.execute(_DECISIONS, [strategy.id, symbol, at, newest]).fetchall()
        for decision in decisions:
            acted = decision["action"] == "trade"
            trades = cursor.execute(_TRADES, [strategy.id, decision["bar_at"]]).fetchall() if acted else []
            decision["trades"] = trades
    said = {"symbol": symbol, "timeframe": strategy.timeframe, "at": at}
    row = connection.execute(_BAR, said).fetchone()
    bar_at: datetime | None = row[0] if row else None
    undecided = bar_at if bar_at is not None and not any(each["bar_at"] == bar_at for each in decisions) else None
    return Explained(
        symbol=symbol,
        decisions=tuple(decisions),
        newest_bar=bar_at,
        undecided=undecided,
        recomputed=None if undecided is None else _recomputed(connection, strategy, symbol, undecided),
    )


def _recomputed(connection: psycopg.Connection[Any], strategy: Named, symbol: str, bar_at: datetime) -> str | None:
    """What the version in effect decides there while it holds nothing; None where no version was found valid."""
    row = connection.execute(_VERSION, [strategy.id]).fetchone()
    if row is None:
        return None
    kind, config, symbols = row
    try:
        made = build(kind, {**config, "timeframe": strategy.timeframe}, symbols)
        inputs = made.inputs()
        reader = MarketReader(DecisionLedger(_OwnersCalls(connection)), bar_at)
        bars = reader.bars(symbol, timeframe_of(strategy.timeframe), inputs.warm_up)
        decision = evaluate(made, bars, market=reader.market(symbol, inputs, inputs.warm_up, bar_at))
    except BadInput as error:
        return f"no decision: {error}"
    return f"{decision.action}: {decision.reason}"
