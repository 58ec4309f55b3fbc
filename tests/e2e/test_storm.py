"""A story of a storm: row changes come by the thousand while they are looked at, and in the end no row is wrong."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from playwright.sync_api import expect

from benchmarks.dashboard.burst import changed, shown_once, snapshot
from benchmarks.dashboard.rows import Positions
from benchmarks.dashboard.scene import WATCHING
from local.stack import Stack
from tests.e2e.browser import Watched
from tests.e2e.conftest import sign_in
from tests.e2e.people import Person


def test_rows_when_thousands_change_while_they_are_looked_at_then_they_equal_the_databases_after_the_next_snapshot(
    opened: Callable[..., Watched], stack: Stack, newcomer: Person
) -> None:
    page = opened().page()
    page.add_init_script(path=WATCHING)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        book = Positions(connection, newcomer.id, 200, number="STORM")
        sign_in(page, newcomer, "/positions")
        expect(page.get_by_text("200 held")).to_be_visible()
        last = {symbol: quantity for (symbol, quantity), _ in changed(book, rate=1000, seconds=3)}
        snapshot(page)
        held = {symbol: int(quantity) for symbol, quantity in book.held().items()}
    assert last.items() <= held.items()
    assert shown_once(page, held) == held
