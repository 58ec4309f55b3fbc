"""The story of a trader without a mouse: no click and no tap, keys alone."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e.people import Person

_MOST_TABS = 80
_SEEN = "element => element.matches(':focus-visible') && getComputedStyle(element).outlineStyle !== 'none'"


def _to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Goes on by Tab until it stands on `target`, as one does who sees where the focus is."""
    expect(target).to_be_visible()
    for _ in range(_MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate(_SEEN), "where the focus is can be seen"
            return
        page.keyboard.press(key)
    raise AssertionError(f"not reached in {_MOST_TABS} steps of {key}: {target}")


def _press(page: Page, target: Locator) -> None:
    _to(page, target)
    page.keyboard.press("Enter")


def test_trader_when_there_is_no_mouse_then_signs_in_trades_cancels_and_halts_by_keys_alone(
    page: Page, trader: Person
) -> None:
    page.goto("/")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type(trader.email)
    page.keyboard.press("Tab")
    page.keyboard.type(trader.password)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder("orders, SPY, …")).to_be_focused()
    page.keyboard.type("SPY")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/trade/SPY")

    ticket = page.get_by_role("form", name="Order ticket")
    _to(page, ticket.get_by_label("Quantity"))
    page.keyboard.type("2")
    _to(page, ticket.get_by_label("Type"))
    page.keyboard.type("Limit")
    expect(ticket.get_by_label("Type")).to_have_value("limit")
    _to(page, ticket.get_by_label("Limit price"))
    page.keyboard.type("201")
    review = ticket.get_by_role("button", name="Review")
    _press(page, review)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Buy 2 shares of SPY at $201.00 or better, for the day.")).to_be_visible()
    # Esc is no order, and the focus is where it was.
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(review).to_be_focused()
    page.keyboard.press("Enter")
    # The focus stays inside the dialog, however far one goes.
    for _ in range(12):
        page.keyboard.press("Tab")
        assert dialog.evaluate("element => element.contains(document.activeElement)")
    _press(page, dialog.get_by_role("button", name="Send paper order"))
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Last order").get_by_text("submitted", exact=True)).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url("/orders")
    row = page.get_by_role("row").filter(has_text="limit 201.00")
    _press(page, row.get_by_role("button", name="Cancel buy SPY"))
    expect(row.get_by_text("canceled", exact=True)).to_be_visible()

    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Shortcuts")
    expect(shortcuts).to_be_visible()
    page.keyboard.press("Escape")
    expect(shortcuts).to_have_count(0)
    _press(page, page.get_by_role("button", name="Kill switch"))
    expect(page.get_by_text("Halted: all of your trading")).to_be_visible()
