"""What deciding costs: a thousand active strategies on one bar, and the bare computation of the same decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.measuring import Result, measure
from functions.core.ledger.deciding import DecisionLedger
from functions.core.ledger.transport import RestTransport, Transport
from functions.core.settings import Settings
from functions.strategy.bars import Bars
from functions.strategy.catalogue import build
from functions.strategy.deciding import decide_due
from functions.strategy.evaluate import BARS_ONLY, moment
from functions.strategy.gathering import MarketReader
from functions.strategy.holding import NOTHING
from functions.strategy.interface import Strategy
from local.stack import Stack

STRATEGIES = 1_000
_SYMBOL = "BNCH"
_BEGINS = datetime(2014, 1, 6, 15, 0, tzinfo=UTC)
_HISTORY = 120
_ROUNDS = 12
_ARRIVES = "a new bar (not counted)"
_MINUTE = timedelta(minutes=1)
# A third each of three kinds and windows, as a desk would have them.
_KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("moving_average_cross", {"fast": 10, "slow": 30}),
    ("rsi_reversion", {"period": 14}),
    ("moving_average_cross", {"fast": 20, "slow": 100}),
)


class _Remembered:
    """A ledger whose answers are known: what is left is what Python does between them."""

    def __init__(self, through: Transport) -> None:
        self._through = through
        self._answers: dict[str, Any] = {}

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        if function == "record_decisions":
            return {"placed": [], "superseded": []}
        if function not in self._answers:
            self._answers[function] = self._through.call(function, arguments)
        return self._answers[function]


class _Scene:
    """The market of the benchmark: a new bar a round, and what is compared on it."""

    def __init__(self, connection: psycopg.Connection[Any], through: Transport, strategies: Sequence[Strategy]) -> None:
        self._connection = connection
        self._through = through
        self._strategies = strategies
        self._remembered = DecisionLedger(through)
        self._windows: list[tuple[Strategy, Bars]] = []
        self.bar_at = _BEGINS + _HISTORY * _MINUTE

    def arrive(self) -> None:
        """A new bar, and everything that is not measured on it."""
        minute = (self.bar_at - _BEGINS) // _MINUTE
        _bars(self._connection, range(minute, minute + 1))
        self.bar_at += _MINUTE
        self._remembered = DecisionLedger(_Remembered(self._through))
        self.decide_without_ledger()
        bars = MarketReader(DecisionLedger(self._through), self.bar_at).bars(_SYMBOL, "1Min", _HISTORY)
        self._windows = [(strategy, bars.last(strategy.warm_up())) for strategy in self._strategies]

    def decide_without_ledger(self) -> None:
        decide_due(self._remembered, _SYMBOL, "1Min", self.bar_at, self.bar_at)

    def compute(self) -> None:
        for strategy, window in self._windows:
            tuple(strategy.on_bar(moment(strategy, strategy.inputs(), window, NOTHING, BARS_ONLY)))


def deciding(stack: Stack, settings: Settings, *, rounds: int, seconds: float) -> Result:
    """Each round is a new bar: the whole decision, the same without the ledger's time, and the bare computation."""
    rounds = min(rounds, _ROUNDS)
    through = RestTransport(settings, "fn_strategy")
    ledger = DecisionLedger(through)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        _strategies(connection)
        _bars(connection, range(_HISTORY))
        strategies = [build(kind, config, [_SYMBOL]) for kind, config in _mixed()]
        scene = _Scene(connection, through, strategies)

        def whole(number: int) -> None:
            decided = decide_due(ledger, _SYMBOL, "1Min", scene.bar_at, scene.bar_at)
            if decided != STRATEGIES:
                raise AssertionError(f"expected {STRATEGIES} decisions, was {decided} at call {number}")

        result = measure(
            f"{STRATEGIES:,} active strategies decide on one bar",
            "",
            {
                _ARRIVES: lambda _: scene.arrive(),
                "decide_due, ledger included": whole,
                "decide_due, the ledger's answers known": lambda _: scene.decide_without_ledger(),
                "indicators and on_bar alone": lambda _: scene.compute(),
            },
            rounds=rounds,
            seconds=seconds,
        )
    figures = [each for each in result.figures if each.name != _ARRIVES]
    each = ", ".join(f"{one.name} {one.p50_ms / STRATEGIES * 1000:,.0f} us" for one in figures)
    return replace(result, figures=figures, note=f"per strategy: {each}")


def _mixed() -> list[tuple[str, dict[str, Any]]]:
    return [_KINDS[number % len(_KINDS)] for number in range(STRATEGIES)]


def _strategies(connection: psycopg.Connection[Any]) -> None:
    """A user with an account and a thousand strategies that were found valid and started."""
    connection.execute("select set_config('app.actor', 'benchmark', false)")
    listed = Jsonb([{"symbol": _SYMBOL, "kind": "equity"}])
    connection.execute("select public.upsert_instruments(%s, 'benchmark', %s)", (listed, date(2014, 1, 6)))
    kinds = [{"kind": kind, "title": kind, "description": kind, "config_schema": {}} for kind, _ in _KINDS[:2]]
    connection.execute("select public.sync_strategy_kinds(%s)", (Jsonb(kinds),))
    connection.execute("update private.settings set value = 'open' where name = 'sign_up'")
    user, account = _one(connection, _USER), _one(connection, _ACCOUNT)
    rows = [(kind, Jsonb(config), f"strategy {number}") for number, (kind, config) in enumerate(_mixed())]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into public.strategies (user_id, broker_account_id, name, kind, config, symbols) "
            "values (%s, %s, %s, %s, %s, %s)",
            [(user, account, name, kind, config, [_SYMBOL]) for kind, config, name in rows],
        )
    connection.execute(_VERDICTS, {"inputs": Jsonb({"symbols": [_SYMBOL], "timeframe": "1Min", "warm_up": 30})})
    connection.execute("update public.strategies set status = 'active'")
    connection.execute("update public.strategy_cursors set last_bar_at = %s", (_BEGINS + _HISTORY * _MINUTE,))


def _one(connection: psycopg.Connection[Any], statement: LiteralString) -> Any:
    row = connection.execute(statement).fetchone()
    if row is None:
        raise AssertionError("an insert gave no row")
    return row[0]


_USER = "insert into auth.users (id, email) values (gen_random_uuid(), 'benchmark@example.com') returning id"
_ACCOUNT = """
    insert into public.broker_accounts (user_id, broker, account_id)
    select id, 'alpaca', 'BENCHMARK' from auth.users where email = 'benchmark@example.com' returning id"""
_VERDICTS = """
    select public.record_validation(s.id, s.strategy_version, true, '[]', %(inputs)s) from public.strategies as s"""


def _bars(connection: psycopg.Connection[Any], minutes: range) -> None:
    bars = []
    for minute in minutes:
        starts_at = _BEGINS + minute * _MINUTE
        # A steady rise: everybody computes and nobody trades, because what placing costs is another question.
        price = f"{100 + minute / 100:.2f}"
        prices = dict.fromkeys(("open", "high", "low", "close"), price)
        times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + _MINUTE).isoformat()}
        bars.append({"symbol": _SYMBOL, "timeframe": "1Min", "volume": "100", "feed": "benchmark"} | prices | times)
    connection.execute("select public.record_market_data(%s)", (Jsonb(bars),))
