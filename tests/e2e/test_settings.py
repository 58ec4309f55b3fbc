"""Stories of the settings, and of the tour that begins there."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.api.one_time_codes import code_of
from tests.e2e.conftest import sign_in
from tests.e2e.people import Person


def test_trader_when_a_program_is_given_a_key_then_it_reads_until_it_is_revoked(
    page: Page, stack: Stack, trader: Person
) -> None:
    # The ledger asks at every row whether the key still lives: there must be one to read.
    trader.api.place(trader.account, "1", None)
    sign_in(page, trader, "/settings?part=keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("What it is for").fill("My rebalancer")
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_label("API key", exact=True).inner_text()
    page.get_by_role("button", name="I have stored it").click()
    assert key not in page.content()

    def answer() -> int:
        where = f"{stack.url('gateway')}/functions/v1/api/trades"
        return httpx.get(where, headers={"Authorization": f"Bearer {key}"}, timeout=20).status_code

    assert answer() == 200
    page.get_by_role("button", name="Revoke My rebalancer").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("cell", name="revoked")).to_be_visible()
    assert answer() == 401


def test_trader_when_an_app_is_added_in_the_settings_then_its_codes_count_until_it_is_removed(
    page: Page, newcomer: Person
) -> None:
    sign_in(page, newcomer, "/settings?part=security")
    page.get_by_role("button", name="Add an authenticator app").click()
    page.get_by_label("What you call it").fill("My phone")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("img", name="QR code of the secret")).to_be_visible()
    secret = page.get_by_label("Or type this secret into it", exact=True).inner_text()
    page.get_by_label("Code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("On: signing in asks for a code of your app.")).to_be_visible()
    expect(page.get_by_text("second factor shown")).to_be_visible()
    page.get_by_role("button", name="Remove My phone").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("Off: whoever has your password is in.")).to_be_visible()


def test_trader_when_the_time_zone_is_changed_then_every_time_is_in_it(page: Page, newcomer: Person) -> None:
    sign_in(page, newcomer, "/settings")
    page.get_by_label("Your name").fill("Ann")
    page.get_by_role("button", name="Time zone").click()
    page.get_by_placeholder("New York, Zurich, …").fill("tokyo")
    page.get_by_role("option", name="Asia/Tokyo").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("banner").get_by_text("GMT+9")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Your name")).to_have_value("Ann")


def test_webhook_when_entered_then_its_secret_is_shown_once_and_a_test_is_told(page: Page, newcomer: Person) -> None:
    sign_in(page, newcomer, "/settings?part=webhooks")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Name").fill("My server")
    page.get_by_label("Address").fill("https://example.com/agenttrader")
    page.get_by_role("button", name="Enter it").click()
    expect(page.get_by_label("Secret", exact=True)).to_contain_text("whsec_")
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("cell", name="webhook.test")).to_be_visible()


def test_newcomer_when_the_tour_is_taken_then_it_leads_over_the_pages_and_ends(page: Page, newcomer: Person) -> None:
    sign_in(page, newcomer, "/settings")
    page.get_by_role("button", name="Take the tour").click()
    tour = page.get_by_role("dialog")
    for name in ("Overview", "Accounts", "Trade", "Orders", "Positions", "Strategies", "Risk", "History"):
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        expect(tour).to_contain_text(f"{name} · tour")
        tour.get_by_role("button", name="Done" if name == "History" else "Next").click()
    expect(tour).to_have_count(0)
