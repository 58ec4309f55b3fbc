"""Stories of coming in."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.people import Person


def test_trader_when_the_password_is_wrong_then_told_so_and_when_right_then_the_page_is_live(
    page: Page, newcomer: Person
) -> None:
    page.goto("/orders")
    page.get_by_label("E-mail").fill(newcomer.email)
    page.get_by_label("Password").fill("not the password 1")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, newcomer, "/orders")
    expect(page).to_have_url("/orders")
    expect(page.get_by_role("heading", name="Orders", level=1)).to_be_visible()
