"""Stories of the overview: the day of a trader whose strategies trade, and of one who has nothing."""

from __future__ import annotations

import re
from uuid import uuid4

import psycopg
from playwright.sync_api import Page, expect

from local.cli.demo_trader import DemoTrader
from local.stack import Stack
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.people import Person


def test_overview_when_strategies_trade_then_they_what_is_held_and_the_health_stand_there_and_an_alert_is_seen(
    page: Page, stack: Stack, demo: DemoTrader, market: Market
) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def held() -> bool:
            found = connection.execute(
                "select 1 from public.position_books where user_id = %s and quantity <> 0", [demo.user_id]
            )
            return found.fetchone() is not None

        market.step_until(held, 60)
        names = [
            name
            for (name,) in connection.execute("select name from public.strategies where user_id = %s", [demo.user_id])
        ]
        connection.execute(
            "select private.alert(%s, null, 'A_TEST', 'warning', 'Look at this.', '{}', %s)",
            [demo.user_id, str(uuid4())],
        )
    sign_in(page, demo)
    running = page.get_by_role("region", name="Running strategies")
    for name in names:
        expect(running.get_by_role("row").filter(has_text=name)).to_contain_text("Active")
    expect(page.get_by_role("region", name="Open positions").get_by_role("row").filter(has_text="SPY")).to_contain_text(
        re.compile(r"\$[\d.,]+")
    )
    health = page.locator("section").filter(has=page.get_by_role("heading", name="System health"))
    expect(health.get_by_text("open", exact=True)).to_be_visible()
    expect(health.get_by_text("Order and fill stream")).to_be_visible()
    expect(health.get_by_text("verified", exact=True)).to_be_visible()
    expect(health.get_by_text("in time", exact=True)).to_be_visible()

    page.get_by_role("button", name="Mark as seen: Look at this.").click()
    expect(page.get_by_text("Look at this.")).to_have_count(0)


def test_overview_when_nothing_was_done_yet_then_each_panel_says_so(page: Page, newcomer: Person) -> None:
    sign_in(page, newcomer)
    for words in (
        "No strategy is running.",
        "Nothing is held.",
        "No trade today.",
        "Nothing that you have not seen.",
        "No session was reported yet.",
    ):
        expect(page.get_by_text(words)).to_be_visible()


def test_overview_when_the_line_is_lost_then_nothing_is_called_well(page: Page, trader: Person) -> None:
    sign_in(page, trader)
    health = page.locator("section").filter(has=page.get_by_role("heading", name="System health"))
    expect(health.get_by_text("well", exact=True).first).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("Stale")).to_be_visible()
    expect(health.get_by_text("well", exact=True)).to_have_count(0)
    expect(health.get_by_text("not known", exact=True).first).to_be_visible()
    page.context.set_offline(False)
    expect(health.get_by_text("well", exact=True).first).to_be_visible(timeout=30_000)
