"""Stories of the options desk."""

from __future__ import annotations

import re
from decimal import Decimal
from uuid import UUID

from playwright.sync_api import Page, expect

from functions.core.errors import AgentTraderError
from local.client import models
from tests.e2e.conftest import sign_in
from tests.e2e.market import OPENS_AT, Market
from tests.e2e.people import Person


def _with_chain(person: Person, market: Market) -> None:
    """Lets a strategy need a chain that it never trades on: no spread brings nearly all of its width."""
    config = {
        "days_from": 2,
        "days": 4,
        "days_to": 7,
        "exit_days": 1,
        "chain_width": "0.03",
        "least_credit_share": "0.99",
    }
    asked = models.NewStrategy(
        broker_account_id=UUID(person.account),
        kind="credit_spread",
        name="Looks at the chain",
        config=config,
        symbols=["SPY"],
    )
    strategy = str(person.api.client.create_strategy(asked).id)

    def active() -> bool:
        try:
            return person.api.activate(strategy, OPENS_AT.isoformat()) == "active"
        except AgentTraderError:
            return False

    market.step_until(active, 5)
    market.step(2)


def test_vertical_when_sold_from_the_chain_then_its_payoff_is_that_by_hand_and_both_legs_are_held(
    page: Page, trader: Person, market: Market
) -> None:
    _with_chain(trader, market)
    sign_in(page, trader, "/options/SPY")
    page.get_by_label("Preset").select_option("put_credit")
    legs = page.get_by_role("list", name="Legs").get_by_role("listitem")
    expect(legs).to_have_count(2)
    sold, bought = (legs.nth(at).locator("span").first.inner_text().split() for at in range(2))
    page.get_by_role("button", name="Use the natural price").click()
    limit = page.get_by_label("Net limit price")
    # Ten cents less than what trades at once: the market moves until the order is there.
    credit = -Decimal(limit.input_value()) - Decimal("0.10")
    limit.fill(f"{-credit}")
    width = Decimal(sold[1]) - Decimal(bought[1])
    told = page.get_by_label("At expiry")
    expect(told.get_by_text(f"${credit * 100:.2f}", exact=True)).to_be_visible()
    expect(told.get_by_text(f"\N{MINUS SIGN}${(width - credit) * 100:.2f}", exact=True)).to_be_visible()
    expect(told.get_by_text(f"${Decimal(sold[1]) - credit:.2f}", exact=True)).to_be_visible()

    page.get_by_role("button", name="Review order").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("PAPER", exact=True)).to_be_visible()
    expect(dialog.get_by_text(f"Sell to open 1 \N{MULTIPLICATION SIGN} {' '.join(sold)}")).to_be_visible()
    dialog.get_by_role("button", name="Send paper order").click()
    expect(dialog).to_have_count(0)
    market.step(3)
    [order] = [trade for trade in trader.api.client.all_trades() if trade.source == "manual"]
    assert order.status == "filled", order
    assert sorted(trader.api.held().values()) == [-1, 1]


def test_desk_when_trading_is_halted_then_an_opening_order_is_blocked_with_the_reason_and_a_closing_one_is_not(
    page: Page, trader: Person, market: Market
) -> None:
    _with_chain(trader, market)
    trader.api.client.engage_halt(models.GivenHalt(gate_key=f"account:{trader.account}", reason="enough for today"))
    sign_in(page, trader, "/options/SPY")
    page.get_by_label("Preset").select_option("put_credit")
    legs = page.get_by_role("list", name="Legs").get_by_role("listitem")
    expect(legs).to_have_count(2)
    review = page.get_by_role("button", name="Review order")
    expect(page.get_by_text("Trading is halted (enough for today)")).to_be_visible()
    expect(review).to_be_disabled()
    for leg in legs.all():
        leg.get_by_label(re.compile("^Intent of")).select_option("close")
    expect(review).to_be_enabled()
