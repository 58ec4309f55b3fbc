"""Does the ledger agree with itself and with the broker? Each check is a question with a yes or a finding.

Used by `agenttrader verify`, by the demo, and by tests. Reads only; direct, as the local cloud may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import psycopg

from functions.core.money import text
from functions.execute.syncing import ACTIVITIES_WORKER

WORKING = ("submitted", "partially_filled", "cancel_pending", "replace_pending")
FINAL = ("filled", "canceled", "rejected", "expired", "replaced")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One question: `detail` says what was compared, or what was found wrong."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Executed:
    """What an order has filled of one symbol: in how many executions, and how much."""

    count: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class BrokerBook:
    """What one account holds at the broker: signed quantities by symbol, and its orders, in units of the instrument.

    `orders` are (client order id, broker order id, still working). `fills` are by broker order id and symbol. `cash` is
    in dollars, and last moved at `cash_moved_at` (UTC; None where it never did).
    """

    positions: Mapping[str, Decimal]
    orders: tuple[tuple[str, str, bool], ...]
    fills: Mapping[tuple[str, str], Executed]
    cash: Decimal
    cash_moved_at: datetime | None


class Broker(Protocol):
    """Where the broker's side of the comparison comes from."""

    def book(self, account_id: str) -> BrokerBook:
        """The book of the account with the broker's own id. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks; `ok` where every one is."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in self.checks],
        }


Connection = psycopg.Connection[Any]


def how_many(number: int, what: str) -> str:
    """`1 fill`, `2 fills`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def verify(connection: Connection, broker: Broker) -> Verification:
    """Asks every question. Raises psycopg.Error and Unavailable where one of the two sides cannot be read."""
    accounts = connection.execute(
        "select id, account_id from public.broker_accounts "
        "where status = 'active' and link_state = 'verified' order by id"
    ).fetchall()
    books = {account: broker.book(account_id) for account, account_id in accounts}
    checks: Sequence[Callable[[], Check]] = (
        lambda: _positions_equal_fills(connection),
        lambda: _positions_equal_broker(connection, books),
        lambda: _trades_are_settled(connection, books),
        lambda: _fills_equal_broker(connection, books),
        lambda: _cash_equals_broker(connection, books),
        lambda: _no_duplicate_orders(connection, books),
        lambda: _audit_unbroken(connection),
        lambda: _outbox_empty(connection),
    )
    return Verification(tuple(check() for check in checks))


def _positions_equal_fills(connection: Connection) -> Check:
    result = _one(connection, "select public.check_positions()")
    count = _one(connection, "select count(*) from public.fills where kind = 'fill'")
    return _check(
        "positions equal the sum of fills", map(str, result["findings"]), f"{how_many(count, 'fill')} recomputed"
    )


def _positions_equal_broker(connection: Connection, books: Mapping[Any, BrokerBook]) -> Check:
    rows = connection.execute("select broker_account_id, symbol, quantity from public.position_books").fetchall()
    ours = {(account, symbol): Decimal(quantity) for account, symbol, quantity in rows if quantity}
    theirs = {
        (account, symbol): quantity
        for account, book in books.items()
        for symbol, quantity in book.positions.items()
        if quantity
    }
    wrong = [
        f"{symbol}: ledger {text(ours.get((account, symbol), Decimal(0)))}, "
        f"broker {text(theirs.get((account, symbol), Decimal(0)))} (account {account})"
        for account, symbol in sorted(set(ours) | set(theirs), key=str)
        if ours.get((account, symbol), Decimal(0)) != theirs.get((account, symbol), Decimal(0))
    ]
    return _check(
        "positions equal the broker's",
        wrong,
        f"{how_many(len(theirs), 'open position')} in {how_many(len(books), 'account')}",
    )


def _fills_equal_broker(connection: Connection, books: Mapping[Any, BrokerBook]) -> Check:
    rows = connection.execute(
        "select broker_account_id, broker_order_id, symbol, count(*), sum(quantity) from public.fills "
        "where kind = 'fill' and broker_account_id = any(%s) group by 1, 2, 3",
        [list(books)],
    ).fetchall()
    ours = {(account, order, symbol): Executed(count, quantity) for account, order, symbol, count, quantity in rows}
    theirs = {
        (account, order, symbol): executed
        for account, book in books.items()
        for (order, symbol), executed in book.fills.items()
    }
    wrong = [
        f"order {key[1]} of {key[2]}: ledger {_filled(ours.get(key))}, broker {_filled(theirs.get(key))} ({key[0]})"
        for key in sorted(set(ours) | set(theirs), key=str)
        if ours.get(key) != theirs.get(key)
    ]
    count = sum(executed.count for executed in theirs.values())
    orders = len({(account, order) for account, order, _ in theirs})
    return _check("fills equal the broker's", wrong, f"{how_many(count, 'fill')} of {how_many(orders, 'order')}")


