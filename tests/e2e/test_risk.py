"""Stories of the risk page and the kill switch."""

from __future__ import annotations

from uuid import UUID

from playwright.sync_api import Page, expect

from functions.core.errors import AgentTraderError
from local.client import models
from tests.api.one_time_codes import code_of
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.people import Person, with_second_factor


def _refused_code(person: Person) -> str:
    try:
        person.api.place(person.account, "1", None)
    except AgentTraderError as error:
        return error.code
    return "placed"


def test_trader_when_the_kill_switch_is_hit_mid_session_then_entries_stop_until_it_is_lifted_with_a_second_factor(
    page: Page, trader: Person, market: Market
) -> None:
    secret = with_second_factor(trader)
    held = trader.api.place(trader.account, "3", None)
    market.step_until(lambda: trader.api.status(held) == "filled", 5)
    working = trader.api.place(trader.account, "1", "200")
    market.step_until(lambda: trader.api.status(working) == "submitted", 5)
    sign_in(page, trader, code=code_of(secret, away=1))

    page.get_by_role("button", name="Kill switch").click()
    expect(page.get_by_text("Halted: all of your trading")).to_be_visible()
    market.step_until(lambda: trader.api.status(working) == "canceled", 5)
    assert _refused_code(trader) == "GATE_CLOSED"
    closing = trader.api.client.close_position("SPY", models.NewClose(broker_account_id=UUID(trader.account)))
    market.step_until(lambda: trader.api.status(str(closing.id)) == "filled", 5)

    page.get_by_role("link", name="See and lift halts").click()
    page.get_by_role("button", name="Lift…").click()
    page.get_by_label("Type LIFT to confirm").fill("LIFT")
    page.get_by_role("button", name="Lift the halt").click()
    expect(page.get_by_text("Nothing is halted.")).to_be_visible()
    expect(page.get_by_text("Halted: all of your trading")).to_have_count(0)
    market.step()
    assert _refused_code(trader) == "placed"
    page.get_by_role("tab", name="Halt history").click()
    expect(page.get_by_role("cell", name="lifted", exact=True)).to_be_visible()


def test_trader_when_a_limit_is_set_then_it_holds_and_what_it_denied_is_told_with_its_numbers(
    page: Page, trader: Person, market: Market
) -> None:
    sign_in(page, trader, "/risk")
    page.get_by_role("button", name="Set a limit").click()
    page.get_by_label("Limit", exact=True).select_option("order_quantity_limit")
    page.get_by_label("Value").fill("5")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("Order quantity limit").first).to_be_visible()

    refused = trader.api.place(trader.account, "6", None)
    market.step_until(lambda: trader.api.status(refused) == "rejected", 5)
    page.reload()
    expect(page.get_by_role("cell", name="ORDER_QUANTITY", exact=True)).to_be_visible()

    page.get_by_role("button", name="Change Order quantity limit").click()
    page.get_by_label("Value").fill("10")
    expect(page.get_by_role("button", name="Change", exact=True)).to_be_disabled()
    page.get_by_label("This is looser than before, and I want that.").check()
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_role("button", name="History of Order quantity limit").click()
    history = page.get_by_role("dialog")
    expect(history.get_by_role("cell", name="10", exact=True)).to_be_visible()
    expect(history.get_by_role("cell", name="no limit")).to_be_visible()
