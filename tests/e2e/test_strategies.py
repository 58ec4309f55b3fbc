"""Stories of strategies: written by the generated form, started, watched, paused, stopped."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.people import Person


def _written(page: Page, name: str, **config: str) -> None:
    """A moving-average cross by the form, as a draft; the page of the strategy is open then."""
    page.get_by_role("button", name="New strategy").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Moving-average cross").click()
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Symbols").fill("spy")
    for label, value in config.items():
        dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_role("button", name="Create as draft").click()


def _started(page: Page) -> None:
    page.get_by_role("button", name="Start", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("is valid")).to_be_visible()
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.get_by_text("It is active.")).to_be_visible()
    dialog.get_by_role("button", name="Done").click()


def test_trader_when_a_config_does_not_fit_then_told_at_its_field_by_the_browser_and_by_the_platform(
    page: Page, trader: Person
) -> None:
    sign_in(page, trader, "/strategies")
    _written(page, "Crossing", Fast="1")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Fast must be at least 2")).to_be_visible()
    # What two fields say together only the platform knows.
    dialog.get_by_label("Fast", exact=True).fill("8")
    dialog.get_by_label("Slow", exact=True).fill("5")
    dialog.get_by_role("button", name="Create as draft").click()
    expect(dialog.get_by_text("Slow must be above fast, which is 8")).to_be_visible()
    dialog.get_by_label("Slow", exact=True).fill("20")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name="Crossing")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_role("row", name="Slow 5 20")).to_be_visible()
    expect(page.get_by_text("In effect", exact=True)).to_be_visible()


def test_trader_when_a_strategy_trades_then_seen_live_paused_and_flattened(
    page: Page, trader: Person, market: Market
) -> None:
    sign_in(page, trader, "/strategies")
    _written(page, "Quick", Fast="2", Slow="3", Quantity="7")
    expect(page.get_by_role("heading", level=1, name="Quick")).to_be_visible()
    _started(page)
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    (strategy,) = trader.api.client.all_strategies()

    def held_and_once_not_traded() -> bool:
        stayed = trader.api.client.list_strategy_decisions(strategy.id, action="stay", limit=1)
        return trader.api.held().get("SPY", 0) > 0 and bool(stayed.data)

    market.step_until(held_and_once_not_traded, 60)
    expect(page.get_by_role("row", name="buy 7 SPY filled").first).to_be_visible()
    page.get_by_role("tab", name="Decisions").click()
    log = page.get_by_role("list", name="Decisions, newest first")
    expect(log.get_by_text("fast mean crossed above the slow one").first).to_be_visible()
    page.get_by_role("radio", name="No trade").click()
    # What it says depends on whether it held: where the tape stands is the stories' before this one to say.
    expect(log.get_by_text(re.compile("no new cross|holding 7")).first).to_be_visible()
    expect(log.get_by_text("Traded", exact=True)).to_have_count(0)

    page.get_by_role("button", name="Pause entries").click()
    expect(page.get_by_text("Entries paused", exact=True)).to_be_visible()
    expect(page.get_by_text("Halted: Quick")).to_be_visible()

    page.get_by_role("button", name="Stop", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("7 SPY stays.").first).to_be_visible()
    dialog.get_by_label("Flatten: close everything").check()
    expect(dialog.get_by_text("7 SPY closed at the market, in session")).to_be_visible()
    dialog.get_by_role("button", name="Stop and flatten").click()
    progress = page.get_by_role("status", name="Closing")
    expect(progress).to_contain_text("open positions")
    market.step_until(lambda: trader.api.held().get("SPY", 0) == 0, 10)
    expect(progress).to_contain_text("Everything is closed")
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    page.get_by_role("link", name="Strategies", exact=True).last.click()
    card = page.get_by_role("article", name="Quick")
    expect(card).to_contain_text("PAPER")
    expect(card).to_contain_text("SPY")
