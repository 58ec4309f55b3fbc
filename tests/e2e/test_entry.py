"""Stories of signing up, of a forgotten password, and of sessions that end."""

from __future__ import annotations

import re

import psycopg
from playwright.sync_api import Page, Request, Route, expect

from local.stack import Stack
from tests.api.mails import mailed_code
from tests.e2e.conftest import sign_in
from tests.e2e.people import Person

NEW_PASSWORD = "remembered it again 3"


def test_newcomer_when_the_address_is_taken_or_the_passwords_differ_then_told_what_to_do(
    page: Page, newcomer: Person
) -> None:
    page.goto("/sign-up")
    page.get_by_label("E-mail").fill(newcomer.email)
    expect(page.get_by_text("At least 12 characters, with letters and digits.")).to_be_visible()
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("The same again").fill(NEW_PASSWORD + "x")
    expect(page.get_by_text("The two are not the same.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign up")).to_be_disabled()
    page.get_by_label("The same again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("alert")).to_contain_text("If it is yours, sign in, or reset the password.")


def test_trader_when_the_password_is_forgotten_then_the_mailed_code_sets_a_new_one(
    page: Page, stack: Stack, newcomer: Person
) -> None:
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(newcomer.email)
    page.get_by_role("button", name="Send the code").click()
    code = mailed_code(stack, newcomer.email)
    page.get_by_label("Code of the mail").fill(f"{(int(code) + 1) % 1_000_000:06d}")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("This code is wrong, used or too old.")
    page.get_by_label("Code of the mail").fill(code)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("The same again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    newcomer.password = NEW_PASSWORD
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(page, newcomer)


def test_trader_when_signed_out_in_one_tab_then_the_other_is_out_too(page: Page, newcomer: Person) -> None:
    sign_in(page, newcomer, "/orders")
    other = page.context.new_page()
    other.goto("/alerts")
    expect(other.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Your session has ended.")).to_have_count(0)
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()


def test_session_when_the_api_takes_its_token_no_more_then_a_new_one_or_the_sign_in_page_and_back(
    page: Page, stack: Stack, newcomer: Person
) -> None:
    refused = {"status": 401, "code": "NOT_SIGNED_IN", "detail": "The token has expired.", "todo": "Sign in again."}
    asked: list[str] = []

    def expired(route: Route, request: Request) -> None:
        asked.append(request.headers.get("authorization", ""))
        route.fulfill(status=401, json=refused, headers={"Access-Control-Allow-Origin": "*"})

    sign_in(page, newcomer, "/risk")
    # As when the token has ended: it is renewed, asked again with it, and nobody is sent away.
    page.route("**/functions/v1/api/api-keys*", expired, times=1)
    page.goto("/settings?part=keys")
    expect(page.get_by_text("No program has a key of yours.")).to_be_visible()
    assert len(asked) == 1

    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("delete from auth.sessions where user_id = %s", [newcomer.id])
    page.route("**/functions/v1/api/api-keys*", expired)
    page.reload()
    expect(page.get_by_text("Your session has ended. Sign in to go on where you were.")).to_be_visible()
    page.unroute("**/functions/v1/api/api-keys*")
    page.get_by_label("E-mail").fill(newcomer.email)
    page.get_by_label("Password").fill(newcomer.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/settings\?part=keys$"))
    expect(page.get_by_text("No program has a key of yours.")).to_be_visible()
