"""Stories of trading by hand: a bracket order, a limit order that is taken back, a refused one, and a phone."""

from __future__ import annotations

import re
from decimal import Decimal

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import sign_in
from tests.e2e.market import OPENS_AT, Market
from tests.e2e.people import Person


def _ticket(page: Page) -> Locator:
    return page.get_by_role("form", name="Order ticket")


def _preview(page: Page) -> Locator:
    return page.get_by_role("region", name="Preview")


def _send(page: Page, words: str) -> None:
    """Reviews the order, reads it in the words that are confirmed, and sends it."""
    _ticket(page).get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("PAPER", exact=True)).to_be_visible()
    expect(dialog.get_by_text(words)).to_be_visible()
    dialog.get_by_role("button", name="Send paper order").click()
    expect(dialog).to_have_count(0)


def _last(page: Page, state: str) -> None:
    expect(page.get_by_label("Last order").get_by_text(state, exact=True)).to_be_visible()


def test_order_when_it_is_a_bracket_then_previewed_filled_and_its_exit_stands_armed_in_the_chart(
    page: Page, trader: Person, market: Market
) -> None:
    sign_in(page, trader, "/trade/SPY")
    ticket = _ticket(page)
    ticket.get_by_label("Quantity").fill("10")
    ticket.get_by_label("Attach exits (bracket)").check()
    ticket.get_by_label("Exit stop").fill("150")
    ticket.get_by_label("Exit target").fill("400")
    expect(_preview(page).get_by_text("Would be sent", exact=True)).to_be_visible()
    expect(_preview(page).get_by_text(re.compile(r"\d+ rules pass"))).to_be_visible()
    left = _preview(page).locator("dt", has_text="Buying power after").locator("+ dd")
    expect(left).to_have_text(re.compile(r"^\$[\d,]+\.\d\d$"))
    _send(page, "Buy 10 shares of SPY at the market, for the day.")
    market.step()
    _last(page, "filled")
    marks = page.get_by_role("list", name="Marks in the chart")
    expect(page.get_by_role("list", name="Exits").get_by_text("armed")).to_be_visible()
    quote = page.get_by_label("Quote of SPY")
    expect(quote.get_by_text(re.compile(rf"^replay of {OPENS_AT:%Y-%m-%d} "))).to_be_visible()
    expect(quote.get_by_text("Stale")).to_have_count(0)
    expect(marks.get_by_text("Stop at $150.00")).to_have_count(1)
    expect(marks.get_by_text("Target at $400.00")).to_have_count(1)
    expect(marks.get_by_text(re.compile(r"^Buy 10 @ \d+"))).to_have_count(1)


def test_order_when_it_is_a_limit_far_away_then_it_works_until_it_is_canceled(
    page: Page, trader: Person, market: Market
) -> None:
    sign_in(page, trader, "/trade/SPY")
    ticket = _ticket(page)
    ticket.get_by_label("Type").select_option("Limit")
    ticket.get_by_label("Quantity").fill("2")
    ticket.get_by_label("Limit price").fill("200")
    _send(page, "Buy 2 shares of SPY at $200.00 or better, for the day.")
    market.step()
    orders = page.get_by_role("region", name="Orders in SPY")
    expect(orders.get_by_text("submitted")).to_be_visible()
    expect(page.get_by_role("list", name="Marks in the chart").get_by_text("Buy 2 limit at $200.00")).to_have_count(1)
    orders.get_by_role("button", name="Cancel").click()
    market.step()
    _last(page, "canceled")
    expect(orders.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_role("list", name="Marks in the chart").get_by_text("Buy 2 limit")).to_have_count(0)


def test_order_when_risk_would_refuse_it_then_the_rule_and_its_numbers_are_shown_before_and_after(
    page: Page, trader: Person, market: Market
) -> None:
    sign_in(page, trader, "/trade/SPY")
    _ticket(page).get_by_label("Quantity").fill("100000")
    preview = _preview(page)
    expect(preview.get_by_text("Would be refused")).to_be_visible()
    rule = preview.get_by_role("list", name="Rules against it").get_by_text("buying power").first
    expect(rule).to_be_visible()
    words = re.compile(r"It takes \$[\d,.]+ of buying power; \$[\d,.]+ are left\. Order less")
    expect(preview.get_by_role("status").get_by_text(words)).to_be_visible()
    _ticket(page).get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Risk would refuse it now")).to_be_visible()
    expect(dialog.get_by_text(words).last).to_be_visible()
    dialog.get_by_role("button", name="Send paper order").dblclick()
    expect(dialog).to_have_count(0)
    market.step()
    _last(page, "rejected")
    expect(page.get_by_label("Last order").get_by_text(words)).to_be_visible()
    expect(page.get_by_role("region", name="Orders in SPY").get_by_text("rejected")).to_have_count(1)


def test_order_when_its_answer_is_lost_and_it_is_reviewed_and_sent_again_then_it_is_one_order(
    page: Page, trader: Person, market: Market
) -> None:
    def answer_lost(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
        route.abort()

    sign_in(page, trader, "/trade/SPY")
    _ticket(page).get_by_label("Quantity").fill("3")
    page.route("**/api/orders", answer_lost)
    _ticket(page).get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send paper order").click()
    expect(dialog.get_by_text("The platform cannot be reached")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    page.unroute("**/api/orders")
    _send(page, "Buy 3 shares of SPY at the market, for the day.")
    market.step()
    _last(page, "filled")
    assert [trade.quantity for trade in trader.api.client.all_trades() if trade.source == "manual"] == [Decimal(3)]


def test_phone_when_a_trader_finds_a_symbol_and_buys_one_share_then_the_position_is_there(
    phone: Page, trader: Person, market: Market
) -> None:
    sign_in(phone, trader)
    phone.get_by_role("link", name="Trade").last.tap()
    phone.get_by_label("Find a symbol").fill("spy")
    phone.get_by_role("option", name=re.compile("^SPY")).first.tap()
    _ticket(phone).get_by_label("Quantity").fill("1")
    expect(_preview(phone).get_by_text("Would be sent", exact=True)).to_be_visible()
    _send(phone, "Buy 1 share of SPY at the market, for the day.")
    market.step()
    _last(phone, "filled")
    held = phone.locator("section").filter(has=phone.get_by_role("heading", name="Position in SPY"))
    expect(held.get_by_text("long")).to_be_visible()
    expect(held.get_by_text("1", exact=True)).to_be_visible()
