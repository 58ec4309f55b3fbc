"""How many fills a second the ledger records, beside a bare INSERT of the same row into a plain copy of the table.

A durable server (fsync and synchronous_commit on), direct connections, each client a thread with its own connection.
They take turns, so that all meet the same machine.

Two floors. The bare INSERT is what Postgres can write. The INSERT in turn keeps an account's executions in one order,
as whatever counts them once must: it locks the account's row first, and so each commit waits for the disk before the
next one begins, where bare INSERTs of many clients share one wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from benchmarks.measuring import Throughput

_TURNS = 3
_WARM_UP_FILLS = 10
_SYMBOLS = ("SPY", "IWM", "QQQ", "DIA", "AAPL", "MSFT", "NVDA", "AMZN")
_BEGAN = datetime(2026, 1, 2, 15, tzinfo=UTC)
_RECORD = b"select public.record_fill(%s, %s)"
_copies = count()

Connection = psycopg.Connection[Any]
Work = Callable[[int], object]


@dataclass(slots=True)
class _Client:
    """One client: what it does next, and the number of its next call."""

    work: Work
    number: int = 0

    def run_until(self, deadline: float) -> int:
        """Calls made before the deadline."""
        began_with = self.number
        while time.perf_counter() < deadline:
            self.work(self.number)
            self.number += 1
        return self.number - began_with


def fill_throughput(dsn: str, *, seconds: float) -> list[Throughput]:
    """Fills recorded per second: by one client, by eight on one account, by eight on accounts of their own."""
    results = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(b"update private.settings set value = 'open' where name = 'sign_up'")
        for title, clients, accounts in (
            ("1 client", 1, 1),
            ("8 clients, one account", 8, 1),
            ("8 clients, 8 accounts", 8, 8),
        ):
            with (
                _connected(dsn, clients) as recording,
                _connected(dsn, clients) as waiting,
                _connected(dsn, clients) as inserting,
            ):
                contestants = {
                    "record_fill": _recorders(recording, [_account(connection) for _ in range(accounts)]),
                    "INSERT in turn": _inserters(waiting, connection, accounts),
                    "bare INSERT": _inserters(inserting, connection),
                }
                results.append(Throughput(title, clients, _rates(contestants, seconds / 3)))
    return results


def _rates(contestants: dict[str, list[_Client]], seconds: float) -> dict[str, float]:
    """Calls per second of each, all clients together."""
    turn = seconds / _TURNS / len(contestants)
    calls = dict.fromkeys(contestants, 0)
    spent = dict.fromkeys(contestants, 0.0)
    for _ in range(_TURNS):
        for name, clients in contestants.items():
            began = time.perf_counter()
            calls[name] += _together(clients, began + turn)
            spent[name] += time.perf_counter() - began
    return {name: round(calls[name] / spent[name], 1) for name in contestants}


def _together(clients: Sequence[_Client], deadline: float) -> int:
    with ThreadPoolExecutor(len(clients)) as pool:
        return sum(pool.map(lambda client: client.run_until(deadline), clients))


@contextmanager
def _connected(dsn: str, how_many: int) -> Iterator[list[Connection]]:
    connections = [psycopg.connect(dsn, autocommit=True) for _ in range(how_many)]
    for connection in connections:
        # As the function that records fills would come, once and for all of the session.
        connection.execute(b"select set_config('request.jwt.claims', '{\"role\": \"fn_execute\"}', false)")
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def _account(connection: Connection) -> UUID:
    user, account = uuid4(), uuid4()
    connection.execute(b"insert into auth.users (id, email) values (%s, %s)", [user, f"{user}@example.com"])
    connection.execute(
        b"insert into public.broker_accounts (id, user_id, broker, account_id) values (%s, %s, 'alpaca', %s)",
        [account, user, str(account)],
    )
    return account


def _recorders(connections: Sequence[Connection], accounts: Sequence[UUID]) -> list[_Client]:
    """Clients take the accounts in turn; each trades a symbol of its own, and closes what it has opened."""
    clients = []
    for place, connection in enumerate(connections):
        account, symbol = accounts[place % len(accounts)], _SYMBOLS[place]

        def work(
            number: int, connection: Connection = connection, account: UUID = account, symbol: str = symbol
        ) -> object:
            return connection.execute(_RECORD, [account, Jsonb(_fill(symbol, number))])

        client = _Client(work)
        for number in (-2, -1, *range(_WARM_UP_FILLS)):
            work(number)
        client.number = _WARM_UP_FILLS
        clients.append(client)
    return clients


def _fill(symbol: str, number: int) -> dict[str, str]:
    """Every other fill sells what the one before has bought; -2 and -1 make the two orders known, and their size."""
    side, total = ("buy" if number % 2 == 0 else "sell"), number // 2 + 1
    return {
        "broker_order_id": f"{side} {symbol}",
        "symbol": symbol,
        "side": side,
        "quantity": "1",
        "price": str(100 + number % 7),
        "cumulative_quantity": str(total if number >= 0 else 10**12),
        "executed_at": (_BEGAN + timedelta(milliseconds=number)).isoformat(),
        "source": "stream",
        "external_id": f"{symbol} {number}",
    }


def _inserters(connections: Sequence[Connection], superuser: Connection, accounts: int | None = None) -> list[_Client]:
    """Clients that insert a fill's row, under a new id, into a table without its triggers, references and policies.

    With `accounts` they take that many accounts in turn, and each INSERT locks its account's row first.
    """
    number = next(_copies)
    table = sql.Identifier("public", f"plain_fills_{number}")
    turns = sql.Identifier("public", f"plain_accounts_{number}")
    superuser.execute(sql.SQL("create table {} (like public.fills, primary key (id))").format(table))
    superuser.execute(
        sql.SQL("create table {} as select place from generate_series(0, {}) as place").format(
            turns, sql.Literal((accounts or 1) - 1)
        )
    )
    found = superuser.execute(b"select * from public.fills limit 1")
    columns = [column.name for column in found.description or ()]
    row = dict(zip(columns, found.fetchone() or (), strict=True))
    values = sql.SQL("values ({})").format(sql.SQL(", ").join(sql.Placeholder(name) for name in columns))
    statement = sql.SQL("insert into {} ({}) {}").format(
        table, sql.SQL(", ").join(sql.Identifier(name) for name in columns), values
    )
    lock = sql.SQL("select from {} where place = %s for no key update").format(turns)

    def client(place: int, connection: Connection) -> _Client:
        def insert(_number: int) -> object:
            return connection.execute(statement, row | {"id": uuid4()})

        def insert_in_turn(number: int) -> object:
            with connection.pipeline(), connection.transaction():
                connection.execute(lock, [place % (accounts or 1)])
                return insert(number)

        return _Client(insert if accounts is None else insert_in_turn)

    return [client(place, connection) for place, connection in enumerate(connections)]
