"""The story of one trade, from its signal to what it made: as the ledger keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from functions.core.errors import BadInput
from functions.risk.advice import advice
from functions.risk.assess import OFF
from functions.risk.judging import MARKS

Row = Mapping[str, Any]
_LEAST_PREFIX: Final = 6
_MOST_LISTED: Final = 10
_NAME: Final = re.compile(r"[0-9a-fA-F-]+|at-[0-9a-f]+")
_FIND = """
    select t.id, t.client_order_id, t.symbol, t.status from public.trades as t
    where t.id::text like %(named)s || '%%' or t.client_order_id like %(named)s || '%%' or t.broker_order_id = %(whole)s
    order by t.placed_number desc limit %(most)s"""
_TRADE = """
    select t.*, u.email, a.account_id as account_number, a.broker, s.name as strategy,
      (select coalesce(jsonb_agg(jsonb_build_object('leg', l.leg, 'symbol', l.symbol, 'side', l.side,
          'position_intent', l.position_intent, 'quantity', l.quantity::text, 'filled', l.filled_quantity::text)
        order by l.leg), '[]') from public.trade_legs as l where l.trade_id = t.id) as legs
    from public.trades as t join auth.users as u on u.id = t.user_id
    join public.broker_accounts as a on a.id = t.broker_account_id
    left join public.strategies as s on s.id = t.strategy_id where t.id = %s"""
_DECISION = """
    select d.bar_at, d.cause, d.symbol, d.strategy_version, d.reason, d.chain_taken_at, d.created_at
    from public.trades as t
    join public.strategy_decisions as d on d.strategy_id = t.strategy_id and d.bar_at = t.event_at
    where t.id = %s and d.action = 'trade' and t.source = 'strategy' and split_part(t.signal, '|', 2) = d.symbol
      and coalesce(nullif(split_part(t.signal, '|', 5), ''), 'bar') = d.cause
    order by d.caused_by = split_part(t.signal, '|', 6) desc limit 1"""
_VERDICTS = "select rule, verdict, numbers, at from public.risk_decisions where trade_id = %s order by number"
_STEPS = """
    select number, from_status, to_status, actor, reason, event_at, at,
      extract(epoch from at - lag(at) over (order by number))::numeric(18, 3)::text as seconds
    from public.trade_transitions where trade_id = %s order by number"""
_ATTEMPTS = """
    select attempt, kind, client_order_id, claimed_by, claimed_at, outcome, detail, broker_order_id, answered_at,
      extract(epoch from answered_at - claimed_at)::numeric(18, 3)::text as seconds
    from public.order_attempts where trade_id = %s order by attempt"""
_FILLS = """
    select f.number, f.kind, f.symbol, f.side, f.quantity, f.price, f.fee, f.multiplier, f.executed_at, f.created_at,
      f.source, f.broker_order_id, f.strategy_realised_pnl as realised_pnl
    from public.fills as f where f.trade_id = %s order by f.executed_at, f.number"""
_LATER = """
    select f.trade_id, f.symbol, f.side, f.quantity_change, f.strategy_realised_pnl, f.fee, f.executed_at, f.number
    from public.fills as f join public.trades as t on t.id = %(trade)s
    where f.broker_account_id = t.broker_account_id and f.strategy_id is not distinct from t.strategy_id
      and f.symbol in (select l.symbol from public.trade_legs as l where l.trade_id = t.id)
    order by f.symbol, f.executed_at, f.number"""
_EXIT = """
    select t.id, t.client_order_id, t.source, t.order_type, t.status, t.fill_price, t.executed_at, t.reason,
      x.triggered_by, x.trigger_price
    from public.trades as t left join public.position_exits as x on x.exit_trade_id = t.id where t.id = %s"""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything on record of a trade. Money is Decimal, times are UTC; `seconds` are machine time between steps.

    `recheck` is what the ledger's own re-check refused, where it did. Each fill has its `slippage`, dollars a share or
    contract against the mark it was judged at: above zero costs; None where no mark is on record.
    """

    trade: Row
    decision: Row | None
    marks: Mapping[str, Decimal]
    verdicts: Sequence[Row]
    recheck: Row | None
    steps: Sequence[Row]
    attempts: Sequence[Row]
    fills: Sequence[Row]
    exits: Sequence[Row]
    realised: Decimal
    fees: Decimal
    do: str | None