def _filled(executed: Executed | None) -> str:
    return "none" if executed is None else f"{text(executed.quantity)} in {how_many(executed.count, 'fill')}"


def _cash_equals_broker(connection: Connection, books: Mapping[Any, BrokerBook]) -> Check:
    """Of the accounts that were read since their cash last moved: of another one the ledger knows the cash of before.

    A snapshot is kept where it differs from the last one, and the cursor says until when the account was read.
    """
    rows = connection.execute(
        "select a.id, c.position, (select s.cash from public.account_snapshots as s "
        "where s.broker_account_id = a.id order by s.as_of desc limit 1) "
        "from public.broker_accounts as a left join private.stream_cursors as c "
        "on c.worker = %s and c.stream = 'account:' || a.id::text where a.id = any(%s) order by a.id",
        [ACTIVITIES_WORKER, list(books)],
    ).fetchall()
    wrong: list[str] = []
    unread = 0
    for account, read_at, cash in rows:
        book = books[account]
        if read_at is None or cash is None or (book.cash_moved_at is not None and read_at < book.cash_moved_at):
            unread += 1
        elif cash != book.cash:
            wrong.append(f"ledger {text(cash)}, broker {text(book.cash)} (account {account})")
    later = f"; {how_many(unread, 'account')} not read since the last movement" if unread else ""
    return _check("cash equals the broker's", wrong, f"{how_many(len(rows) - unread, 'account')} compared{later}")


def _trades_are_settled(connection: Connection, books: Mapping[Any, BrokerBook]) -> Check:
    working_at_broker = {
        (account, broker_order_id)
        for account, book in books.items()
        for _, broker_order_id, working in book.orders
        if working
    }
    rows = connection.execute(
        "select id, status, broker_account_id, broker_order_id from public.trades order by placed_number"
    ).fetchall()
    wrong: list[str] = []
    known: set[tuple[Any, str]] = set()
    for trade, status, account, broker_order_id in rows:
        if status in FINAL:
            continue
        if status not in WORKING:
            wrong.append(f"trade {trade} is still {status}")
        elif account in books and (account, broker_order_id) not in working_at_broker:
            wrong.append(f"trade {trade} is {status}, but order {broker_order_id} does not work at the broker")
        else:
            known.add((account, broker_order_id))
    wrong += [
        f"order {order} works at the broker, but no open trade knows it"
        for account, order in sorted(working_at_broker - known, key=str)
    ]
    return _check(
        "every trade is terminal or working at the broker",
        wrong,
        f"{how_many(len(rows), 'trade')}, {len(known)} working",
    )


def _no_duplicate_orders(connection: Connection, books: Mapping[Any, BrokerBook]) -> Check:
    wrong: list[str] = []
    seen = 0
    for account, book in books.items():
        ours = {
            row[0]
            for row in connection.execute(
                "select client_order_id from public.trades where broker_account_id = %s", [account]
            ).fetchall()
        }
        counted = Counter(client_order_id for client_order_id, _, _ in book.orders)
        seen += len(counted)
        wrong += [f"client order id {name} has {count} orders" for name, count in sorted(counted.items()) if count > 1]
        wrong += [f"order {name} at the broker is of no trade" for name in sorted(set(counted) - ours)]
    accepted = connection.execute(
        "select trade_id, count(distinct broker_order_id) from public.order_attempts "
        "where outcome in ('accepted', 'adopted') group by trade_id having count(distinct broker_order_id) > 1"
    ).fetchall()
    wrong += [f"trade {trade} was accepted as {count} orders" for trade, count in accepted]
    return _check("no duplicate orders", wrong, f"{how_many(seen, 'order')} at the broker, each of one trade")


def _audit_unbroken(connection: Connection) -> Check:
    result = _one(connection, "select public.verify_audit_chain()")
    broken = [] if result["ok"] else [str(result["first_broken"])]
    return _check("audit trail unbroken", broken, how_many(result["links"], "link"))


def _outbox_empty(connection: Connection) -> Check:
    waiting = _one(connection, "select count(*) from private.outbox where published_at is null and gave_up_at is null")
    dead = _one(connection, "select count(*) from public.dead_letters where state = 'open'")
    published = _one(connection, "select count(*) from private.outbox where published_at is not null")
    found = [f"{waiting} events are not published"] if waiting else []
    found += [f"{dead} events were given up: see dead_letters"] if dead else []
    return _check("outbox empty", found, f"{published} published, none given up")


def _check(name: str, findings: Iterable[str], fine: str) -> Check:
    found = list(findings)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Check(name, not found, "; ".join(found[:_SHOWN]) + more if found else fine)


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise RuntimeError("a query for one value gave no row")
    return row[0]
