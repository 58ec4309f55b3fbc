"""Ways to break the ledger: each takes away one thing that keeps an invariant, and names the tests that must notice.

What is kept twice, by a lock and by a unique key for one, is broken twice.
"""

from __future__ import annotations

import psycopg

from tests.breaking import the_order, the_record, whose_it_is
from tests.breaking.changes import Break

BREAKS: dict[str, Break] = the_record.BREAKS | the_order.BREAKS | whose_it_is.BREAKS


def apply(name: str, connection: psycopg.Connection) -> None:
    """Breaks the ledger, in the connection's transaction."""
    connection.execute("set local search_path = public")
    connection.execute("set local app.actor = 'tests'")
    for change in BREAKS[name].changes:
        change.apply(connection)