def trade_named(connection: psycopg.Connection[Any], named: str) -> UUID | None:
    """The trade of this id, client order id, broker order id, or unique beginning of one of the first two.

    None where there is none. Raises BadInput AMBIGUOUS_TRADE where several begin so.
    """
    # A short word is no name of a trade but of something else.
    prefix = named.lower() if len(named) >= _LEAST_PREFIX and _NAME.fullmatch(named) else "\\"
    said = {"named": prefix, "whole": named, "most": _MOST_LISTED}
    rows = connection.execute(_FIND, said).fetchall()
    if len(rows) > 1:
        listed = ", ".join(f"{row[0]} ({row[3]} {row[2]})" for row in rows)
        raise BadInput("AMBIGUOUS_TRADE", f"several trades begin with {named!r}: say more of one: {listed}")
    return rows[0][0] if rows else None


def story_of(connection: psycopg.Connection[Any], trade: UUID) -> Story:
    """Reads the story of a trade that is there."""
    with connection.cursor(row_factory=dict_row) as cursor:

        def rows(query: str, *values: Any) -> list[dict[str, Any]]:
            return cursor.execute(query.encode(), values).fetchall()

        (found,) = rows(_TRADE, trade)
        decisions = rows(_DECISION, trade)
        verdicts, recheck, marks = _sorted_out(rows(_VERDICTS, trade))
        fills = [fill | {"slippage": _slippage(fill, marks)} for fill in rows(_FILLS, trade)]
        later = cursor.execute(_LATER.encode(), {"trade": trade}).fetchall()
        closing, realised, fees = _closing(trade, later)
        exits = [row for closed in closing for row in rows(_EXIT, closed)]
        steps, attempts = rows(_STEPS, trade), rows(_ATTEMPTS, trade)
    own = sum((fill["realised_pnl"] for fill in fills), Decimal(0))
    paid = sum((fill["fee"] for fill in fills), Decimal(0))
    code = _code_of(found)
    return Story(
        found,
        decisions[0] if decisions else None,
        marks,
        verdicts,
        recheck,
        steps,
        attempts,
        fills,
        exits,
        own + realised,
        paid + fees,
        None if code is None else advice(code),
    )


def _sorted_out(rows: Sequence[Row]) -> tuple[list[Row], Row | None, dict[str, Decimal]]:
    """The rules' own verdicts; the re-check's, written after them where it refused; the marks they were given by."""
    marks = {symbol: Decimal(said) for row in rows if row["rule"] == MARKS for symbol, said in row["numbers"].items()}
    after_rules = max((at for at, row in enumerate(rows) if row["rule"] in (MARKS, OFF)), default=len(rows) - 1)
    recheck = next((row for row in rows[after_rules + 1 :] if row["verdict"] == "deny"), None)
    return [row for row in rows if row["rule"] != MARKS and row is not recheck], recheck, marks


def _slippage(fill: Row, marks: Mapping[str, Decimal]) -> Decimal | None:
    mark = marks.get(fill["symbol"])
    if mark is None or fill["kind"] == "bust":
        return None
    price: Decimal = fill["price"]
    return price - mark if fill["side"] == "buy" else mark - price


def _closing(trade: UUID, fills: Sequence[Row]) -> tuple[list[UUID], Decimal, Decimal]:
    """Which later trades of the same owner closed what this one opened, what that realised, and its fees.

    From its first fill on, those on the other side, until the owner is flat in the symbol.
    """
    exits: dict[UUID, None] = {}
    realised = fees = held = Decimal(0)
    opened: dict[str, int] = {}
    over: set[str] = set()
    symbol = ""
    for fill in fills:
        if fill["symbol"] != symbol:
            symbol, held = fill["symbol"], Decimal(0)
        change: Decimal = fill["quantity_change"]
        before, held = held, held + change
        side = 1 if change > 0 else -1
        if fill["trade_id"] == trade:
            # What only reduces has opened nothing: its own realised P&L is all there is to say.
            if abs(held) > abs(before) or before * held < 0:
                opened.setdefault(symbol, side)
        elif symbol in opened and symbol not in over and side != opened[symbol] and change:
            exits.setdefault(fill["trade_id"])
            realised += fill["strategy_realised_pnl"]
            fees += fill["fee"]
        if symbol in opened and held * opened[symbol] <= 0:
            over.add(symbol)
    return list(exits), realised, fees


def _code_of(trade: Row) -> str | None:
    ended_badly = trade["status"] in ("rejected", "expired", "canceled", "unknown")
    said = str(trade["refusal"] or trade["cancel_reason"] or "") if ended_badly else ""
    code = re.match(r"[A-Z][A-Z0-9_]+", said)
    return None if code is None else code.group()
