"""The story of a watchlist: made, ordered, changed and taken back; the same after a reload."""

from __future__ import annotations

import re

import psycopg
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.people import Person


def _listed(page: Page, *symbols: str) -> None:
    expect(page.get_by_role("rowheader")).to_have_text(list(symbols))


def test_watchlist_when_added_to_reordered_and_taken_from_then_it_stays_so_and_undo_brings_back(
    page: Page, stack: Stack, trader: Person, market: Market
) -> None:
    market.step()
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for symbol in ("WATA", "WATB"):
            connection.execute(
                "select public.upsert_instruments(%s, 'test', '2018-02-05')",
                [f'[{{"symbol": "{symbol}", "kind": "equity", "name": "The watched {symbol[-1]}"}}]'],
            )
    sign_in(page, trader, "/watchlist")
    expect(page.get_by_text("Nothing is watched yet.")).to_be_visible()
    field = page.get_by_role("combobox", name="Add a symbol")
    for typed, symbol in (("sp", "SPY"), ("wata", "WATA"), ("watched b", "WATB")):
        field.fill(typed)
        expect(page.get_by_role("option").filter(has_text=symbol)).to_be_visible()
        field.press("Enter")
        expect(page.get_by_role("rowheader", name=symbol)).to_be_visible()
    _listed(page, "SPY", "WATA", "WATB")
    quoted = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="SPY"))
    expect(quoted.get_by_role("cell").first).to_have_text(re.compile(r"^\d+\.\d\d"))
    page.get_by_role("button", name="Move WATB up").press("Enter")
    _listed(page, "SPY", "WATB", "WATA")
    page.get_by_role("button", name="Remove WATB").click()
    _listed(page, "SPY", "WATA")
    page.get_by_role("button", name="Undo").click()
    _listed(page, "SPY", "WATB", "WATA")
    expect(page.get_by_text("3 of 100")).to_be_visible()
    page.reload()
    _listed(page, "SPY", "WATB", "WATA")
    # The worker that brings market data is told what is looked at.
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        watched = connection.execute(
            "select array_agg(symbol order by symbol) from private.dashboard_watches "
            "where user_id = %s and until > now()",
            [trader.id],
        ).fetchone()
    assert watched == (["SPY", "WATA", "WATB"],)
    page.get_by_role("link", name="WATA").click()
    expect(page).to_have_url("/trade/WATA")
