"""The rows that are shown: positions of one trader, opened by fills, changed one by one or many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from string import ascii_uppercase
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]

MOST_ROWS: Final = 26 * 26
_BEGAN: Final = datetime(2026, 1, 2, 15, tzinfo=UTC)
_MOST_OF_AN_ORDER: Final = 10**9


class Positions:
    """The positions of an account in so many symbols. `connection` is the database owner's, in autocommit."""

    def __init__(self, connection: Connection, user: UUID, many: int, *, number: str) -> None:
        """Opens each with a fill of one share, on a new account that is called `number`."""
        self.symbols: Final = ["ZZ" + "".join(letters) for letters in product(ascii_uppercase, repeat=2)][:many]
        self._connection = connection
        self._filled = dict.fromkeys(self.symbols, 0)
        # As the function that records fills would come.
        connection.execute("select set_config('request.jwt.claims', '{\"role\": \"fn_execute\"}', false)")
        self.account: Final = uuid4()
        connection.execute(
            "insert into public.broker_accounts (id, user_id, broker, account_id) values (%s, %s, 'alpaca', %s)",
            [self.account, user, number],
        )
        for symbol in self.symbols:
            self.fill(symbol)

    def key(self, symbol: str) -> str:
        """As the dashboard's tables name the row."""
        return f"{self.account} {symbol}"

    def fill(self, symbol: str) -> int:
        """Buys one more, as the broker's stream would tell it: one call of the ledger. Answers how many were bought."""
        bought = self._filled[symbol] + 1
        fill = {
            "broker_order_id": f"{self.account} {symbol}",
            "symbol": symbol,
            "side": "buy",
            "quantity": "1",
            "price": str(100 + bought % 7),
            "cumulative_quantity": str(bought),
            "ordered_quantity": str(_MOST_OF_AN_ORDER),
            "executed_at": (_BEGAN + timedelta(milliseconds=bought)).isoformat(),
            "source": "stream",
            "external_id": f"{self.account} {symbol} {bought}",
        }
        self._connection.execute("select public.record_fill(%s, %s)", [self.account, Jsonb(fill)])
        self._filled[symbol] = bought
        return bought

    def change(self, symbols: Sequence[str]) -> dict[str, int]:
        """Changes the rows of these symbols in one transaction, each told by a message of its own; what they hold now.

        No way of the ledger writes so many: it is the database owner who adds a share to each, which no fill knows of.
        """
        changed = self._connection.execute(
            "update public.position_books set quantity = quantity + 1, cost_basis = cost_basis + 100 "
            "where broker_account_id = %s and symbol = any(%s) returning symbol, quantity",
            [self.account, list(symbols)],
        ).fetchall()
        return {symbol: int(quantity) for symbol, quantity in changed}

    def held(self) -> dict[str, Decimal]:
        """What the database says: the quantity of each symbol."""
        rows = self._connection.execute(
            "select symbol, quantity from public.position_books where broker_account_id = %s and quantity <> 0",
            [self.account],
        ).fetchall()
        return dict(rows)
