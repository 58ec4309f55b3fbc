"""Sixteen clients that attack one ledger over connections of their own, and what must be true after any attack."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from tests.integration.ledger.ledger import Connection, Ledger

CLIENTS = 16
Work = Callable[[Connection], Any]


class Clients:
    """Each keeps its connection. In a round all are let go at the same moment, one work each; in order of clients.

    A work's answer is what it returned, or the code of the refusal. Another error, above all a deadlock, is a failure.
    """

    def __init__(self, ledger: Ledger, connections: Sequence[Connection]) -> None:
        self.ledger = ledger
        self._connections = connections
        self._pool = ThreadPoolExecutor(len(connections))

    def round(self, *works: Work) -> list[Any]:
        """One work for all of them, or one for each."""
        each = works * len(self._connections) if len(works) == 1 else works
        start = threading.Barrier(len(self._connections))

        def run(connection: Connection, work: Work) -> Any:
            start.wait()
            return answer(connection, work)

        pairs = zip(self._connections, each, strict=True)
        return [future.result() for future in [self._pool.submit(run, *pair) for pair in pairs]]

    def close(self) -> None:
        self._pool.shutdown()


def answer(connection: Connection, work: Work) -> Any:
    """Makes the work in a transaction of its own."""
    try:
        found = work(connection)
        connection.commit()
    except psycopg.Error as error:
        connection.rollback()
        if not str(error.sqlstate).startswith("PT"):
            raise
        return str(error.diag.message_primary).split(":")[0]
    return found


@contextmanager
def sixteen_clients(ledger: Ledger) -> Iterator[Clients]:
    """The clients, connected; when they are gone, the ledger is asked whether it still holds."""
    with ExitStack() as opened:
        connections = [opened.enter_context(ledger.session()) for _ in range(CLIENTS)]
        clients = Clients(ledger, connections)
        opened.callback(clients.close)
        yield clients
    holds(ledger)


def holds(ledger: Ledger) -> None:
    """Every position is its fills, every chain is unbroken, and nobody ever waited in a ring."""
    checked = ledger.call("check_positions", "fn_report")
    assert checked["ok"], checked
    verified = ledger.call("verify_audit_chain", "fn_report")
    assert verified["ok"], verified
    ledger.run("select pg_stat_force_next_flush()")
    assert ledger.one("select deadlocks from pg_stat_database where datname = current_database()") == 0
