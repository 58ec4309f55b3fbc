"""Stories of orders: seen live, replaced, cancelled, and explained."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser import Watched
from tests.e2e.conftest import sign_in
from tests.e2e.people import Person


def _row(page: Page, price: str) -> Locator:
    return page.get_by_role("row").filter(has_text=f"limit {price}")


def test_order_when_it_works_then_seen_on_every_screen_and_replaced_and_cancelled_from_one(
    opened: Callable[..., Watched], trader: Person
) -> None:
    device, another = opened(), opened()
    page = device.page()
    sign_in(page, trader, "/orders")
    expect(page.get_by_text("No order today.")).to_be_visible()
    second = device.page()
    second.goto("/orders")
    third = another.page()
    sign_in(third, trader, "/orders")
    expect(second.get_by_text("Live", exact=True)).to_be_visible()
    # Nobody reloads: the row comes by itself.
    trader.api.place(trader.account, "2", "260.00")
    for screen in (page, second, third):
        expect(_row(screen, "260.00").get_by_text("submitted", exact=True)).to_be_visible()
        expect(_row(screen, "260.00")).to_contain_text("0 / 2")

    _row(page, "260.00").get_by_role("button", name="Replace buy SPY").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Replace the order")).to_be_disabled()
    dialog.get_by_label("Limit price").fill("259.5")
    dialog.get_by_role("button", name="Replace the order").click()
    expect(dialog).to_have_count(0)
    for screen in (page, second, third):
        expect(_row(screen, "260.00").get_by_text("replaced", exact=True)).to_be_visible()
        expect(_row(screen, "259.50").get_by_text("submitted", exact=True)).to_be_visible()

    _row(third, "259.50").get_by_role("button", name="Cancel buy SPY").click()
    for screen in (page, second, third):
        expect(_row(screen, "259.50").get_by_text("canceled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel buy SPY")).to_have_count(0)


def test_order_when_its_page_is_opened_then_tells_every_rule_with_its_numbers_and_every_step(
    page: Page, trader: Person
) -> None:
    trade = trader.api.place(trader.account, "3", "261.00")
    sign_in(page, trader, f"/orders/{trade}")
    expect(page.get_by_role("heading", level=1, name="Buy SPY")).to_be_visible()
    timeline = page.get_by_role("list", name="Timeline")
    expect(timeline.get_by_text("submitted", exact=True)).to_be_visible()
    expect(timeline).to_contain_text("by hand")
    expect(timeline.get_by_text(re.compile(r"Risk: \d+ rules, all allow"))).to_be_visible()
    timeline.get_by_text("Each rule, with what it saw").click()
    rule = timeline.get_by_role("listitem").filter(has=page.get_by_text("PRICE_COLLAR", exact=True)).last
    expect(rule).to_contain_text("allow")
    expect(rule).to_contain_text(re.compile(r"\d"))
    expect(timeline).to_contain_text(re.compile(r"Attempt 1, sent: accepted by the broker in [\d.]+ m?s"))
    page.get_by_role("button", name="Cancel the order").click()
    expect(timeline.get_by_text("canceled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)


def test_order_when_all_are_cancelled_then_asked_first_and_none_works(page: Page, trader: Person) -> None:
    for price in ("258.00", "258.50"):
        trader.api.place(trader.account, "1", price)
    # A rejected one says why, and what to do.
    trader.api.place(trader.account, "1", "900.00")
    sign_in(page, trader, "/orders")
    for price in ("258.00", "258.50"):
        expect(_row(page, price).get_by_text("submitted", exact=True)).to_be_visible()
    expect(_row(page, "900.00").get_by_text("rejected", exact=True)).to_be_visible()
    expect(_row(page, "900.00")).to_contain_text("the limit is 10 %. Look at it, and place it nearer.")
    page.get_by_label("State", exact=True).select_option("rejected")
    expect(_row(page, "258.00")).to_have_count(0)
    page.get_by_label("State", exact=True).select_option("")
    page.get_by_role("button", name="Cancel all…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel 2 orders").click()
    for price in ("258.00", "258.50"):
        expect(_row(page, price).get_by_text("canceled", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Working").click()
    expect(page.get_by_text("No order is working.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel all…")).to_be_disabled()
