"""Stories of positions: seen live, protected, closed in part, and options with what they move by together."""

from __future__ import annotations

import re

import psycopg
from playwright.sync_api import Locator, Page, expect

from local.stack import Stack
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.people import Person


def _bought(person: Person, market: Market, quantity: str) -> None:
    trade = person.api.place(person.account, quantity, None)
    market.step_until(lambda: person.api.status(trade) == "filled", 5)


def _cell(page: Page, row: Locator, column: str) -> Locator:
    """The cell of a row under a heading."""
    names = [one.strip() for one in page.get_by_role("columnheader").all_inner_texts()]
    return row.get_by_role("cell").nth(names.index(column))


def test_position_when_the_market_moves_then_its_result_moves_and_it_is_protected_and_closed_in_part(
    page: Page, trader: Person, market: Market
) -> None:
    _bought(trader, market, "10")
    sign_in(page, trader, "/positions")
    row = page.get_by_role("row").filter(has_text="SPY")
    expect(_cell(page, row, "Quantity")).to_have_text("10")
    result = _cell(page, row, "Open result")
    expect(result).to_have_text(re.compile(r"\$[\d.,]+"))
    shown = result.inner_text()
    market.step(2)
    expect(result).not_to_have_text(shown)

    page.get_by_role("button", name="Set exit of SPY").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Stop price").fill("150")
    dialog.get_by_label("Target price").fill("400")
    dialog.get_by_role("button", name="Arm the exit").click()
    expect(dialog).to_have_count(0)
    expect(_cell(page, row, "Exit")).to_have_text("stop 150.00, target 400.00")
    page.get_by_role("button", name="Change exit of SPY").click()
    dialog.get_by_label("Stop price").fill("151")
    dialog.get_by_role("button", name="Change the exit").click()
    expect(dialog).to_have_count(0)
    expect(_cell(page, row, "Exit")).to_have_text("stop 151.00, target 400.00")

    page.get_by_role("button", name="Close SPY").click()
    dialog.get_by_label("Quantity").fill("11")
    expect(dialog.get_by_role("button", name="Close it")).to_be_disabled()
    dialog.get_by_label("Quantity").fill("4")
    dialog.get_by_role("button", name="Close it").click()
    expect(dialog).to_have_count(0)
    market.step()
    expect(_cell(page, row, "Quantity")).to_have_text("6")
    page.get_by_role("button", name="Take away exit of SPY").click()
    expect(_cell(page, row, "Exit")).to_have_text("none")
    assert trader.api.held() == {"SPY": 6}


def test_position_when_it_has_no_mark_then_a_dash_and_no_total(
    page: Page, stack: Stack, trader: Person, market: Market
) -> None:
    _bought(trader, market, "2")
    sign_in(page, trader, "/positions")
    row = page.get_by_role("row").filter(has_text="SPY")
    expect(_cell(page, row, "Open result")).to_have_text(re.compile(r"\$"))
    # The market stands still between two steps: nothing marks it anew.
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("delete from public.position_marks where symbol = 'SPY'")
    expect(_cell(page, row, "Mark, $")).to_have_text("\N{EN DASH}")
    expect(_cell(page, row, "Open result")).to_have_text("\N{EN DASH}")
    expect(page.get_by_text("a mark is missing")).to_be_visible()
    market.step()
    expect(_cell(page, row, "Open result")).to_have_text(re.compile(r"\$"))
