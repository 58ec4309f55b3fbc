"""The story of a newcomer: from the empty form to the first paper trade, all of it in the browser."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.market import Market
from tests.e2e.people import at_the_broker

PASSWORD = "correct horse battery 9"


@pytest.mark.smoke
def test_newcomer_when_they_sign_up_then_their_first_paper_trade_is_in_the_books(
    page: Page, stack: Stack, market: Market
) -> None:
    email = f"fresh-{uuid4()}@example.com"
    number, key, secret = at_the_broker(stack)
    page.goto("/sign-up")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.get_by_role("link", name="Link an account", exact=True).click()
    page.get_by_role("button", name="Link an account").click()
    page.get_by_label("Account number").fill(number)
    page.get_by_label("API key").fill(key)
    page.get_by_label("API secret").fill(secret)
    page.get_by_role("button", name="Link it").click()
    expect(page.get_by_text(f"Alpaca {number}", exact=True)).to_be_visible()
    market.step()
    expect(page.get_by_role("main").get_by_text("verified", exact=True)).to_be_visible(timeout=45_000)
    expect(page.get_by_role("main").get_by_text("PAPER")).to_be_visible()
    assert not [body for body in sent if secret in body or key in body], "keys leave the browser sealed"

    page.get_by_role("link", name="Trade", exact=True).first.click()
    page.get_by_label("Find a symbol").fill("spy")
    page.get_by_role("option").filter(has_text="SPY").first.click()
    ticket = page.get_by_role("form", name="Order ticket")
    ticket.get_by_label("Quantity").fill("5")
    expect(page.get_by_role("region", name="Preview").get_by_text("Would be sent", exact=True)).to_be_visible()
    ticket.get_by_role("button", name="Review").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Buy 5 shares of SPY at the market, for the day.")).to_be_visible()
    dialog.get_by_role("button", name="Send paper order").click()
    expect(dialog).to_have_count(0)
    market.step()
    expect(page.get_by_label("Last order").get_by_text("filled", exact=True)).to_be_visible()

    page.get_by_role("link", name="Positions", exact=True).first.click()
    expect(page.get_by_role("row").filter(has_text="SPY").get_by_text("5", exact=True)).to_be_visible()
    page.get_by_role("link", name="History", exact=True).first.click()
    expect(page.get_by_role("row").filter(has_text="SPY")).to_contain_text("5 / 5")
    with psycopg.connect(stack.database_url) as connection:
        booked = connection.execute(
            "select b.symbol, b.quantity, count(f.id) from auth.users as u"
            " join public.position_books as b on b.user_id = u.id join public.fills as f on f.user_id = u.id"
            " where u.email = %s group by 1, 2",
            [email],
        ).fetchall()
    assert [(symbol, quantity) for symbol, quantity, _ in booked] == [("SPY", Decimal(5))]
