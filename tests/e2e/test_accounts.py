"""Stories of who may come in, and what they may see."""

from __future__ import annotations

import psycopg
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.api.one_time_codes import code_of
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.pages import PAGES
from tests.e2e.people import Person, with_second_factor


def test_trader_when_there_is_a_second_factor_then_it_is_asked_for(page: Page, trader: Person) -> None:
    secret = with_second_factor(trader)
    page.goto("/positions")
    page.get_by_label("E-mail").fill(trader.email)
    page.get_by_label("Password").fill(trader.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the code of now")
    page.get_by_label("Code").fill(code_of(secret, away=1))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Positions", level=1)).to_be_visible()


def test_session_when_it_ends_elsewhere_then_said_so_and_the_trader_goes_on_where_they_were(
    page: Page, stack: Stack, trader: Person
) -> None:
    sign_in(page, trader, "/orders")
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("delete from auth.sessions where user_id = %s", [trader.id])
    # What a browser does when the access token has ended: it asks for the next one, and is refused.
    page.evaluate(
        "const kept = JSON.parse(localStorage.getItem('agenttrader.session'));"
        "localStorage.setItem('agenttrader.session', JSON.stringify({ ...kept, expires_at: 1, expires_in: 0 }))"
    )
    page.goto("/orders?of=mine")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in_here(page, trader)
    expect(page).to_have_url("/orders?of=mine")


def test_stranger_when_they_look_at_every_page_then_nothing_of_another_trader_is_there(
    page: Page, trader: Person, newcomer: Person, market: Market
) -> None:
    placed = trader.api.place(trader.account, "7", None)
    market.step_until(lambda: trader.api.status(placed) == "filled", 5)
    sign_in(page, newcomer)
    for path, name in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        page.wait_for_load_state("networkidle")
        text = page.locator("body").inner_text()
        assert trader.email not in text
        assert trader.account not in page.content()
    page.goto(f"/orders/{placed}")
    expect(page.get_by_role("alert")).to_be_visible()


def sign_in_here(page: Page, person: Person) -> None:
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
