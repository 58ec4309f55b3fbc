"""What a ledger call costs: through the gateway under a role's token, and the same function by psycopg."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.measuring import Result, measure
from functions.core.ledger.transport import RestTransport, Transport
from functions.core.settings import Settings
from local.stack import Stack

_ROLE = "fn_ingest"
_BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
_NEWEST = ("latest_bar_end", ("p_symbol", "p_timeframe"))
_POSITION = ("record_stream_position", ("p_worker", "p_stream", "p_position"))


def ledger_calls(stack: Stack, settings: Settings, *, rounds: int, seconds: float) -> list[Result]:
    """One call that reads and one that writes."""
    through = RestTransport(settings, _ROLE)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(_ROLE)))
        return [
            measure(
                title,
                f"{name} as {_ROLE}; both over a kept connection",
                {
                    "supabase client and gateway": _through(through, name, parameters, values),
                    "psycopg": _direct(connection, name, parameters, values),
                },
                rounds=rounds,
                seconds=seconds / 2,
            )
            for title, (name, parameters), values in (
                ("ledger call, read", _NEWEST, lambda _number: ("SPY", "1Min")),
                ("ledger call, write", _POSITION, _position),
            )
        ]


def _position(number: int) -> tuple[str, ...]:
    return ("stream_market_data", "benchmark", (_BEGAN + timedelta(seconds=number)).isoformat())


Values = Callable[[int], tuple[str, ...]]


def _through(transport: Transport, name: str, parameters: tuple[str, ...], values: Values) -> Callable[[int], object]:
    return lambda number: transport.call(name, dict(zip(parameters, values(number), strict=True)))


def _direct(
    connection: psycopg.Connection[Any], name: str, parameters: tuple[str, ...], values: Values
) -> Callable[[int], object]:
    statement = sql.SQL("select public.{}({})").format(
        sql.Identifier(name),
        sql.SQL(", ").join(sql.SQL("{} => %s").format(sql.Identifier(parameter)) for parameter in parameters),
    )
    return lambda number: connection.execute(statement, values(number)).fetchall()
